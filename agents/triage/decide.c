#include "agents/triage/decide.h"
#include "agents/record/times.h"
#include "agents/triage/fields.h"
#include "agents/triage/prior.h"
#include "base/clock.h"
#include "base/pb.h"

#include <math.h>
#include <stdlib.h>

/* ---- The fit axis ---- */

struct cell *decide_cells(struct arena *a, const struct decide_inputs *in)
{
    struct cell *to = arena_raw(a, (in->n + 1) * sizeof *to);
    for (size_t i = 0; to && i < in->n; i++) {
        to[i].name = in->fields[i].name;
        to[i].text = in->fields[i].text;
    }
    return to;
}

/* The wire drops a zero's sign, so a stored score must not have one. */
static double unsigned_zero(double x)
{
    return x + 0.0;
}

static struct status score_by_model(struct arena *a, const struct decide_inputs *in, const struct scorer *s,
                                    bool level_95, FitScore *fit)
{
    float row[MODEL_FEATURES_MAX];
    struct model_score score;
    const struct cell *given = decide_cells(a, in);
    if (!given)
        return fail_memory();
    model_row(s->model, given, in->n, row);
    model_score_row(s->model, row, &score);
    fit->probability = score.probability;
    fit->margin = unsigned_zero(score.margin);
    fit->set_has_negative = level_95 ? score.in0_95 : score.in0_90;
    fit->set_has_positive = level_95 ? score.in1_95 : score.in1_90;
    fit->source = FIT_SCORE__SOURCE_MODEL;
    return ok();
}

/* The scorecard has learnt nothing, so it excludes nothing: both outcomes are in its set. */
static void score_by_prior(const struct decide_inputs *in, FitScore *fit)
{
    struct prior_score score;
    prior_score(in->fields, in->n, &score);
    fit->probability = score.probability;
    fit->margin = unsigned_zero(score.margin);
    fit->set_has_negative = fit->set_has_positive = true;
    fit->source = FIT_SCORE__SOURCE_PRIOR_SCORECARD;
}

static struct status score_fit(struct arena *a, const struct decide_inputs *in,
                               const struct decide_with *with, FitScore *fit)
{
    const struct scorer *s = with->scorer;
    fit->model_version = (char *)s->version;
    fit->model_digest = (char *)s->digest;
    if (s->model)
        return score_by_model(a, in, s, with->policy->level_95, fit);
    score_by_prior(in, fit);
    return ok();
}

/* ---- The engagement axis ---- */

static void score_engagement(const struct decide_inputs *in, const struct engagement_axis *axis,
                             EngagementScore *to)
{
    to->value = engagement_value(axis, in->engagement, in->decide_us);
    to->score = engagement_axis_score(axis, to->value);
    to->half_life_days = axis->half_life_us / (double)US_PER_DAY;
    to->engagement_model_version = axis->version;
}

/* ---- The route ---- */

static void route(const struct decide_inputs *in, const struct route_policy *p, Decision *d)
{
    struct route_case c;
    struct route r;
    c.fit = d->fit->probability;
    c.in0 = d->fit->set_has_negative;
    c.in1 = d->fit->set_has_positive;
    c.prior = d->fit->source == FIT_SCORE__SOURCE_PRIOR_SCORECARD;
    c.engagement = d->engagement->score;
    c.fields = in->fields;
    c.n = in->n;
    route_choose(p, &c, &r);
    d->category = r.rule->category;
    d->priority = r.rule->priority;
    d->rule_id = (char *)r.rule->id;
    d->abstain_cause = r.abstain;
    d->abstained = r.abstain != DECISION__ABSTAIN_CAUSE_UNSPECIFIED;
    d->destination = d->abstained ? AGENT_TYPE_HANDOFF : r.rule->destination;
    d->reason = (char *)(d->abstained ? route_abstain_reason(r.abstain) : r.rule->reason);
    d->routing_policy = (char *)p->name;
    d->routing_policy_version = p->version;
}

struct status decide(struct arena *a, const struct decide_inputs *in, const struct decide_with *with,
                     Decision **ret)
{
    Decision *d = PB_NEW(a, Decision);
    if (!d || !(d->fit = PB_NEW(a, FitScore)) || !(d->engagement = PB_NEW(a, EngagementScore)))
        return fail_memory();
    d->kind = DECISION__KIND_TRIAGE;
    d->code_version = (char *)with->code_version;
    TRY(score_fit(a, in, with, d->fit));
    score_engagement(in, with->axis, d->engagement);
    route(in, with->policy, d);
    *ret = d;
    return ok();
}

