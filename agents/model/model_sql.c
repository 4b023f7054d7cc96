#include "agents/model/model_sql.h"

#include "agents/model/model.h"

const struct stmt model_sql[MODEL_STMTS] = {
    [MODEL_GET] = { "model_get", "ttt", "ib",
                    "SELECT state, data FROM model_version WHERE workspace = $1 AND model_id = $2 AND "
                    "version = $3",
                    NULL, NULL },
    /* $2 "" is any model; the page goes on after ($3, $4, $5). */
    [MODEL_LIST] = { "model_list", "tttiti", "ttiib",
                     "SELECT model_id, version, create_time, state, data FROM model_version"
                     " WHERE workspace = $1 AND ($2 = '' OR model_id = $2) AND (model_id > $3 OR (model_id = "
                     "$3 AND"
                     " (create_time > $4 OR (create_time = $4 AND version > $5))))"
                     " ORDER BY model_id, create_time, version LIMIT $6",
                     NULL, NULL },
    [MODEL_INSERT] = { "model_insert", "tttiitb", "",
                       "INSERT INTO model_version (workspace, model_id, version, state, create_time, digest, "
                       "data)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                       NULL, NULL },
    [MODEL_FILE_INSERT] = { "model_file_insert", "ttb", "",
                            "INSERT INTO model_file (workspace, digest, bytes) VALUES ($1, $2, $3)"
                            " ON CONFLICT (workspace, digest) DO NOTHING",
                            NULL, NULL },
    [MODEL_MOVE] = { "model_move", "ittti", "",
                     "UPDATE model_version SET state = $1"
                     " WHERE workspace = $2 AND model_id = $3 AND version = $4 AND state = $5",
                     NULL, NULL },
};

const struct stmt_table model_statements = { model_sql, MODEL_STMTS };
