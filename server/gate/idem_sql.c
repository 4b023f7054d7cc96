#include "server/gate/idem_sql.h"

#include "server/gate/idem.h"

const struct stmt idem_sql[IDEM_STATEMENTS] = {
    [IDEM_INSERT] = { "idem_insert", "tttbib", "",
                      "INSERT INTO idempotency (workspace, request_id, method, fingerprint, create_time, "
                      "response)"
                      " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
                      "INSERT INTO idempotency (workspace, request_id, method, fingerprint, create_time, "
                      "response)"
                      " SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bigint[], "
                      "$6::bytea[])"
                      " ON CONFLICT DO NOTHING",
                      NULL },
    [IDEM_SELECT] = { "idem_select", "ttt", "bb",
                      "SELECT fingerprint, response FROM idempotency"
                      " WHERE workspace = $1 AND request_id = $2 AND method = $3",
                      NULL, NULL },
    [IDEM_EXPIRE] = { "idem_expire", "ii", "",
                      "DELETE FROM idempotency WHERE (workspace, request_id, method) IN"
                      " (SELECT workspace, request_id, method FROM idempotency WHERE create_time < $1"
                      " ORDER BY create_time LIMIT $2)",
                      NULL, NULL },
};

const struct stmt_table idem_statements = { idem_sql, IDEM_STATEMENTS };
