/* lead_sql.h: the statements of this room. */
#ifndef AGENTS_LEAD_LEAD_SQL_H
#define AGENTS_LEAD_LEAD_SQL_H

#include "store/db.h"

enum {
    LEADS_PAGE,  /* workspace, after id, limit -> id, data */
    EVENTS_PAGE, /* workspace, lead id, after time, after event id, limit -> time, event id, data */
    EVENTS_GIVE,
    EVENTS_DELETE,
    OUTCOME_INSERT,
    OUTCOMES_GIVE,
    OUTCOMES_DELETE,
    IMPORT_GET, /* workspace, id -> version, data */
    IMPORT_INSERT,
    IMPORT_UPDATE,
    REJECT_INSERT,
    REJECTS_PAGE, /* workspace, import id, after line, limit -> line, data */
    LEAD_ROOM_STMTS
};

extern const struct stmt lead_room_sql[LEAD_ROOM_STMTS];

#endif
