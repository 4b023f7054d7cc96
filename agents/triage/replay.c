/* ReplayDecision: what was decided, computed again from what it rests on. */
#include "agents/record/decisions.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"

/* A part of a decision that a replay must repeat to the bit. */
struct compared {
    const char *name;
    size_t of;     /* offset of the sub-message's pointer in Decision, or WHOLE */
    size_t offset; /* in it */
    size_t size;   /* 0: a text */
};

#define WHOLE SIZE_MAX
#define IN(type, field) offsetof(type, field), sizeof(((type *)0)->field)
#define OWN(field)                                                                                           \
    {                                                                                                        \
#field, WHOLE, IN(Decision, field)                                                                   \
    }
#define FIT(field)                                                                                           \
    {                                                                                                        \
        "fit." #field, offsetof(Decision, fit), IN(FitScore, field)                                          \
    }
#define ENGAGEMENT(field)                                                                                    \
    {                                                                                                        \
        "engagement." #field, offsetof(Decision, engagement), IN(EngagementScore, field)                     \
    }

static const struct compared compared[] = {
    OWN(category),
    OWN(priority),
    OWN(destination),
    OWN(abstained),
    OWN(abstain_cause),
    { "rule_id", WHOLE, offsetof(Decision, rule_id), 0 },
    FIT(probability),
    FIT(margin),
    FIT(set_has_negative),
    FIT(set_has_positive),
    ENGAGEMENT(score),
    ENGAGEMENT(value),
    ENGAGEMENT(half_life_days),
};

static const char *part_of(const Decision *d, const struct compared *f)
{
    const char *base = (const char *)d;
    if (f->of != WHOLE)
        memcpy(&base, (const char *)d + f->of, sizeof base);
    return base + f->offset;
}

static bool differs(const struct compared *f, const Decision *a, const Decision *b)
{
    const char *x = part_of(a, f), *y = part_of(b, f);
    if (f->size)
        return memcmp(x, y, f->size) != 0;
    return strcmp(*(char *const *)(const void *)x, *(char *const *)(const void *)y) != 0;
}

/* A person's decision has no rule: it is taken as it is, and only what it was told of the scores is computed.
 */
static void take_verdict(Decision *to, const Decision *from)
{
    to->kind = from->kind;
    to->category = from->category;
    to->priority = from->priority;
    to->destination = from->destination;
    to->rule_id = from->rule_id;
    to->reason = from->reason;
    to->abstained = from->abstained;
    to->abstain_cause = from->abstain_cause;
    to->actor = from->actor;
    to->justification = from->justification;
}

static struct status decide_again(struct ctx *c, const Decision *d, Decision **ret)
{
    struct decide_inputs in;
    struct decide_with with;
    TRY(with_of_decision(c, d, &with));
    TRY(inputs_of_decision(c, d, &in));
    TRY(decide(c->arena, &in, &with, ret));
    (*ret)->name = d->name;
    (*ret)->lead = d->lead;
    (*ret)->create_time = d->create_time;
    (*ret)->supersedes = d->supersedes;
    if (d->kind == DECISION__KIND_OVERRIDE)
        take_verdict(*ret, d);
    return ok();
}

/* A choice is compared by its bytes: options, hours, propensities and what was chosen. */
static bool choice_differs(struct ctx *c, const Decision *a, const Decision *b)
{
    return !str_eq(pb_pack(c->arena, a->choice), pb_pack(c->arena, b->choice));
}

struct status replay_decision(struct ctx *c, const ReplayDecisionRequest *req, ReplayDecisionResponse *res)
{
    Decision *d, *again;
    TRY(decision_get(c, req->name, &d));
    bool choice = d->kind == DECISION__KIND_CHOICE;
    TRY(choice ? c->app->choose_again(c, d, &again) : decide_again(c, d, &again));
    res->differences = ARENA_ARRAY(c->arena, COUNT(compared), char *);
    if (!res->differences)
        return fail_memory();
    for (size_t i = 0; !choice && i < COUNT(compared); i++)
        if (differs(&compared[i], d, again))
            res->differences[res->n_differences++] = (char *)compared[i].name;
    if (choice && choice_differs(c, d, again))
        res->differences[res->n_differences++] = (char *)"choice";
    res->replayed = again;
    res->identical = res->n_differences == 0;
    return ok();
}
