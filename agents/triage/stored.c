#include "agents/triage/stored.h"

#include "agents/record/active.h"
#include "agents/record/checks.h"

struct status with_in_service(struct ctx *c, struct decide_with *ret)
{
    void *scorer, *policy, *axis;
    TRY(active_get(c, ACTIVE_MODEL, &scorer));
    TRY(active_get(c, ACTIVE_POLICY, &policy));
    TRY(active_get(c, ACTIVE_ENGAGEMENT, &axis));
    ret->scorer = scorer;
    ret->policy = policy;
    ret->axis = axis;
    ret->code_version = c->app->code_version;
    return ok();
}

/* Not at hand is what a replay calls impossible; anything else (no store, no memory) stays what it is. */
static struct status impossible(struct ctx *c, struct status s, const char *what)
{
    if (s.code != CODE_NOT_FOUND && s.code != CODE_INVALID_ARGUMENT && s.reason != REASON_MODEL_UNSIGNED)
        return s;
    return fail(c->arena, REASON_REPLAY_IMPOSSIBLE, "the decision's %s is not at hand: %s", what, s.message);
}

static struct status scorer_of(struct ctx *c, const FitScore *fit, const struct scorer **ret)
{
    struct scorer *s = ARENA_NEW(c->arena, struct scorer);
    if (!s)
        return fail_memory();
    s->version = fit->model_version;
    s->digest = fit->model_digest;
    *ret = s;
    if (fit->source == FIT_SCORE__SOURCE_MODEL)
        return scoring_model(c, fit->model_digest, &s->model);
    if (strcmp(fit->model_digest, SCORECARD_VERSION) == 0)
        return ok();
    return fail(c->arena, REASON_MODEL_NOT_FOUND, "it was scored by %s, this build has %s", fit->model_digest,
                SCORECARD_VERSION);
}

static struct status policy_of(struct ctx *c, const Decision *d, const struct route_policy **ret)
{
    const char *id;
    TRY(name_id(c->arena, d->routing_policy, "routingPolicies/", "routing_policy", &id));
    return policy_compiled(c, id, d->routing_policy_version, ret);
}

static struct status axis_of(struct ctx *c, const Decision *d, const struct engagement_axis **ret)
{
    return engagement_axis_load(c, d->engagement->engagement_model_version, ret);
}

struct status scores_of_decision(struct ctx *c, const Decision *d, struct decide_with *ret)
{
    if (!d->fit || !d->engagement)
        return fail(c->arena, REASON_REPLAY_IMPOSSIBLE, "the decision was stored without scores");
    TRY(impossible(c, scorer_of(c, d->fit, &ret->scorer), "model"));
    TRY(impossible(c, axis_of(c, d, &ret->axis), "engagement model"));
    ret->policy = NULL;
    ret->code_version = c->app->code_version;
    return ok();
}

struct status with_of_decision(struct ctx *c, const Decision *d, struct decide_with *ret)
{
    TRY(scores_of_decision(c, d, ret));
    return impossible(c, policy_of(c, d, &ret->policy), "routing policy");
}

struct status inputs_of_decision(struct ctx *c, const Decision *d, struct decide_inputs *ret)
{
    if (!d->inputs)
        return fail(c->arena, REASON_REPLAY_IMPOSSIBLE, "the decision was stored without its inputs");
    return decide_inputs_kept(c->arena, d->inputs, ret);
}
