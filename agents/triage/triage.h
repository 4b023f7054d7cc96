/* triage.h: what the triage agent offers: the handlers of TriageService, and a decision for other agents'
 * commits.
 *
 * proto/marketing/v1/triage.proto documents each RPC, its limits and its errors. Handlers that change
 * something leave it in ctx->unit. The arithmetic is in decide.h, which does no I/O; what surrounds it is
 * here. */
#ifndef AGENTS_TRIAGE_TRIAGE_H
#define AGENTS_TRIAGE_TRIAGE_H

#include "agents/record/active.h"
#include "agents/record/leads.h"
#include "agents/record/scoring.h"

C_BEGIN

/* Decides on a lead with what is in service, adds the decision and the event "lead.triaged" to the ctx's
 * unit, and sets row->lead->triage; the caller saves the lead. *ret carries the inputs too; all of it lives
 * as long as the ctx's arena. This is app.triage. Fails: STORE_UNAVAILABLE, REQUEST_TOO_LARGE. */
MUSTCHECK struct status triage_decide(struct ctx *c, struct lead_row *row, bool explain, Decision **ret);

MUSTCHECK struct status triage_lead(struct ctx *c, const TriageLeadRequest *req, TriageLeadResponse *res);
MUSTCHECK struct status batch_triage_leads(struct ctx *c, const BatchTriageLeadsRequest *req,
                                           BatchTriageLeadsResponse *res);
MUSTCHECK struct status score_lead(struct ctx *c, const ScoreLeadRequest *req, ScoreLeadResponse *res);

struct triage_stream;
MUSTCHECK struct status stream_triage_open(struct ctx *c, struct triage_stream **ret);
MUSTCHECK struct status stream_triage_item(struct ctx *c, struct triage_stream *s,
                                           const StreamTriageRequest *req, StreamTriageResponse *res);
void stream_triage_committed(struct ctx *c, struct triage_stream *s);
MUSTCHECK struct status stream_triage_refused(struct ctx *c, struct triage_stream *s,
                                              const StreamTriageRequest *req, struct status why,
                                              StreamTriageResponse *res);
MUSTCHECK struct status stream_triage_finish(struct ctx *c, struct triage_stream *s);

MUSTCHECK struct status get_decision(struct ctx *c, const GetDecisionRequest *req, Decision *res);
MUSTCHECK struct status list_decisions(struct ctx *c, const ListDecisionsRequest *req,
                                       ListDecisionsResponse *res);
MUSTCHECK struct status explain_decision(struct ctx *c, const ExplainDecisionRequest *req,
                                         ExplainDecisionResponse *res);
MUSTCHECK struct status replay_decision(struct ctx *c, const ReplayDecisionRequest *req,
                                        ReplayDecisionResponse *res);
MUSTCHECK struct status override_decision(struct ctx *c, const OverrideDecisionRequest *req, Decision *res);

MUSTCHECK struct status create_routing_policy(struct ctx *c, const CreateRoutingPolicyRequest *req,
                                              RoutingPolicy *res);
MUSTCHECK struct status get_routing_policy(struct ctx *c, const GetRoutingPolicyRequest *req,
                                           RoutingPolicy *res);
MUSTCHECK struct status list_routing_policies(struct ctx *c, const ListRoutingPoliciesRequest *req,
                                              ListRoutingPoliciesResponse *res);
MUSTCHECK struct status publish_routing_policy(struct ctx *c, const PublishRoutingPolicyRequest *req,
                                               RoutingPolicy *res);
MUSTCHECK struct status test_routing_policy(struct ctx *c, const TestRoutingPolicyRequest *req,
                                            TestRoutingPolicyResponse *res);
MUSTCHECK struct status rollback_routing_policy(struct ctx *c, const RollbackRoutingPolicyRequest *req,
                                                RoutingPolicy *res);

/* The loader of ACTIVE_POLICY: gives a struct route_policy (route.h). */
MUSTCHECK struct status policy_load(struct ctx *c, const char *resource_id, const char *version, void **ret);
void policy_unload(void *policy);

extern const struct stmt_table triage_statements; /* routing policies */

C_END
#endif
