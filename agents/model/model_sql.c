#include "agents/model/model_sql.h"

#include "agents/model/model.h"

/* Each outcome with the time of the lead's last decision before it, 0 where there was none. On SQLite the
 * index is named: without statistics it would read all decisions of the workspace for each outcome, and all
 * events for each lead. */
#define OUTCOMES(hint)                                                                                       \
    "SELECT o.lead_id, o.outcome_time, COALESCE((SELECT MAX(d.create_time) FROM decision AS d" hint          \
    " WHERE d.workspace = o.workspace AND d.lead_id = o.lead_id AND d.create_time <= o.outcome_time), 0), "  \
    "o.data"                                                                                                 \
    " FROM outcome AS o WHERE o.workspace = $1 ORDER BY o.outcome_time DESC, o.id LIMIT $2"
#define EVENTS(hint)                                                                                         \
    "SELECT event_time, type FROM lead_event" hint                                                           \
    " WHERE workspace = $1 AND lead_id = $2 AND event_time <= $3"                                            \
    " ORDER BY event_time DESC, event_id DESC LIMIT $4"

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
    [OUTCOMES_NEWEST] = { "model_outcomes", "ti", "tiib", OUTCOMES(" INDEXED BY decision_by_lead"), NULL,
                          OUTCOMES("") },
    [EVENTS_BEFORE] = { "model_events", "ttii", "it", EVENTS(" INDEXED BY lead_event_by_lead"), NULL,
                        EVENTS("") },
};

const struct stmt_table model_statements = { model_sql, MODEL_STMTS };
