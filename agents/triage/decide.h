/* decide.h: the core of triage: what was read in, a decision out. No I/O, no clock, no chance: the same
 * arguments give the same bits.
 *
 * TriageLead, ScoreLead, TestRoutingPolicy and ReplayDecision all decide here, so a replay cannot drift from
 * what was done. Any thread. */
#ifndef AGENTS_TRIAGE_DECIDE_H
#define AGENTS_TRIAGE_DECIDE_H

#include "agents/record/scoring.h"
#include "agents/triage/route.h"

C_BEGIN

/* Everything that a decision reads of its lead. */
struct decide_inputs {
    const struct field *fields; /* sorted by name */
    size_t n;
    const EngagementState *engagement; /* NULL: none */
    int64_t decide_us;
};

/* What decides. */
struct decide_with {
    const struct scorer *scorer;
    const struct engagement_axis *axis;
    const struct route_policy *policy;
    const char *code_version;
};

/* A decision of kind TRIAGE in the arena, without name, lead, inputs and contributions. Its texts belong to
 * `with` and must outlive it. Fails: REQUEST_TOO_LARGE (arena full), as do the others. */
MUSTCHECK struct status decide(struct arena *a, const struct decide_inputs *in,
                               const struct decide_with *with, Decision **ret);

/* The inputs as a model reads them. NULL when the arena is full. */
struct cell *decide_cells(struct arena *a, const struct decide_inputs *in);

/* The inputs as the decision keeps them, and back. The texts are shared, not copied. */
MUSTCHECK struct status decide_inputs_keep(struct arena *a, const struct decide_inputs *in,
                                           DecisionInputs **ret);
MUSTCHECK struct status decide_inputs_kept(struct arena *a, const DecisionInputs *kept,
                                           struct decide_inputs *ret);

/* What each field that the scorer knows did to the margin, largest effect first; base plus all of them is the
 * margin. */
struct reasons {
    double base;
    FieldContribution **parts;
    size_t n;
};
MUSTCHECK struct status decide_reasons(struct arena *a, const struct decide_inputs *in,
                                       const struct scorer *scorer, struct reasons *ret);

C_END
#endif
