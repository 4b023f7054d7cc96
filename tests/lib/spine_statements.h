/* spine_statements.h: writes over the tables of the spine in the shapes that the rooms use, for tests and
 * benches of the store alone. */
#ifndef TESTS_LIB_SPINE_STATEMENTS_H
#define TESTS_LIB_SPINE_STATEMENTS_H

#include "store/db.h"

C_BEGIN

extern const struct stmt spine_lead_insert;     /* workspace id version create_time update_time data */
extern const struct stmt spine_lead_update;     /* version update_time data, where workspace id version */
extern const struct stmt spine_lead_get;        /* workspace id -> version data */
extern const struct stmt spine_identity_insert; /* workspace kind value lead_id */
extern const struct stmt spine_identity_delete; /* workspace kind value lead_id */
extern const struct stmt spine_decision_insert; /* workspace id lead_id create_time kind route data */
extern const struct stmt spine_event_insert;    /* workspace create_time agent_type agent_id action subject
                                                   conversation    decision_id payload */
extern const struct stmt
    spine_idempotency_insert;         /* workspace request_id method fingerprint create_time response */
extern const struct stmt spine_count; /* workspace -> leads decisions events identities idempotency rows */

extern const struct stmt_table *const spine_tables[];

/* One triage: five rows, as a real one leaves them. `id` names the lead, the decision and the request; the
 * identity is a hash of it. */
void spine_triage(struct unit *u, const char *workspace, const char *id, int64_t now_us, struct str decision);

C_END
#endif
