#include "agents/engage/contact/policy_sql.h"

#include "agents/engage/contact/policy.h"

const struct stmt send_policy_sql[SEND_POLICY_STMTS] = {
    [SEND_POLICY_NEWEST] = { "send_policy_newest", "t", "iib",
                             "SELECT version, create_time, data FROM send_policy WHERE workspace = $1"
                             " ORDER BY version DESC LIMIT 1",
                             NULL, NULL },
    [SEND_POLICY_INSERT] = { "send_policy_insert", "tiib", "",
                             "INSERT INTO send_policy (workspace, version, create_time, data)"
                             " VALUES ($1, $2, $3, $4)",
                             NULL, NULL },
};

const struct stmt_table send_policy_statements = { send_policy_sql, SEND_POLICY_STMTS };
