#include "agents/lead/lead_sql.h"

#include "agents/lead/lead.h"

const struct stmt lead_room_sql[LEAD_ROOM_STMTS] = {
    [LEADS_PAGE] = { "leads_page", "tti", "tb",
                     "SELECT id, data FROM lead WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3", NULL,
                     NULL },
    [EVENTS_PAGE] = { "lead_events_page", "ttiti", "itb",
                      "SELECT event_time, event_id, data FROM lead_event WHERE workspace = $1 AND lead_id = "
                      "$2"
                      " AND (event_time, event_id) > ($3, $4) ORDER BY event_time, event_id LIMIT $5",
                      NULL, NULL },
    [EVENTS_GIVE] = { "lead_events_give", "ttt", "",
                      "UPDATE lead_event SET lead_id = $1 WHERE workspace = $2 AND lead_id = $3", NULL,
                      NULL },
    [EVENTS_DELETE] = { "lead_events_delete", "tt", "",
                        "DELETE FROM lead_event WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
    [OUTCOME_INSERT] = { "outcome_insert", "tttiib", "",
                         "INSERT INTO outcome (workspace, id, lead_id, outcome_time, ingest_time, data) "
                         "VALUES ($1, $2, $3, $4, $5, $6)",
                         NULL, NULL },
    [OUTCOMES_GIVE] = { "outcomes_give", "ttt", "",
                        "UPDATE outcome SET lead_id = $1 WHERE workspace = $2 AND lead_id = $3", NULL, NULL },
    [OUTCOMES_DELETE] = { "outcomes_delete", "tt", "",
                          "DELETE FROM outcome WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
    [IMPORT_GET] = { "lead_import_get", "tt", "ib",
                     "SELECT version, data FROM lead_import WHERE workspace = $1 AND id = $2", NULL, NULL },
    [IMPORT_INSERT] = { "lead_import_insert", "ttiiib", "",
                        "INSERT INTO lead_import (workspace, id, version, create_time, update_time, data) "
                        "VALUES ($1, $2, $3, $4, $5, $6)",
                        NULL, NULL },
    [IMPORT_UPDATE] = { "lead_import_update", "ibtti", "",
                        "UPDATE lead_import SET version = version + 1, update_time = $1, data = $2"
                        " WHERE workspace = $3 AND id = $4 AND version = $5",
                        NULL, NULL },
    [REJECT_INSERT] = { "lead_import_reject_insert", "ttib", "",
                        "INSERT INTO lead_import_reject (workspace, import_id, line, data) VALUES ($1, $2, "
                        "$3, $4)",
                        "INSERT INTO lead_import_reject (workspace, import_id, line, data)"
                        " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[])",
                        NULL },
    [REJECTS_PAGE] = { "lead_import_rejects_page", "ttii", "ib",
                       "SELECT line, data FROM lead_import_reject WHERE workspace = $1 AND import_id = $2 "
                       "AND line > $3 ORDER BY line LIMIT $4",
                       NULL, NULL },
};

const struct stmt_table lead_statements = { lead_room_sql, LEAD_ROOM_STMTS };
