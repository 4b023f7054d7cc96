#include "agents/engage/message/message_sql.h"

#include "agents/engage/message/message.h"
#include "agents/record/lists.h"

#define INSERT_COLUMNS "workspace, id, lead_id, version, state, due_time, priority, create_time, data, frozen"
#define WAITING(open)                                                                                        \
    "SELECT b.due_time, b.data FROM " open " AND b.state = 1 AND b.priority > $3"                            \
    " ORDER BY b.due_time, b.id LIMIT $4"

const struct stmt message_sql[MESSAGE_STATEMENTS] = {
    [MESSAGE_INSERT] = { "message_insert", "tttiiiiibb", "",
                         "INSERT INTO message (" INSERT_COLUMNS
                         ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                         "INSERT INTO message (" INSERT_COLUMNS
                         ") SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], "
                         "$5::bigint[],"
                         " $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[], $10::bytea[])",
                         NULL },
    [MESSAGE_GET] = { "message_get", "tt", "ib",
                      "SELECT version, data FROM message WHERE workspace = $1 AND id = $2", NULL, NULL },
    [MESSAGE_UPDATE] = { "message_update", "iiibtti", "",
                         "UPDATE message SET version = $1, state = $2, due_time = $3, data = $4"
                         " WHERE workspace = $5 AND id = $6 AND version = $7",
                         "UPDATE message AS m SET version = u.next, state = u.state, due_time = "
                         "u.due_time, data = u.data"
                         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::text[], "
                         "$6::text[], $7::bigint[]) AS u (next, state, due_time, data, workspace, id, "
                         "version)"
                         " WHERE m.workspace = u.workspace AND m.id = u.id AND m.version = u.version",
                         NULL },
    [MESSAGE_FREEZE] = { "message_freeze", "iiibbtti", "",
                         "UPDATE message SET version = $1, state = $2, due_time = $3, data = $4,"
                         " frozen = $5 WHERE workspace = $6 AND id = $7 AND version = $8",
                         "UPDATE message AS m SET version = u.next, state = u.state, due_time = "
                         "u.due_time, data = u.data, frozen = u.frozen"
                         " FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], "
                         "$6::text[], $7::text[], $8::bigint[]) AS u (next, state, due_time, data, frozen, "
                         "workspace, id, version)"
                         " WHERE m.workspace = u.workspace AND m.id = u.id AND m.version = u.version",
                         NULL },
    [MESSAGE_ADDRESS] = { "message_address", "tt", "b",
                          "SELECT substr(frozen, 1, 1024) FROM message WHERE workspace = $1 AND id = $2",
                          NULL, NULL },
    [MESSAGES_OF_ALL] = { "messages_of_all", "ttii", "tb",
                          "SELECT id, data FROM message WHERE workspace = $1 AND id > $2 AND $3 IN (0, state)"
                          " ORDER BY id LIMIT $4",
                          NULL, NULL },
    [MESSAGES_OF_LEAD] = { "messages_of_lead", "tttii", "tb",
                           "SELECT id, data FROM message WHERE workspace = $1 AND lead_id IN " LEAD_AND_MERGED
                           " AND id > $3 AND $4 IN (0, state) ORDER BY id LIMIT $5",
                           NULL, NULL },
    [MESSAGES_WAITING] = { "messages_waiting", "ttii", "ib", WAITING(MESSAGES_OPEN), NULL,
                           WAITING(MESSAGES_OPEN_PG) },
};

const struct stmt_table message_statements = { message_sql, MESSAGE_STATEMENTS };
