/* route.h: a routing policy made ready to route by: two scores in, a rule and perhaps a person out. No I/O; a
 * compiled policy never changes and any number of threads may use it at once. docs/routing.md says how
 * policies work and why the built-in one is as it is. */
#ifndef AGENTS_TRIAGE_ROUTE_H
#define AGENTS_TRIAGE_ROUTE_H

#include "agents/record/leads.h"
#include "base/filter.h"

C_BEGIN

#define ROUTE_RULES_MAX 64
#define ROUTE_BUILTIN "routingPolicies/default" /* version 0 */

struct route_rule {
    double min_fit, max_fit, min_engagement, max_engagement; /* min <= x < max */
    const struct filter *filter;                             /* NULL: all */
    const char *id, *reason;
    LeadCategory category;
    Priority priority;
    AgentType destination;
};

struct route_policy {
    struct arena arena; /* holds all of it, this struct included */
    const char *name;   /* "routingPolicies/{policy}" */
    int64_t version;
    double confidence_threshold;
    bool level_95; /* conformal sets of level 0.95, else 0.9 */
    bool abstain_on_prior;
    struct route_rule *rules;
    size_t n;
};

/* Checks a policy and compiles it (heap). `field` is its path in the request, for violations. Fails:
 * POLICY_INVALID with a violation for every fault found: no rule that matches all at the end, a rule that
 * nothing can reach, bounds, ids, unset parts, filters. */
MUSTCHECK struct status route_compile(struct arena *errors, const RoutingPolicy *p, const char *field,
                                      struct route_policy **ret);
void route_free(struct route_policy *p); /* NULL is allowed */

/* The built-in policy as a message in the arena. NULL over the budget. */
RoutingPolicy *route_builtin(struct arena *a, double confidence_threshold);

/* What is routed. */
struct route_case {
    double fit;
    bool in0, in1; /* the conformal set at the policy's level */
    bool prior;    /* the score is the prior scorecard's */
    double engagement;
    const struct field *fields; /* sorted by name */
    size_t n;
};

struct route {
    const struct route_rule *rule;
    Decision__AbstainCause abstain; /* UNSPECIFIED: no person is asked */
};

/* Always finds a rule: the last one matches everything. */
void route_choose(const struct route_policy *p, const struct route_case *c, struct route *ret);

/* Why a person is asked, in a sentence. */
const char *route_abstain_reason(Decision__AbstainCause cause);

C_END
#endif
