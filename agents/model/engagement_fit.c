/* FitEngagementModel: gathers what leads did before they were judged and what became of them, and has the
 * axis learnt from it (ml/activity.h). */
#include "agents/model/model.h"
#include "agents/model/model_sql.h"
#include "agents/record/aside.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/pb.h"
#include "ml/activity.h"

#include <stdio.h>
#include <stdlib.h>

#define OUTCOMES_MAX 20000   /* newest first; of several of one lead the newest counts */
#define EVENTS_MAX 200000    /* in all */
#define LEAD_EVENTS_MAX 1000 /* of one lead, the newest */
#define TYPES_SEEN_MAX 512
#define TYPE_EVENTS_MIN 20 /* a rarer type gets the default weight */
#define READ_BUDGET ((size_t)64 * 1024 * 1024)

struct type {
    const char *name;
    uint64_t hash;
    size_t n;       /* events */
    uint32_t index; /* in the fit; 0 is "all others" */
};

struct gathered {
    struct ctx *c;
    struct activity_event *events;
    size_t n_events;
    uint8_t *converted;
    size_t n_leads;
    struct type types[TYPES_SEEN_MAX];
    size_t n_types;
};

/* One lead's label, and up to when its events count. */
struct label {
    const char *lead;
    int64_t judged_us;
    bool converted;
};

/* ---- Gathering ---- */

static int by_lead(const void *a, const void *b)
{
    const struct label *x = a, *y = b;
    int order = strcmp(x->lead, y->lead);
    return order ? order : (x->judged_us < y->judged_us) - (x->judged_us > y->judged_us);
}

/* A lead is judged when it was last decided on before its outcome: that is when its score is used. */
static struct status take_label(struct ctx *c, const struct value *v, struct label *to)
{
    Outcome *o = PB_UNPACK(c->arena, Outcome, v[3].s);
    TRY(decoded(c, o, "an outcome"));
    to->lead = v[0].s.p;
    to->judged_us = v[2].i ? v[2].i : v[1].i;
    to->converted = o->converted;
    return ok();
}

static struct status read_labels(struct ctx *c, struct label **ret, size_t *ret_n)
{
    struct rows rows;
    TRY(DB_QUERY(c, &model_sql[OUTCOMES_NEWEST], &rows, v_text(c->workspace), v_int(OUTCOMES_MAX)));
    struct label *labels = ARENA_ARRAY(c->arena, rows.n + 1, struct label);
    size_t n = 0;
    if (!labels)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++)
        TRY(take_label(c, row_at(&rows, i), &labels[i]));
    qsort(labels, rows.n, sizeof *labels, by_lead);
    for (size_t i = 0; i < rows.n; i++)
        if (i == 0 || strcmp(labels[i].lead, labels[i - 1].lead))
            labels[n++] = labels[i];
    *ret = labels;
    *ret_n = n;
    return ok();
}

/* The place of the type among those seen; TYPES_SEEN_MAX - 1 where there are too many. */
static size_t type_place(struct gathered *g, struct str name)
{
    uint64_t hash = hash64(name, 0);
    size_t i = 0;
    while (i < g->n_types && (g->types[i].hash != hash || !str_eq(str_of(g->types[i].name), name)))
        i++;
    if (i < g->n_types || i == TYPES_SEEN_MAX - 1)
        return i;
    g->types[i].name = arena_dup(g->c->arena, name);
    g->types[i].hash = hash;
    g->n_types += g->types[i].name != NULL;
    return i;
}

static struct status read_lead(struct ctx *reader, struct gathered *g, const struct label *l)
{
    struct rows rows;
    int64_t limit = (int64_t)MIN(LEAD_EVENTS_MAX, EVENTS_MAX - g->n_events);
    TRY(DB_QUERY(reader, &model_sql[EVENTS_BEFORE], &rows, v_text(reader->workspace), v_text(l->lead),
                 v_int(l->judged_us), v_int(limit)));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        struct activity_event *e = &g->events[g->n_events++];
        e->lead = (uint32_t)g->n_leads;
        e->type = (uint32_t)type_place(g, v[1].s);
        e->age_days = (double)(l->judged_us - v[0].i) / (double)US_PER_DAY;
        g->types[e->type].n++;
    }
    g->converted[g->n_leads++] = l->converted;
    return g->c->arena->overflow ? fail_memory() : ok();
}

static struct status read_leads(struct gathered *g, struct ctx *reader, const struct label *labels, size_t n)
{
    for (size_t i = 0; i < n && g->n_events < EVENTS_MAX; i++) {
        struct arena_mark mark = arena_mark(reader->arena);
        TRY(read_lead(reader, g, &labels[i]));
        arena_rewind(reader->arena, mark);
        if (clock_mono_us() > g->c->deadline_us)
            return fail(NULL, REASON_DEADLINE_PASSED, "the deadline passed while events were read");
    }
    return ok();
}

