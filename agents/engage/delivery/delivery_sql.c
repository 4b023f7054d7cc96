#include "agents/engage/delivery/delivery_sql.h"

#include "agents/engage/delivery/delivery.h"
#include "agents/engage/message/message_sql.h"

/* One that is on its way (1, no time); or one planned before that was on its way and is to be tried again, or
 * is due by then. */
#define BEFORE(open)                                                                                         \
    "SELECT COALESCE(MAX(CASE WHEN b.state = 2 THEN 1 ELSE b.due_time END), 0) FROM " open                   \
    " AND b.id <> $3 AND (b.state = 2 OR ((length(b.frozen) > 0 OR b.due_time <= $4)"                        \
    " AND (b.create_time < $5 OR (b.create_time = $5 AND b.id < $3))))"

/* A message keeps the lead that it was planned for; its order is that of the lead which that one is now. */
#define FOUND                                                                                                \
    "SELECT m.workspace, m.id, COALESCE((SELECT a.lead_id FROM lead_alias AS a WHERE"                        \
    " a.workspace = m.workspace AND a.alias_id = m.lead_id), m.lead_id), m.version,"                         \
    " m.state, m.create_time, CAST(length(m.frozen) AS BIGINT), m.data"                                      \
    " FROM message AS m WHERE m.state IN (1, 2)"
#define IN_ORDER " ORDER BY m.due_time, m.workspace, m.id LIMIT "

/* States of a message: 1 SCHEDULED, 2 SENDING, 4 FAILED. */
const struct stmt delivery_sql[DELIVERY_STMTS] = {
    [DELIVERY_DUE] = { "delivery_due", "ii", "tttiiiib", FOUND " AND m.due_time <= $1" IN_ORDER "$2", NULL,
                       NULL },
    [DELIVERY_LEFT] = { "delivery_left", "iii", "tttiiiib",
                        FOUND " AND m.state = 2 AND m.due_time > $1 AND m.due_time <= $2" IN_ORDER "$3", NULL,
                        NULL },
    [DELIVERY_MARKED] = { "delivery_marked", "tti", "tttiiiib",
                          FOUND " AND m.workspace = $1 AND m.id = $2 AND m.version = $3 AND m.state = 2",
                          NULL, NULL },
    [DELIVERY_FROZEN] = { "delivery_frozen", "tt", "b",
                          "SELECT frozen FROM message WHERE workspace = $1 AND id = $2", NULL, NULL },
    [DELIVERY_BEFORE] = { "delivery_before", "tttii", "i", BEFORE(MESSAGES_OPEN), NULL,
                          BEFORE(MESSAGES_OPEN_PG) },
    [DELIVERY_DEFER] = { "delivery_defer", "itti", "",
                         "UPDATE message SET version = version + 1, due_time = $1"
                         " WHERE workspace = $2 AND id = $3 AND version = $4",
                         NULL, NULL },
    [DELIVERY_PARK] = { "delivery_park", "tti", "",
                        "UPDATE message SET version = version + 1, state = 4"
                        " WHERE workspace = $1 AND id = $2 AND version = $3",
                        NULL, NULL },
};

const struct stmt_table delivery_statements = { delivery_sql, DELIVERY_STMTS };
