/* stored.h: between the files of agents/triage: what was in service once, and policies as stored. */
#ifndef AGENTS_TRIAGE_STORED_H
#define AGENTS_TRIAGE_STORED_H

#include "agents/triage/decide.h"

C_BEGIN

/* What is in service. Held until the ctx's arena is reset, as is what the next two give. */
MUSTCHECK struct status with_in_service(struct ctx *c, struct decide_with *ret);

/* What decided then: the versions that the decision names. Fails: REPLAY_IMPOSSIBLE where one is not at hand.
 */
MUSTCHECK struct status with_of_decision(struct ctx *c, const Decision *d, struct decide_with *ret);

/* The same without the policy. */
MUSTCHECK struct status scores_of_decision(struct ctx *c, const Decision *d, struct decide_with *ret);

/* Its lead's inputs. Fails: REPLAY_IMPOSSIBLE where it was stored without. */
MUSTCHECK struct status inputs_of_decision(struct ctx *c, const Decision *d, struct decide_inputs *ret);

/* *ret is p until the ctx's arena is reset; then, or where this fails, p is freed. */
MUSTCHECK struct status policy_hold(struct ctx *c, struct route_policy *p, const struct route_policy **ret);

/* A stored policy version, compiled. Fails: POLICY_NOT_FOUND. */
MUSTCHECK struct status policy_compiled(struct ctx *c, const char *id, int64_t version,
                                        const struct route_policy **ret);

C_END
#endif
