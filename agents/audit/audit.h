/* audit.h: the event log as evidence: a hash chain over each workspace's entries, signed checkpoints of the
 * chains, and the handlers of AuditService (proto/marketing/v1/audit.proto; docs/audit.md has the formats).
 *
 * Handlers never wait for the chain: a job follows the log and writes the hashes of what was committed. */
#ifndef AGENTS_AUDIT_AUDIT_H
#define AGENTS_AUDIT_AUDIT_H

#include "agents/record/app.h"

C_BEGIN

struct audit;

MUSTCHECK struct status audit_open(struct arena *a, struct audit **ret);

void audit_close(struct audit *audit); /* NULL is allowed */

/* Jobs. */

/* Adds to the ctx's unit the hashes of the next events, of some thousands at most. Of several replicas one is
 * first, the others' units fail with CONFLICT. */
MUSTCHECK struct status audit_seal(struct ctx *c);
/* Adds to the ctx's unit a checkpoint of each workspace whose chain has grown since its last, where that is
 * an hour old. */
MUSTCHECK struct status audit_checkpoints(struct ctx *c);

/* Handlers. */

MUSTCHECK struct status list_audit_events(struct ctx *c, const ListAuditEventsRequest *req,
                                          ListAuditEventsResponse *res);
struct verification;
MUSTCHECK struct status verify_audit_chain_open(struct ctx *c, const VerifyAuditChainRequest *req,
                                                struct verification **ret);
/* Fills the next message; *ret_more: there is one. */
MUSTCHECK struct status verify_audit_chain(struct ctx *c, struct verification *v,
                                           VerifyAuditChainResponse *res, bool *ret_more);
MUSTCHECK struct status create_checkpoint(struct ctx *c, const CreateCheckpointRequest *req,
                                          AuditCheckpoint *res);

extern const struct stmt_table audit_statements;

C_END
#endif
