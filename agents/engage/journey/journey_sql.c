#include "agents/engage/journey/journey_sql.h"

#include "agents/engage/journey/journey.h"
#include "agents/record/lists.h"

#define COLUMNS "workspace, id, journey_id, journey_version, lead_id, version, due_time, data"
#define LETTERS "tttitiib"
#define IS_OF_LEAD "workspace = $1 AND lead_id IN " LEAD_AND_MERGED

const struct stmt journey_sql[JOURNEY_STATEMENTS] = {
    [JOURNEY_GET] = { "journey_get", "tti", "iib",
                      "SELECT state, create_time, data FROM journey"
                      " WHERE workspace = $1 AND id = $2 AND version = $3",
                      NULL, NULL },
    [JOURNEY_NEWEST] = { "journey_newest", "tt", "i",
                         "SELECT COALESCE(MAX(version), 0) FROM journey WHERE workspace = $1 AND id = $2",
                         NULL, NULL },
    [JOURNEY_SERVING] = { "journey_serving", "tt", "ii",
                          "SELECT version, state FROM journey"
                          " WHERE workspace = $1 AND id = $2 AND state IN (2, 3)",
                          NULL, NULL },
    [JOURNEYS_SERVING] = { "journeys_serving", "t", "tiiib",
                           "SELECT id, version, state, create_time, data FROM journey"
                           " WHERE workspace = $1 AND state IN (2, 3) ORDER BY id",
                           NULL, NULL },
    [JOURNEYS_USED] = { "journeys_used", "ti", "b",
                        "SELECT data FROM journey WHERE workspace = $1 AND state IN (2, 3, 4)"
                        " ORDER BY create_time DESC LIMIT $2",
                        NULL, NULL },
    [JOURNEY_LIST] = { "journey_list", "ttii", "tiiib",
                       "SELECT id, version, state, create_time, data FROM journey"
                       " WHERE workspace = $1 AND (id > $2 OR (id = $2 AND version > $3))"
                       " ORDER BY id, version LIMIT $4",
                       NULL, NULL },
    [JOURNEY_INSERT] = { "journey_insert", "ttiiib", "",
                         "INSERT INTO journey (workspace, id, version, state, create_time, data)"
                         " VALUES ($1, $2, $3, $4, $5, $6)",
                         NULL, NULL },
    [JOURNEY_MOVE] = { "journey_move", "ittii", "",
                       "UPDATE journey SET state = $1"
                       " WHERE workspace = $2 AND id = $3 AND version = $4 AND state = $5",
                       NULL, NULL },
    [JOURNEY_IS_HELD] = { "journey_is_held", "tt", "",
                          "UPDATE journey SET state = state WHERE workspace = $1 AND id = $2 AND state = 3",
                          NULL, NULL },

    [ENROLLMENT_INSERT] = { "enrollment_insert", "tttitiiiib", "",
                            "INSERT INTO enrollment (workspace, id, journey_id, journey_version, lead_id,"
                            " entry, version, state, due_time, update_time, data)"
                            " VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, $9, $10)",
                            NULL, NULL },
    [ENROLLMENT_UPDATE] = { "enrollment_update", "iiibtti", "",
                            "UPDATE enrollment SET version = version + 1, state = $1, due_time = $2,"
                            " update_time = $3, data = $4 WHERE workspace = $5 AND id = $6 AND version = $7",
                            NULL, NULL },
    [ENROLLMENTS_RELEASE] = { "enrollments_release", "tt", "",
                              "UPDATE enrollment SET state = 1, version = version + 1"
                              " WHERE workspace = $1 AND journey_id = $2 AND state = 3",
                              NULL, NULL },
    [ENROLLMENT_GET] = { "enrollment_get", "ttt", LETTERS,
                         "SELECT " COLUMNS
                         " FROM enrollment WHERE workspace = $1 AND journey_id = $2 AND id = $3",
                         NULL, NULL },
    [ENROLLMENT_PAST] = { "enrollment_past", "ttt", "iii",
                          "SELECT COALESCE(MAX(entry), 0), COUNT(CASE WHEN state <> 2 THEN 1 END),"
                          " COALESCE(MAX(update_time), 0) FROM enrollment WHERE " IS_OF_LEAD
                          " AND journey_id = $3",
                          NULL, NULL },
    [ENROLLMENTS_OF_LEAD] = { "enrollments_of_lead", "tt", LETTERS,
                              "SELECT " COLUMNS " FROM enrollment WHERE " IS_OF_LEAD
                              " AND state <> 2 ORDER BY id",
                              NULL, NULL },
    [ENROLLMENTS_DUE] = { "enrollments_due", "ii", LETTERS,
                          "SELECT " COLUMNS " FROM enrollment WHERE state = 1 AND due_time <= $1"
                          " ORDER BY due_time, workspace, id LIMIT $2",
                          NULL, NULL },
    [ENROLLMENTS_LIST] = { "enrollments_list", "ttti", LETTERS,
                           "SELECT " COLUMNS " FROM enrollment WHERE workspace = $1 AND journey_id = $2"
                           " AND id > $3 ORDER BY id LIMIT $4",
                           NULL, NULL },
    [ENROLLMENTS_LIST_OF] = { "enrollments_list_of", "tttti", LETTERS,
                              "SELECT " COLUMNS " FROM enrollment WHERE " IS_OF_LEAD
                              " AND $3 IN ('-', journey_id) AND id > $4 ORDER BY id LIMIT $5",
                              NULL, NULL },

    [BACKFILL_PUT] = { "journey_backfill_put", "ttiiti", "",
                       "INSERT INTO journey_backfill (workspace, journey_id, version, begin_time, before_id,"
                       " leads, entered, done, update_time) VALUES ($1, $2, $3, $4, $5, 0, 0, 0, $6)"
                       " ON CONFLICT (workspace, journey_id) DO UPDATE SET version = excluded.version,"
                       " begin_time = excluded.begin_time, before_id = excluded.before_id, leads = 0,"
                       " entered = 0, done = 0, update_time = excluded.update_time",
                       NULL, NULL },
    [BACKFILL_MOVE] = { "journey_backfill_move", "tiiiittit", "",
                        "UPDATE journey_backfill SET before_id = $1, leads = leads + $2,"
                        " entered = entered + $3, done = $4, update_time = $5 WHERE workspace = $6"
                        " AND journey_id = $7 AND version = $8 AND before_id = $9",
                        NULL, NULL },
    [BACKFILL_GET] = { "journey_backfill_get", "tti", "iiii",
                       "SELECT leads, entered, done, update_time FROM journey_backfill"
                       " WHERE workspace = $1 AND journey_id = $2 AND version = $3",
                       NULL, NULL },
    /* Of a journey that is paused none: it goes on when that is. */
    [BACKFILLS_DUE] = { "journey_backfills_due", "ii", "ttiti",
                        "SELECT b.workspace, b.journey_id, b.version, b.before_id, j.state"
                        " FROM journey_backfill AS b JOIN journey AS j ON j.workspace = b.workspace"
                        " AND j.id = b.journey_id AND j.version = b.version"
                        " WHERE b.done = 0 AND b.begin_time <= $1 AND j.state <> 3"
                        " ORDER BY b.begin_time, b.workspace, b.journey_id LIMIT $2",
                        NULL, NULL },

    [LEAD_EVENTS_AT] = { "journey_lead_events", "ttii", "tt",
                         "SELECT event_id, type FROM lead_event WHERE workspace = $1 AND lead_id = $2"
                         " AND event_time = $3 AND ingest_time = $4",
                         NULL, NULL },
    [LEAD_EVENTS_OF] = { "journey_lead_events_of", "ttiii", "it",
                         "SELECT event_time, type FROM lead_event WHERE workspace = $1 AND lead_id = $2"
                         " AND event_time >= $3 AND event_time < $4 ORDER BY event_time, event_id LIMIT $5",
                         NULL, NULL },
};

const struct stmt_table journey_statements = { journey_sql, JOURNEY_STATEMENTS };
