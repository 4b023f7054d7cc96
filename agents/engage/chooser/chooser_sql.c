#include "agents/engage/chooser/chooser_sql.h"

#include "agents/engage/chooser/chooser.h"

#define STILL_WAITS " AND state = 1"

const struct stmt chooser_sql[CHOOSER_STMTS] = {
    [LEVEL_GET] = { "chooser_level_get", "tit", "ib",
                    "SELECT version, data FROM chooser_level WHERE workspace = $1 AND factor = $2 AND level "
                    "= $3",
                    NULL, NULL },
    [LEVELS_SMALL] = { "chooser_levels_small", "t", "itib",
                       "SELECT factor, level, version, data FROM chooser_level"
                       " WHERE workspace = $1 AND factor <> 2",
                       NULL, NULL },
    [LEVELS_LIST] = { "chooser_levels_list", "titi", "itib",
                      "SELECT factor, level, version, data FROM chooser_level"
                      " WHERE workspace = $1 AND (factor, level) > ($2, $3) ORDER BY factor, level LIMIT $4",
                      NULL, NULL },
    [LEVEL_INSERT] = { "chooser_level_insert", "titb", "",
                       "INSERT INTO chooser_level (workspace, factor, level, version, data)"
                       " VALUES ($1, $2, $3, 1, $4)",
                       NULL, NULL },
    [LEVEL_UPDATE] = { "chooser_level_update", "btiti", "",
                       "UPDATE chooser_level SET version = version + 1, data = $1"
                       " WHERE workspace = $2 AND factor = $3 AND level = $4 AND version = $5",
                       NULL, NULL },

    [CHOICE_INSERT] = { "choice_insert", "tttti", "",
                        "INSERT INTO choice (workspace, message_id, lead_id, decision_id, state, due_time, "
                        "convert_time) VALUES ($1, $2, $3, $4, 1, $5, 0)",
                        NULL, NULL },
    [CHOICES_CONVERT] = { "choices_convert", "itt", "",
                          "UPDATE choice SET convert_time = $1"
                          " WHERE workspace = $2 AND lead_id IN (SELECT $3 UNION ALL"
                          " SELECT alias_id FROM lead_alias WHERE workspace = $2 AND lead_id = "
                          "$3)" STILL_WAITS,
                          NULL, NULL },
    [CHOICE_WORKSPACE] = { "choice_workspace", "it", "t",
                           "SELECT workspace FROM choice WHERE due_time <= $1 AND workspace > $2" STILL_WAITS
                           " ORDER BY workspace LIMIT 1",
                           NULL, NULL },
    [CHOICES_DUE] = { "choices_due", "tii", "ti",
                      "SELECT message_id, convert_time FROM choice"
                      " WHERE workspace = $1 AND due_time <= $2" STILL_WAITS
                      " ORDER BY due_time, message_id LIMIT $3",
                      NULL, NULL },
    [CHOICE_WAIT] = { "choice_wait", "itti", "",
                      "UPDATE choice SET due_time = $1"
                      " WHERE workspace = $2 AND message_id = $3 AND convert_time = $4" STILL_WAITS,
                      NULL, NULL },
    [CHOICE_END] = { "choice_end", "itti", "",
                     "UPDATE choice SET state = $1"
                     " WHERE workspace = $2 AND message_id = $3 AND convert_time = $4" STILL_WAITS,
                     NULL, NULL },
};

const struct stmt_table chooser_statements = { chooser_sql, CHOOSER_STMTS };
