/* ExplainDecision: what the lead's own fields did to the score, and what would have changed the category. */
#include "agents/record/decisions.h"
#include "agents/triage/change.h"
#include "agents/triage/fields.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"
#include "base/pb.h"

#define IMMUTABLE_MAX 512

static struct status put_reasons(struct ctx *c, const struct decide_inputs *in,
                                 const struct decide_with *with, ExplainDecisionResponse *res)
{
    struct reasons why;
    TRY(decide_reasons(c->arena, in, with->scorer, &why));
    res->base_value = why.base;
    res->contributions = why.parts;
    res->n_contributions = why.n;
    return ok();
}

static FieldChange *field_change(struct arena *a, const struct decide_inputs *in, const struct field *to)
{
    FieldChange *f = PB_NEW(a, FieldChange);
    if (!f)
        return NULL;
    f->field = pb_str(a, to->name);
    f->from_value = pb_str(a, field_text(in->fields, in->n, to->name));
    f->to_value = pb_str(a, to->text);
    return f->field && f->from_value && f->to_value ? f : NULL;
}

static struct status put_change(struct ctx *c, const struct decide_inputs *in, const struct change_set *found,
                                ExplainDecisionResponse *res)
{
    res->smallest_change = ARENA_ARRAY(c->arena, CHANGE_FIELDS_MAX, FieldChange *);
    if (!res->smallest_change)
        return fail_memory();
    for (size_t i = 0; i < found->n; i++)
        if (!(res->smallest_change[res->n_smallest_change++] = field_change(c->arena, in, &found->to[i])))
            return fail_memory();
    if (found->n) {
        res->changed_category = found->category;
        res->changed_probability = found->probability;
    }
    return ok();
}

/* The category that the policy gave: an override's own has no bounds to cross. */
static struct status routed_category(struct ctx *c, const Decision *d, const struct decide_inputs *in,
                                     const struct decide_with *with, LeadCategory *ret)
{
    Decision *again;
    *ret = d->category;
    if (d->kind != DECISION__KIND_OVERRIDE)
        return ok();
    TRY(decide(c->arena, in, with, &again));
    *ret = again->category;
    return ok();
}

struct status explain_decision(struct ctx *c, const ExplainDecisionRequest *req, ExplainDecisionResponse *res)
{
    struct decide_inputs in;
    struct decide_with with;
    struct change_set found;
    LeadCategory category;
    if (req->n_immutable_fields > IMMUTABLE_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "immutable_fields", "at most %d", IMMUTABLE_MAX);
    TRY(decision_get(c, req->name, &res->decision));
    if (res->decision->kind == DECISION__KIND_CHOICE)
        return fail(c->arena, REASON_REPLAY_IMPOSSIBLE, "%s is a choice: it has no score to explain",
                    req->name);
    TRY(with_of_decision(c, res->decision, &with));
    TRY(inputs_of_decision(c, res->decision, &in));
    TRY(put_reasons(c, &in, &with, res));
    TRY(routed_category(c, res->decision, &in, &with, &category));
    TRY(change_find(c->arena, &in, &with, category, req->immutable_fields, req->n_immutable_fields, &found));
    return put_change(c, &in, &found, res);
}
