#include "agents/engage/delivery/delivery_sql.h"

#include "agents/engage/delivery/delivery.h"

/* States of a message: 1 SCHEDULED, 2 SENDING, 4 FAILED. */
const struct stmt delivery_sql[DELIVERY_STMTS] = {
    [DELIVERY_DUE] = { "delivery_due", "ii", "ttt",
                       "SELECT workspace, id, lead_id FROM message WHERE state IN (1, 2) AND due_time <= $1"
                       " ORDER BY due_time, workspace, id LIMIT $2",
                       NULL, NULL },
    [DELIVERY_ROW] = { "delivery_row", "tt", "iiibb",
                       "SELECT version, state, due_time, frozen, data FROM message"
                       " WHERE workspace = $1 AND id = $2",
                       NULL, NULL },
    /* One that is on its way; or one planned before that was on its way and is to be tried again. */
    [DELIVERY_BEFORE] = { "delivery_before", "ttti", "i",
                          "SELECT COUNT(*) FROM message WHERE workspace = $1 AND lead_id = $2 AND id <> $3"
                          " AND (state = 2 OR (state = 1 AND length(frozen) > 0"
                          " AND (create_time < $4 OR (create_time = $4 AND id < $3))))",
                          NULL, NULL },
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
