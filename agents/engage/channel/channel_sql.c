#include "agents/engage/channel/channel_sql.h"

#include "agents/engage/channel/channel.h"

const struct stmt channel_sql[CHANNEL_STMTS] = {
    [CHANNEL_GET] = { "channel_get", "tt", "tibb",
                      "SELECT id, version, data, sealed FROM channel WHERE workspace = $1 AND id = $2", NULL,
                      NULL },
    [CHANNEL_FOR] = { "channel_for", "ti", "tibb",
                      "SELECT id, version, data, sealed FROM channel"
                      " WHERE workspace = $1 AND medium = $2 AND disabled = 0 ORDER BY id LIMIT 1",
                      NULL, NULL },
    [CHANNEL_LIST] = { "channel_list", "tti", "tib",
                       "SELECT id, version, data FROM channel WHERE workspace = $1 AND id > $2"
                       " ORDER BY id LIMIT $3",
                       NULL, NULL },
    [CHANNEL_INSERT] = { "channel_insert", "ttiiibb", "",
                         "INSERT INTO channel (workspace, id, version, medium, disabled, data, sealed)"
                         " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                         NULL, NULL },
    [CHANNEL_UPDATE] = { "channel_update", "ibbtti", "",
                         "UPDATE channel SET version = version + 1, disabled = $1, data = $2, sealed = $3"
                         " WHERE workspace = $4 AND id = $5 AND version = $6",
                         NULL, NULL },
    [CHANNEL_DELETE] = { "channel_delete", "tti", "",
                         "DELETE FROM channel WHERE workspace = $1 AND id = $2 AND version = $3", NULL,
                         NULL },
};

const struct stmt_table channel_statements = { channel_sql, CHANNEL_STMTS };
