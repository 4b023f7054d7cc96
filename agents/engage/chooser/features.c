/* What the chooser sees of a lead: a table of values that mostly lie between -2 and 2, 0 where one is not
 * known. docs/choosing.md lists them. */
#include "agents/engage/chooser/chooser_private.h"
#include "agents/record/active.h"
#include "agents/record/engagement.h"
#include "agents/record/times.h"
#include "base/clock.h"

#include <math.h>

#define RECENT_US (30 * US_PER_DAY)

/* Where the values come from. */
struct seen {
    int64_t now_us;
    const Lead *lead;
    const struct engagement_axis *axis;
    double mails, others; /* sent lately */
};

/* -2 at none, 2 at `most`, slower and slower. */
static double counted(double n, double most)
{
    return -2 + 4 * log1p(n) / log1p(most);
}

/* 0 to 1 becomes -2 to 2. */
static double rated(double share)
{
    return 4 * share - 2;
}

/* Days up to now; of a time ahead: none. */
static double days_since(const struct seen *s, const Timestamp *t)
{
    return (double)MAX(s->now_us - time_us(t), 0) / (double)US_PER_DAY;
}

static double fit(const struct seen *s)
{
    return s->lead->triage ? rated(s->lead->triage->fit_score) : 0;
}

static double engagement(const struct seen *s)
{
    const EngagementState *e = s->lead->engagement;
    return e ? rated(engagement_axis_score(s->axis, engagement_value(s->axis, e, s->now_us))) : 0;
}

static double inactivity(const struct seen *s)
{
    const EngagementState *e = s->lead->engagement;
    return e && e->as_of_time ? counted(days_since(s, e->as_of_time), 30) : 0;
}

static double age(const struct seen *s)
{
    return s->lead->create_time ? counted(days_since(s, s->lead->create_time), 365) : 0;
}

static double mails(const struct seen *s)
{
    return counted(s->mails, 10);
}

static double others(const struct seen *s)
{
    return counted(s->others, 10);
}

static const struct feature {
    const char *name;
    double (*value)(const struct seen *s);
} table[FEATURES] = {
    { "fit", fit },        { "engagement", engagement }, { "days_inactive", inactivity },
    { "days_known", age }, { "mails_30_days", mails },   { "other_messages_30_days", others },
};

static void count_sends(struct seen *s, const Contact *contact)
{
    for (size_t i = 0; i < contact->n_sent; i++)
        if (time_us(contact->sent[i]->time) > s->now_us - RECENT_US)
            *(contact->sent[i]->medium == MEDIUM_EMAIL ? &s->mails : &s->others) += 1;
}

struct status features_of(struct ctx *c, const struct lead_row *lead, const Contact *contact,
                          ChoiceInputs *to)
{
    void *axis;
    TRY(active_get(c, ACTIVE_ENGAGEMENT, &axis));
    struct seen s = { c->now_us, lead->before, axis, 0, 0 };
    count_sends(&s, contact);
    to->features = ARENA_ARRAY(c->arena, FEATURES, ChoiceInputs__Feature *);
    if (!to->features)
        return fail_memory();
    for (; to->n_features < FEATURES; to->n_features++) {
        ChoiceInputs__Feature *f = PB_NEW(c->arena, ChoiceInputs__Feature);
        if (!f)
            return fail_memory();
        f->name = (char *)table[to->n_features].name;
        f->value = table[to->n_features].value(&s);
        to->features[to->n_features] = f;
    }
    return ok();
}

bool features_context(const ChoiceInputs *in, struct bandit_context *ret)
{
    double x[FEATURES];
    if (in->n_features != FEATURES)
        return false;
    for (size_t i = 0; i < FEATURES; i++) {
        if (strcmp(in->features[i]->name, table[i].name))
            return false;
        x[i] = in->features[i]->value;
    }
    return bandit_context_make(x, FEATURES, ret);
}