/* ---- Inputs kept ---- */

struct status decide_inputs_keep(struct arena *a, const struct decide_inputs *in, DecisionInputs **ret)
{
    DecisionInputs *kept = PB_NEW(a, DecisionInputs);
    DecisionInputs__FieldsEntry *entries = arena_raw(a, (in->n + 1) * sizeof *entries);
    if (!kept || !entries || !(kept->fields = arena_raw(a, (in->n + 1) * sizeof *kept->fields)))
        return fail_memory();
    for (size_t i = 0; i < in->n; i++) {
        DecisionInputs__FieldsEntry *e = &entries[i];
        DecisionInputs__FieldsEntry_descriptor.message_init(&e->base);
        e->key = (char *)in->fields[i].name.p;
        e->value = (char *)in->fields[i].text.p;
        kept->fields[i] = e;
    }
    kept->n_fields = in->n;
    kept->engagement = (EngagementState *)in->engagement;
    kept->decide_time_micros = in->decide_us;
    *ret = kept;
    return ok();
}

struct status decide_inputs_kept(struct arena *a, const DecisionInputs *kept, struct decide_inputs *ret)
{
    struct field *fields = arena_raw(a, (kept->n_fields + 1) * sizeof *fields);
    if (!fields)
        return fail_memory();
    for (size_t i = 0; i < kept->n_fields; i++) {
        fields[i].name = str_of(kept->fields[i]->key);
        fields[i].text = str_of(kept->fields[i]->value);
    }
    fields_sort(fields, kept->n_fields);
    ret->fields = fields;
    ret->n = kept->n_fields;
    ret->engagement = kept->engagement;
    ret->decide_us = kept->decide_time_micros;
    return ok();
}

/* ---- Reasons ---- */

static FieldContribution *part(struct arena *a, struct str field, struct str value, double contribution)
{
    FieldContribution *c = PB_NEW(a, FieldContribution);
    if (!c)
        return NULL;
    c->field = pb_str(a, field);
    c->value = pb_str(a, value);
    c->contribution = contribution;
    return c->field && c->value ? c : NULL;
}

static struct status reasons_of_model(struct arena *a, const struct decide_inputs *in, struct model *m,
                                      struct reasons *ret)
{
    float row[MODEL_FEATURES_MAX];
    struct model_explanation why;
    const struct cell *given = decide_cells(a, in);
    if (!given)
        return fail_memory();
    model_row(m, given, in->n, row);
    TRY(model_explain_row(m, row, a, &why));
    ret->base = why.base;
    ret->n = why.n;
    ret->parts = ARENA_ARRAY(a, why.n + 1, FieldContribution *);
    for (size_t i = 0; ret->parts && i < why.n; i++) {
        struct str name = model_info(m)->columns[why.contributions[i].column].name;
        ret->parts[i] = part(a, name, field_text(in->fields, in->n, name), why.contributions[i].value);
        if (!ret->parts[i])
            return fail_memory();
    }
    return ret->parts ? ok() : fail_memory();
}

static int by_effect(const void *a, const void *b)
{
    const FieldContribution *x = *(FieldContribution *const *)a, *y = *(FieldContribution *const *)b;
    double u = fabs(x->contribution), v = fabs(y->contribution);
    return u != v ? (u < v ? 1 : -1) : strcmp(x->field, y->field);
}

static struct status reasons_of_prior(struct arena *a, const struct decide_inputs *in, struct reasons *ret)
{
    struct prior_score score;
    prior_score(in->fields, in->n, &score);
    ret->base = score.base;
    ret->n = score.n;
    ret->parts = ARENA_ARRAY(a, score.n, FieldContribution *);
    for (size_t i = 0; ret->parts && i < score.n; i++) {
        ret->parts[i] = part(a, str_of(score.parts[i].field), score.parts[i].text, score.parts[i].points);
        if (!ret->parts[i])
            return fail_memory();
    }
    if (!ret->parts)
        return fail_memory();
    qsort(ret->parts, ret->n, sizeof *ret->parts, by_effect);
    return ok();
}

struct status decide_reasons(struct arena *a, const struct decide_inputs *in, const struct scorer *scorer,
                             struct reasons *ret)
{
    return scorer->model ? reasons_of_model(a, in, scorer->model, ret) : reasons_of_prior(a, in, ret);
}
