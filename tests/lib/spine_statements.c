#include "tests/lib/spine_statements.h"

#include "base/ids.h"

const struct stmt spine_lead_insert = {
    "spine_lead_insert",
    "ttiiib",
    "",
    "INSERT INTO lead (workspace, id, version, create_time, update_time, data) VALUES ($1, $2, $3, $4, $5, "
    "$6) "
    "ON CONFLICT DO NOTHING",
    "INSERT INTO lead (workspace, id, version, create_time, update_time, data) "
    "SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) "
    "ON CONFLICT DO NOTHING",
    NULL
};
const struct stmt spine_lead_update = {
    "spine_lead_update",
    "iibtti",
    "",
    "UPDATE lead SET version = $1, update_time = $2, data = $3 WHERE workspace = $4 AND id = $5 AND version "
    "= $6",
    "UPDATE lead SET version = u.version, update_time = u.time, data = u.data "
    "FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::text[], $6::bigint[]) "
    "AS u(version, time, data, workspace, id, was) "
    "WHERE lead.workspace = u.workspace AND lead.id = u.id AND lead.version = u.was",
    NULL
};
const struct stmt spine_lead_get = { "spine_lead_get",
                                     "tt",
                                     "ib",
                                     "SELECT version, data FROM lead WHERE workspace = $1 AND id = $2",
                                     NULL,
                                     NULL };
/* No ON CONFLICT: the violation itself has to end in `otherwise`. */
const struct stmt spine_identity_insert = {
    "spine_identity_insert",
    "titt",
    "",
    "INSERT INTO lead_identity (workspace, kind, value, lead_id) VALUES ($1, $2, $3, $4)",
    "INSERT INTO lead_identity (workspace, kind, value, lead_id) "
    "SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])",
    NULL
};
const struct stmt spine_identity_delete = {
    "spine_identity_delete",
    "titt",
    "",
    "DELETE FROM lead_identity WHERE workspace = $1 AND kind = $2 AND value = $3 AND lead_id = $4",
    "DELETE FROM lead_identity USING unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) "
    "AS u(workspace, kind, value, lead_id) WHERE lead_identity.workspace = u.workspace "
    "AND lead_identity.kind = u.kind AND lead_identity.value = u.value AND lead_identity.lead_id = u.lead_id",
    NULL
};
const struct stmt spine_decision_insert = {
    "spine_decision_insert",
    "tttiiib",
    "",
    "INSERT INTO decision (workspace, id, lead_id, create_time, kind, route, data) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)",
    "INSERT INTO decision (workspace, id, lead_id, create_time, kind, route, data) SELECT * FROM "
    "unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[])",
    NULL
};
const struct stmt spine_event_insert = { "spine_event_insert",
                                         "tiitttttb",
                                         "",
                                         "INSERT INTO event (workspace, create_time, agent_type, agent_id, "
                                         "action, subject, conversation, decision_id, "
                                         "payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                                         "INSERT INTO event (workspace, create_time, agent_type, agent_id, "
                                         "action, subject, conversation, decision_id, "
                                         "payload) SELECT * FROM unnest($1::text[], $2::bigint[], "
                                         "$3::bigint[], $4::text[], $5::text[], $6::text[], "
                                         "$7::text[], $8::text[], $9::bytea[])",
                                         NULL };
const struct stmt spine_idempotency_insert = {
    "spine_idempotency_insert",
    "tbbib",
    "",
    "INSERT INTO idempotency (workspace, key, fingerprint, create_time, response) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
    "INSERT INTO idempotency (workspace, key, fingerprint, create_time, response) SELECT * FROM "
    "unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[], $5::bytea[]) ON CONFLICT DO NOTHING",
    NULL
};
const struct stmt spine_count = { "spine_count",
                                  "t",
                                  "iiiii",
                                  "SELECT (SELECT COUNT(*) FROM lead WHERE workspace = $1), (SELECT COUNT(*) "
                                  "FROM decision WHERE workspace = $1), "
                                  "(SELECT COUNT(*) FROM event WHERE workspace = $1), (SELECT COUNT(*) FROM "
                                  "lead_identity WHERE workspace = $1), "
                                  "(SELECT COUNT(*) FROM idempotency WHERE workspace = $1)",
                                  NULL,
                                  NULL };

const struct stmt_table *const spine_tables[] = { NULL };

void spine_triage(struct unit *u, const char *workspace, const char *id, int64_t now_us, struct str decision)
{
    unsigned char print[SHA256_BYTES];
    char email[2 * SHA256_BYTES + 1];
    const char *whole =
        arena_printf(u->arena, "%s %s", workspace, id); /* the key of a reply is unique over all workspaces */
    sha256(str_of(whole), print);
    hex_text(print, 12, email);
    struct str fingerprint = str_make((const char *)print, sizeof print);
    fingerprint.p = arena_dup(u->arena, fingerprint);
    const char *value = arena_printf(u->arena, "%s@example.com", email),
               *name = arena_dup(u->arena, str_of(id));
    struct value w = v_text(workspace), lead = v_text(name);
    u->workspace = workspace;
    UNIT_ADD(u, &spine_lead_insert, 1, REASON_LEAD_ALREADY_EXISTS, w, lead, v_int(1), v_int(now_us),
             v_int(now_us), v_bytes(str_make(decision.p, decision.n / 2)));
    UNIT_ADD(u, &spine_identity_insert, 1, REASON_IDENTITY_TAKEN, w, v_int(1), v_text(value), lead);
    UNIT_ADD(u, &spine_decision_insert, 1, REASON_CONFLICT, w, lead, lead, v_int(now_us), v_int(1), v_int(2),
             v_bytes(decision));
    UNIT_ADD(u, &spine_event_insert, 1, REASON_CONFLICT, w, v_int(now_us), v_int(1), v_text("triage"),
             v_text("lead.triaged"), lead, v_text(""), lead, v_bytes(str_make(decision.p, decision.n / 8)));
    UNIT_ADD(u, &spine_idempotency_insert, 1, REASON_CONFLICT, w, v_bytes(str_make(fingerprint.p, 16)),
             v_bytes(fingerprint), v_int(now_us), v_bytes(str_make(decision.p, decision.n / 2)));
}
