#include "server/rpc/idem_sql.h"

#include "server/rpc/idem.h"

#define COLUMNS "workspace, key, fingerprint, create_time, response"

const struct stmt idem_sql[IDEM_STATEMENTS] = {
    [IDEM_INSERT] = { "idem_insert", "tbbib", "",
                      "INSERT INTO idempotency (" COLUMNS
                      ") VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                      "INSERT INTO idempotency (" COLUMNS
                      ") SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[],"
                      " $4::bigint[], $5::bytea[]) ON CONFLICT DO NOTHING",
                      NULL },
    [IDEM_SELECT] = { "idem_select", "bt", "bb",
                      "SELECT fingerprint, response FROM idempotency WHERE key = $1 AND workspace = $2", NULL,
                      NULL },
    [IDEM_OLDEST] = { "idem_oldest", "", "ii",
                      "SELECT seq, create_time FROM idempotency ORDER BY seq LIMIT 1", NULL, NULL },
    [IDEM_EXPIRE] = { "idem_expire", "ii", "", "DELETE FROM idempotency WHERE seq < $1 AND create_time < $2",
                      NULL, NULL },
};

const struct stmt_table idem_statements = { idem_sql, IDEM_STATEMENTS };