static struct status read_all(struct gathered *g, struct ctx *reader)
{
    struct label *labels = NULL;
    size_t n = 0;
    TRY(read_labels(reader, &labels, &n));
    g->events = ARENA_ARRAY(g->c->arena, EVENTS_MAX, struct activity_event);
    g->converted = ARENA_ARRAY(g->c->arena, n + 1, uint8_t);
    return g->events && g->converted ? read_leads(g, reader, labels, n) : fail_memory();
}

static struct status gather(struct ctx *c, struct gathered **ret)
{
    struct gathered *g = ARENA_NEW(c->arena, struct gathered);
    struct aside own;
    if (!g)
        return fail_memory();
    g->c = c;
    *ret = g;
    aside_begin(&own, c, READ_BUDGET);
    return aside_end(&own, c, read_all(g, &own.ctx));
}

/* ---- Types ---- */

static int by_count(const void *a, const void *b)
{
    const struct type *x = *(struct type *const *)a, *y = *(struct type *const *)b;
    return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->name, y->name);
}

/* Gives the frequent types an index each, sets prior weights, and returns how many there are with "all
 * others". */
static size_t number_types(struct gathered *g, struct type **sorted, double *prior)
{
    size_t n = 1;
    prior[0] = engagement_axis_prior.default_weight;
    for (size_t i = 0; i < g->n_types; i++)
        sorted[i] = &g->types[i];
    qsort(sorted, g->n_types, sizeof *sorted, by_count);
    for (size_t i = 0; i < g->n_types && n < ACTIVITY_TYPES_MAX && sorted[i]->n >= TYPE_EVENTS_MIN; i++) {
        sorted[i]->index = (uint32_t)n;
        prior[n++] = engagement_weight(&engagement_axis_prior, str_of(sorted[i]->name));
    }
    return n;
}

static int by_lead_and_type(const void *a, const void *b)
{
    const struct activity_event *x = a, *y = b;
    if (x->lead != y->lead)
        return x->lead < y->lead ? -1 : 1;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    return (x->age_days > y->age_days) - (x->age_days < y->age_days);
}

/* ---- The answer ---- */

static struct status add_weight(struct ctx *c, EngagementModel *m, const char *type, double weight)
{
    EngagementModel__WeightsEntry *w = PB_NEW(c->arena, EngagementModel__WeightsEntry);
    if (!w)
        return fail_memory();
    w->key = (char *)type;
    w->value = weight;
    m->weights[m->n_weights++] = w;
    return ok();
}

static bool is_learnt(const struct gathered *g, struct str type)
{
    for (size_t i = 0; i < g->n_types; i++)
        if (g->types[i].index && str_eq(str_of(g->types[i].name), type))
            return true;
    return false;
}

/* What was learnt, and for types too rare here what the prior says of them. */
static struct status put_weights(struct ctx *c, const struct gathered *g, const struct activity_fit *fit,
                                 EngagementModel *m)
{
    m->weights =
        ARENA_ARRAY(c->arena, ACTIVITY_TYPES_MAX + engagement_axis_prior.n, EngagementModel__WeightsEntry *);
    if (!m->weights)
        return fail_memory();
    for (size_t i = 0; i < g->n_types; i++)
        if (g->types[i].index)
            TRY(add_weight(c, m, g->types[i].name, fit->weights[g->types[i].index]));
    for (size_t i = 0; i < engagement_axis_prior.n; i++) {
        const struct engagement_weight *w = &engagement_axis_prior.weights[i];
        if (!is_learnt(g, w->type))
            TRY(add_weight(c, m, w->type.p, w->weight));
    }
    return ok();
}

static struct status learn(struct ctx *c, struct gathered *g, EngagementModel *m)
{
    struct activity_data d = { g->events, g->n_events, g->converted, g->n_leads, NULL, 0 };
    double prior[ACTIVITY_TYPES_MAX];
    struct type *sorted[TYPES_SEEN_MAX];
    struct activity_fit fit;
    d.prior_weights = prior;
    d.n_types = number_types(g, sorted, prior);
    for (size_t i = 0; i < g->n_events; i++)
        g->events[i].type = g->types[g->events[i].type].index;
    qsort(g->events, g->n_events, sizeof *g->events, by_lead_and_type);
    TRY(activity_learn(&d, c->arena, &fit));
    m->half_life_days = fit.half_life_days;
    m->intercept = fit.intercept;
    m->slope = fit.slope;
    m->default_weight = fit.weights[0];
    m->training_leads = (int64_t)g->n_leads;
    m->log_loss = fit.log_loss;
    return put_weights(c, g, &fit, m);
}

struct status fit_engagement_model(struct ctx *c, const FitEngagementModelRequest *req, EngagementModel *res)
{
    struct gathered *g = NULL;
    char version[32];
    TRY(gather(c, &g));
    TRY(learn(c, g, res));
    if (req->validate_only)
        return ok();
    TRY(engagement_model_add(c, res));
    event_note(c, "model", "engagement_model.fitted", "engagementModel");
    snprintf(version, sizeof version, "%lld", (long long)res->version);
    const char *kept = arena_dup(c->arena, str_of(version));
    return kept ? active_put(c, ACTIVE_ENGAGEMENT, "engagement", kept) : fail_memory();
}
