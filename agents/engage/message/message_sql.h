/* message_sql.h: the statements over the table message. */
#ifndef AGENTS_ENGAGE_MESSAGE_MESSAGE_SQL_H
#define AGENTS_ENGAGE_MESSAGE_MESSAGE_SQL_H

#include "store/db.h"

C_BEGIN

enum message_stmt {
    MESSAGE_INSERT,
    MESSAGE_GET,      /* workspace, id -> version, data */
    MESSAGE_UPDATE,   /* against the version */
    MESSAGE_FREEZE,   /* the same, with other frozen bytes */
    MESSAGE_ADDRESS,  /* workspace, id -> the first bytes of what is frozen */
    MESSAGES_OF_ALL,  /* workspace, after id, state (0: all), limit -> id, data */
    MESSAGES_OF_LEAD, /* workspace, lead id, after id, state (0: all), limit -> id, data */
    MESSAGES_WAITING, /* lead id, workspace, above priority, limit -> due_time, data */
    MESSAGE_STATEMENTS
};

/* Messages of lead $1 of workspace $2 as b, and of those merged into it, that are SCHEDULED or SENDING. Each
 * database is told to go through the leads and look up the messages of each: by itself SQLite makes a list
 * for it, and PostgreSQL, without statistics, reads all open messages of the workspace. */
#define MESSAGE_LEADS                                                                                        \
    "(SELECT $1 AS id UNION ALL SELECT alias_id FROM lead_alias WHERE workspace = $2 AND lead_id = $1) AS w" \
    " CROSS JOIN "
#define MESSAGES_OPEN                                                                                        \
    MESSAGE_LEADS "message AS b WHERE b.workspace = $2 AND b.lead_id = w.id AND b.state <= 2"
#define MESSAGES_OPEN_PG                                                                                     \
    MESSAGE_LEADS "LATERAL (SELECT * FROM message WHERE workspace = $2 AND lead_id = w.id AND state <= 2"    \
                  " OFFSET 0) AS b WHERE b.state <= 2"

extern const struct stmt message_sql[MESSAGE_STATEMENTS];

C_END
#endif
