#include "agents/engage/template/templates_sql.h"

#include "agents/engage/template/templates.h"

const struct stmt template_sql[TEMPLATE_STMTS] = {
    [TEMPLATE_GET] = { "template_get", "tti", "iib",
                       "SELECT state, create_time, data FROM template"
                       " WHERE workspace = $1 AND id = $2 AND version = $3 AND state < 4",
                       NULL, NULL },
    [TEMPLATE_STATE] = { "template_state", "tti", "i",
                         "SELECT state FROM template WHERE workspace = $1 AND id = $2 AND version = $3"
                         " AND state < 4",
                         NULL, NULL },
    [TEMPLATE_NEWEST] = { "template_newest", "tt", "i",
                          "SELECT COALESCE(MAX(version), 0) FROM template WHERE workspace = $1 AND id = $2",
                          NULL, NULL },
    [TEMPLATE_SERVING] = { "template_serving", "tt", "i",
                           "SELECT version FROM template WHERE workspace = $1 AND id = $2 AND state = 2",
                           NULL, NULL },
    [TEMPLATE_HEAD] = { "template_head", "tt", "b",
                        "SELECT head FROM template WHERE workspace = $1 AND id = $2 AND state = 2", NULL,
                        NULL },
    [TEMPLATE_LIVE] = { "template_live", "tt", "i",
                        "SELECT COUNT(*) FROM template WHERE workspace = $1 AND id = $2 AND state < 4", NULL,
                        NULL },
    [TEMPLATE_LIST] = { "template_list", "ttii", "tiiib",
                        "SELECT id, version, state, create_time, head FROM template"
                        " WHERE workspace = $1 AND (id, version) > ($2, $3) AND state < 4"
                        " ORDER BY id, version LIMIT $4",
                        NULL, NULL },
    [TEMPLATE_INSERT] = { "template_insert", "ttiiibb", "",
                          "INSERT INTO template (workspace, id, version, state, create_time, head, data)"
                          " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                          NULL, NULL },
    [TEMPLATE_MOVE] = { "template_move", "ittii", "",
                        "UPDATE template SET state = $1"
                        " WHERE workspace = $2 AND id = $3 AND version = $4 AND state = $5",
                        NULL, NULL },
    [TEMPLATE_DELETE] = { "template_delete", "bbtt", "",
                          "UPDATE template SET state = 4, head = $1, data = $2"
                          " WHERE workspace = $3 AND id = $4 AND state < 4",
                          NULL, NULL },
};

const struct stmt_table template_statements = { template_sql, TEMPLATE_STMTS };
