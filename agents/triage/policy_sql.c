#include "agents/triage/policy_sql.h"

#include "agents/triage/triage.h"

const struct stmt policy_sql[POLICY_STMTS] = {
    [POLICY_GET] = { "policy_get", "tti", "iib",
                     "SELECT state, create_time, data FROM routing_policy"
                     " WHERE workspace = $1 AND id = $2 AND version = $3",
                     NULL, NULL },
    [POLICY_NEWEST] = { "policy_newest", "tt", "i",
                        "SELECT COALESCE(MAX(version), 0) FROM routing_policy WHERE workspace = $1 AND id = "
                        "$2",
                        NULL, NULL },
    [POLICY_LIST] = { "policy_list", "ttii", "tiiib",
                      "SELECT id, version, state, create_time, data FROM routing_policy"
                      " WHERE workspace = $1 AND (id > $2 OR (id = $2 AND version > $3)) ORDER BY id, "
                      "version LIMIT $4",
                      NULL, NULL },
    [POLICY_INSERT] = { "policy_insert", "ttiiib", "",
                        "INSERT INTO routing_policy (workspace, id, version, state, create_time, data)"
                        " VALUES ($1, $2, $3, $4, $5, $6)",
                        NULL, NULL },
    [POLICY_MOVE] = { "policy_move", "ittii", "",
                      "UPDATE routing_policy SET state = $1"
                      " WHERE workspace = $2 AND id = $3 AND version = $4 AND state = $5",
                      NULL, NULL },
};

const struct stmt_table triage_statements = { policy_sql, POLICY_STMTS };
