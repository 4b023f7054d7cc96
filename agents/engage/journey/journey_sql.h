/* journey_sql.h: the statements over the tables journey and enrollment. */
#ifndef AGENTS_ENGAGE_JOURNEY_JOURNEY_SQL_H
#define AGENTS_ENGAGE_JOURNEY_JOURNEY_SQL_H

#include "store/db.h"

C_BEGIN

/* Of enrollment.state. */
enum { UNDER_WAY = 1, HAS_LEFT = 2, HELD = 3 };

enum journey_stmt {
    JOURNEY_GET,      /* workspace, id, version -> state, create_time, data */
    JOURNEY_NEWEST,   /* workspace, id -> version, 0 where there is none */
    JOURNEY_SERVING,  /* workspace, id -> version, state: of the one in service */
    JOURNEYS_SERVING, /* workspace -> id, version, state, create_time, data: of all in service */
    JOURNEYS_USED,    /* workspace, limit -> data: of all that are or were in service, the newest first */
    JOURNEY_LIST,     /* workspace, after id, after version, limit -> id, version, state, create_time, data */
    JOURNEY_INSERT,
    JOURNEY_MOVE,    /* to state, workspace, id, version, from state */
    JOURNEY_IS_HELD, /* changes nothing, but only one row where a version of the journey is paused */

    ENROLLMENT_INSERT,
    ENROLLMENT_UPDATE,   /* state, due, update time, data, workspace, id, version */
    ENROLLMENTS_RELEASE, /* workspace, journey id: what was held is under way */
    ENROLLMENT_GET,      /* workspace, journey id, id -> ENROLLMENT_COLUMNS */
    ENROLLMENT_PAST,     /* workspace, lead id, journey id -> entries, how many are under way, last update */
    ENROLLMENTS_OF_LEAD, /* workspace, lead id -> ENROLLMENT_COLUMNS: not left */
    ENROLLMENTS_DUE,     /* now, limit -> ENROLLMENT_COLUMNS */
    ENROLLMENTS_LIST,    /* workspace, journey id, after id, limit -> ENROLLMENT_COLUMNS */
    ENROLLMENTS_LIST_OF, /* workspace, lead id, journey id or "-", after id, limit -> ENROLLMENT_COLUMNS */

    BACKFILL_PUT,  /* workspace, journey id, version, begin, before id, update time */
    BACKFILL_MOVE, /* before id, leads, entered, done, update time, workspace, journey id, version, before id
                    */
    BACKFILL_GET,  /* workspace, journey id, version -> leads, entered, done, update time */
    BACKFILLS_DUE, /* now, limit -> enum backfill_column */

    LEAD_EVENTS_AT, /* workspace, lead id, event time, ingest time -> event id, type */
    LEAD_EVENTS_OF, /* workspace, lead id, from, to, limit -> event time, type: in the order of time */
    JOURNEY_STATEMENTS
};

/* ENROLLMENT_COLUMNS */
enum enrollment_column {
    COL_WORKSPACE,
    COL_ID,
    COL_JOURNEY,
    COL_JOURNEY_VERSION,
    COL_LEAD,
    COL_VERSION,
    COL_DUE,
    COL_DATA
};

enum backfill_column { FILL_WORKSPACE, FILL_JOURNEY, FILL_VERSION, FILL_BEFORE, FILL_STATE };

extern const struct stmt journey_sql[JOURNEY_STATEMENTS];

C_END
#endif
