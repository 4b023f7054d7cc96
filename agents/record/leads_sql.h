/* leads_sql.h: the statements of leads and their identities. Private to agents/record/lead*.c. */
#ifndef AGENTS_RECORD_LEADS_SQL_H
#define AGENTS_RECORD_LEADS_SQL_H

#include "agents/record/lists.h"
#include "store/db.h"

#define LEAD_GROUP LIST_MAX

enum lead_stmt {
    LEAD_BY_ID,         /* workspace, id or alias -> id, version, data, key */
    LEAD_BY_IDENTITY,   /* workspace, kind, value -> id, version, data, key */
    LEAD_OF_IDENTITIES, /* workspace, email, phone, external id ("": none) -> kind, id */
    LEADS_BY_IDS,       /* workspace, LEAD_GROUP ids -> id, version, data, key */
    LEADS_OF_VALUES,    /* workspace, kind, LEAD_GROUP values -> value, lead id */
    LEADS_OF_ALIASES,   /* workspace, LEAD_GROUP ids -> id, id of the lead that lives */
    LEAD_IDS_BEFORE,    /* workspace, id, limit -> id, the last first */
    LEAD_INSERT,
    LEAD_UPDATE,
    LEAD_HOLD,
    LEAD_KEEP_KEY, /* key, workspace, id: where it has no other */
    LEAD_IDENTITY_INSERT,
    LEAD_IDENTITY_DELETE,
    LEAD_IDENTITY_GIVE, /* to another lead */
    LEAD_MOVED_OF,      /* workspace, id -> kind, value */
    LEAD_MOVED_INSERT,
    LEAD_MOVED_DELETE,
    LEAD_ALIAS_INSERT,
    LEAD_ALIASES_GIVE,
    LEAD_ALIASES_DELETE,
    LEAD_DELETE,
    LEAD_ENDED_INSERT, /* workspace, id, id of the lead that lives or its own, key */
    LEAD_ENDED_GIVE,   /* as LEAD_ALIASES_GIVE */
    LEAD_STMTS
};

extern const struct stmt lead_sql[LEAD_STMTS];

#endif
