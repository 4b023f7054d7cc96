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
    MESSAGES_WAITING, /* workspace, lead id, above priority, limit -> due_time, data */
    MESSAGE_STATEMENTS
};

extern const struct stmt message_sql[MESSAGE_STATEMENTS];

C_END
#endif
