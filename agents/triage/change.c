#include "agents/triage/change.h"
#include "agents/triage/fields.h"
#include "agents/triage/prior.h"

#include <math.h>
#include <stdlib.h>

struct search {
    struct arena *arena;
    const struct decide_inputs *in;
    const struct decide_with *with;
    LeadCategory category;
    char *const *immutable;
    size_t n_immutable;
    struct change_set best; /* n is 0 until one is found */
};

static bool may_change(const struct search *s, struct str field)
{
    for (size_t i = 0; i < s->n_immutable; i++)
        if (str_eq(str_of(s->immutable[i]), field))
            return false;
    return true;
}

/* ---- Trying a change ---- */

static bool is_changed(const struct change_set *c, struct str name)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->to[i].name, name))
            return true;
    return false;
}

/* The lead's fields with the change made; NULL over the budget. */
static struct field *changed_fields(const struct search *s, const struct change_set *c, size_t *ret_n)
{
    struct field *f = arena_raw(s->arena, (s->in->n + CHANGE_FIELDS_MAX) * sizeof *f);
    size_t n = 0;
    for (size_t i = 0; f && i < s->in->n; i++)
        if (!is_changed(c, s->in->fields[i].name))
            f[n++] = s->in->fields[i];
    for (size_t i = 0; f && i < c->n; i++)
        if (c->to[i].text.n)
            f[n++] = c->to[i];
    if (f)
        fields_sort(f, n);
    *ret_n = n;
    return f;
}

/* Decides on the changed lead, and keeps the change where it is the cheapest so far that does it. */
static struct status try_change(struct search *s, struct change_set c)
{
    struct arena_mark mark = arena_mark(s->arena);
    struct decide_inputs in = *s->in;
    Decision *d;
    if (s->best.n && s->best.cost <= c.cost)
        return ok();
    in.fields = changed_fields(s, &c, &in.n);
    if (!in.fields)
        return fail_memory();
    TRY(decide(s->arena, &in, s->with, &d));
    if (d->category != s->category) {
        s->best = c;
        s->best.category = d->category;
        s->best.probability = d->fit->probability;
    }
    arena_rewind(s->arena, mark);
    return ok();
}

/* ---- By the scorecard: every value that a row names ---- */

/* False where the row would change nothing, or must not. */
static bool row_change(const struct search *s, const struct prior_score *now, size_t row,
                       struct field *ret_to, double *ret_cost)
{
    const char *field, *value;
    double points;
    if (!prior_example(row, &field, &value, &points) || !*value || !may_change(s, str_of(field)))
        return false;
    size_t i = 0;
    while (strcmp(now->parts[i].field, field))
        i++;
    ret_to->name = str_of(field);
    ret_to->text = str_of(value);
    *ret_cost = fabs(points - now->parts[i].points);
    return *ret_cost > 0;
}

static struct status search_scorecard(struct search *s)
{
    struct prior_score now;
    struct change_set c;
    const char *field, *value;
    double points, cost;
    memset(&c, 0, sizeof c);
    prior_score(s->in->fields, s->in->n, &now);
    c.n = 1;
    for (size_t row = 0; prior_example(row, &field, &value, &points); row++)
        if (row_change(s, &now, row, &c.to[0], &c.cost))
            TRY(try_change(s, c));
    if (s->best.n)
        return ok();
    c.n = 2;
    for (size_t row = 0; prior_example(row, &field, &value, &points); row++)
        for (size_t second = 0; second < row; second++)
            if (row_change(s, &now, row, &c.to[0], &c.cost) && row_change(s, &now, second, &c.to[1], &cost) &&
                !str_eq(c.to[0].name, c.to[1].name)) {
                c.cost += cost;
                TRY(try_change(s, c));
            }
    return ok();
}

/* ---- By the model: across the bounds of the policy's rules ---- */

#define GOALS_MAX 3 /* bounds tried in each direction; the first nearly always does it */

static LeadCategory category_at(const struct search *s, double fit, double engagement)
{
    struct route_case c;
    struct route r;
    memset(&c, 0, sizeof c);
    c.fit = fit;
    c.engagement = engagement;
    c.fields = s->in->fields;
    c.n = s->in->n;
    route_choose(s->with->policy, &c, &r);
    return r.rule->category;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The bounds of fit, ascending. */
static size_t bounds(const struct route_policy *p, double to[2 * ROUTE_RULES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < p->n; i++) {
        to[n++] = p->rules[i].min_fit;
        if (isfinite(p->rules[i].max_fit))
            to[n++] = p->rules[i].max_fit;
    }
    qsort(to, n, sizeof *to, ascending);
    return n;
}

static struct status try_goal(struct search *s, const struct cell *cells, const bool *can_change,
                              double probability, bool at_least)
{
    const struct model *m = s->with->scorer->model;
    struct model_goal goal = { probability, at_least, can_change };
    struct model_change found;
    struct change_set c;
    TRY(model_smallest_change(m, cells, s->in->n, &goal, s->arena, &found));
    if (!found.found || found.n == 0)
        return ok();
    memset(&c, 0, sizeof c);
    c.n = found.n;
    c.cost = found.cost;
    for (size_t i = 0; i < found.n; i++) {
        c.to[i].name = model_info(m)->columns[found.changes[i].column].name;
        c.to[i].text = found.changes[i].to;
    }
    return try_change(s, c);
}

static struct status search_across(struct search *s, const struct cell *cells, const bool *can_change)
{
    double at[2 * ROUTE_RULES_MAX], now, engagement;
    size_t n = bounds(s->with->policy, at), up = 0, down = 0;
    Decision *d;
    TRY(decide(s->arena, s->in, s->with, &d));
    now = d->fit->probability;
    engagement = d->engagement->score;
    for (size_t i = 0; i < n && up < GOALS_MAX; i++)
        if (at[i] > now && (i == 0 || at[i] != at[i - 1]) &&
            category_at(s, at[i], engagement) != s->category) {
            TRY(try_goal(s, cells, can_change, at[i], true));
            up++;
        }
    for (size_t i = n; i-- > 0 && down < GOALS_MAX;)
        if (at[i] > 0 && at[i] <= now && (i == 0 || at[i] != at[i - 1]) &&
            category_at(s, nextafter(at[i], 0), engagement) != s->category) {
            TRY(try_goal(s, cells, can_change, at[i], false));
            down++;
        }
    return ok();
}

static struct status search_model(struct search *s)
{
    const struct model_info *info = model_info(s->with->scorer->model);
    const struct cell *cells = decide_cells(s->arena, s->in);
    bool *can_change = ARENA_ARRAY(s->arena, info->n_columns + 1, bool);
    if (!cells || !can_change)
        return fail_memory();
    for (size_t i = 0; i < info->n_columns; i++)
        can_change[i] = may_change(s, info->columns[i].name);
    return search_across(s, cells, can_change);
}

struct status change_find(struct arena *a, const struct decide_inputs *in, const struct decide_with *with,
                          LeadCategory category, char *const *immutable, size_t n_immutable,
                          struct change_set *ret)
{
    struct search s;
    memset(&s, 0, sizeof s);
    s.arena = a;
    s.in = in;
    s.with = with;
    s.category = category;
    s.immutable = immutable;
    s.n_immutable = n_immutable;
    TRY(with->scorer->model ? search_model(&s) : search_scorecard(&s));
    *ret = s.best;
    return ok();
}
