/* change.c: the smallest change of a lead that moves its score across a threshold. */
#include "ml/parts.h"

#include "base/buf.h"
#include "base/clock.h"
#include "ml/value.h"

#include <math.h>
#include <stdlib.h>

#define LEVELS_TRIED 64u /* the most frequent levels of a categorical column */
#define PAIRED_COLUMNS 16u
#define PAIRED_EACH 6u

struct candidate {
    uint32_t column;
    struct str to;
    double cost, margin; /* margin: with this change alone */
};

struct search {
    const struct model *m;
    const struct model_goal *goal;
    struct arena *a;
    float row[MODEL_FEATURES_MAX], trial[MODEL_FEATURES_MAX];
    double margin;
    struct candidate *all;
    size_t n, cap;
};

static bool reached(const struct model_goal *g, double probability)
{
    return g->at_least ? probability >= g->probability : probability < g->probability;
}

/* ---- Candidates ---- */

static void add(struct search *s, uint32_t column, struct str to, double cost)
{
    const struct view *v = &s->m->parts.view;
    struct model_score score;
    const struct view_column *c = &v->columns[column];
    ASSERT(s->n < s->cap); /* which counts every candidate there can be */
    view_fill(c, v->absent, to, s->trial);
    model_score_row(s->m, s->trial, &score);
    memcpy(s->trial + c->first, s->row + c->first, c->width * sizeof *s->row);
    struct candidate one = { column, to, cost, score.margin };
    s->all[s->n++] = one;
}

/* Share of training rows below v. */
static double rank_of(const struct view_column *c, double v)
{
    uint32_t below = 0, upto = 0;
    for (uint32_t i = 0; i < c->n_quantiles; i++) {
        below += c->quantiles[i] < v;
        upto += c->quantiles[i] <= v;
    }
    return (below + upto) / 2.0 / c->n_quantiles;
}

static struct str number_text(struct arena *a, double v)
{
    struct buf b;
    buf_init(&b, 64);
    buf_f64(&b, v);
    struct str text = buf_keep(&b, a);
    return text.p ? text : STR("");
}

static struct str date_text(struct arena *a, double days)
{
    char text[CLOCK_TEXT];
    days = MIN(MAX(days, -719162.0), 2932896.0); /* years 1 to 9999 */
    clock_format((int64_t)floor(days) * US_PER_DAY, text);
    const char *copy = arena_dup(a, str_make(text, 10));
    return str_of(copy);
}

static void add_numbers(struct search *s, uint32_t column)
{
    const struct view_column *c = &s->m->parts.view.columns[column];
    uint32_t at = c->at[FEATURE_VALUE];
    bool missing = at == NO_FEATURE || isnan(s->row[at]);
    double now = missing ? 0 : (double)s->row[at], rank = missing ? 0 : rank_of(c, now);
    for (uint32_t i = 0; i < c->n_quantiles; i++) {
        double v = c->quantiles[i];
        if ((i && v == c->quantiles[i - 1]) || (!missing && (float)v == (float)now))
            continue;
        struct str to = c->kind == COLUMN_DATE ? date_text(s->a, v) : number_text(s->a, v);
        add(s, column, to, missing ? 1 : fabs(rank_of(c, v) - rank));
    }
}

static void add_levels(struct search *s, uint32_t column, uint32_t now)
{
    const struct view_column *c = &s->m->parts.view.columns[column];
    for (uint32_t i = LEVEL_UNKNOWN + 1; i < MIN(c->n_levels, LEVELS_TRIED + 2); i++)
        if (i != now)
            add(s, column, c->levels[i].text,
                1 - (double)c->levels[i].count / (double)s->m->parts.train_rows);
}

static struct status collect(struct search *s, const uint32_t *levels)
{
    const struct view *v = &s->m->parts.view;
    for (uint32_t c = 0; c < v->n_columns; c++)
        s->cap += v->columns[c].n_quantiles + MIN(v->columns[c].n_levels, LEVELS_TRIED + 2);
    s->all = ARENA_ARRAY(s->a, s->cap + 1, struct candidate);
    if (!s->all)
        return fail_memory();
    for (uint32_t c = 0; c < v->n_columns; c++) {
        if (s->goal->mutable_columns && !s->goal->mutable_columns[c])
            continue;
        if (v->columns[c].kind == COLUMN_CATEGORICAL)
            add_levels(s, c, levels[c]);
        else
            add_numbers(s, c);
    }
    return s->a->overflow ? fail_memory() : ok();
}

/* ---- The search ---- */

static double probability_of(const struct search *s, double margin)
{
    return calibration_apply(&s->m->parts.calibration, margin);
}

static void search_single(const struct search *s, struct model_change *ret)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct candidate *c = &s->all[i];
        double p = probability_of(s, c->margin);
        if (!reached(s->goal, p) || (ret->found && c->cost >= ret->cost))
            continue;
        struct model_change best = { true, 1, { { c->column, c->to } }, p, c->cost };
        *ret = best;
    }
}

static double gain(const struct search *s, const struct candidate *c)
{
    return s->goal->at_least ? c->margin - s->margin : s->margin - c->margin;
}

/* The strongest PAIRED_EACH candidates of a column come first in its block; returns how many gain anything.
 */
static size_t sort_block(const struct search *s, struct candidate *block, size_t n)
{
    size_t kept = 0;
    for (; kept < MIN(n, (size_t)PAIRED_EACH); kept++) {
        size_t best = kept;
        for (size_t i = kept + 1; i < n; i++)
            if (gain(s, &block[i]) > gain(s, &block[best]))
                best = i;
        struct candidate swap = block[kept];
        block[kept] = block[best];
        block[best] = swap;
        if (gain(s, &block[kept]) <= 0)
            break;
    }
    return kept;
}

struct block {
    const struct candidate *first;
    size_t n;
};

static void try_pair(struct search *s, const struct candidate *x, const struct candidate *y,
                     struct model_change *ret)
{
    const struct view *v = &s->m->parts.view;
    const struct view_column *a = &v->columns[x->column], *b = &v->columns[y->column];
    struct model_score score;
    if (ret->found && x->cost + y->cost >= ret->cost)
        return;
    view_fill(a, v->absent, x->to, s->trial);
    view_fill(b, v->absent, y->to, s->trial);
    model_score_row(s->m, s->trial, &score);
    memcpy(s->trial + a->first, s->row + a->first, a->width * sizeof *s->row);
    memcpy(s->trial + b->first, s->row + b->first, b->width * sizeof *s->row);
    if (!reached(s->goal, score.probability))
        return;
    struct model_change best = {
        true, 2, { { x->column, x->to }, { y->column, y->to } }, score.probability, x->cost + y->cost
    };
    *ret = best;
}

static void search_pairs(struct search *s, struct model_change *ret)
{
    struct block blocks[PAIRED_COLUMNS];
    size_t n = 0;
    for (size_t from = 0, to; from < s->n; from = to) {
        for (to = from + 1; to < s->n && s->all[to].column == s->all[from].column; to++)
            ;
        struct block b = { s->all + from, sort_block(s, s->all + from, to - from) };
        if (b.n == 0)
            continue;
        size_t at = MIN(n, (size_t)PAIRED_COLUMNS); /* insertion, the strongest column first */
        while (at > 0 && gain(s, blocks[at - 1].first) < gain(s, b.first)) {
            if (at < PAIRED_COLUMNS)
                blocks[at] = blocks[at - 1];
            at--;
        }
        if (at < PAIRED_COLUMNS)
            blocks[at] = b;
        n = MIN(n + 1, (size_t)PAIRED_COLUMNS);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            for (size_t x = 0; x < blocks[i].n; x++)
                for (size_t y = 0; y < blocks[j].n; y++)
                    try_pair(s, &blocks[i].first[x], &blocks[j].first[y], ret);
}

/* The level each categorical column has now. */
static uint32_t *levels_now(const struct model *m, const struct cell *cells, size_t n, struct arena *a)
{
    const struct view *v = &m->parts.view;
    uint32_t *levels = ARENA_ARRAY(a, v->n_columns + 1, uint32_t);
    for (size_t i = 0; levels && i < n; i++) {
        uint32_t c = view_column_of(v, cells[i].name);
        if (c != MODEL_UNBOUND && v->columns[c].kind == COLUMN_CATEGORICAL)
            levels[c] = view_level(&v->columns[c], cells[i].text);
    }
    return levels;
}

struct status model_smallest_change(const struct model *m, const struct cell *cells, size_t n,
                                    const struct model_goal *goal, struct arena *a, struct model_change *ret)
{
    struct search *s = ARENA_NEW(a, struct search);
    uint32_t *levels = levels_now(m, cells, n, a);
    struct model_score score;
    if (!s || !levels)
        return fail_memory();
    memset(ret, 0, sizeof *ret);
    s->m = m;
    s->goal = goal;
    s->a = a;
    model_row(m, cells, n, s->row);
    memcpy(s->trial, s->row, m->parts.view.n_features * sizeof *s->row);
    model_score_row(m, s->row, &score);
    s->margin = score.margin;
    if (reached(goal, score.probability))
        return ok();
    TRY(collect(s, levels));
    search_single(s, ret);
    if (!ret->found)
        search_pairs(s, ret);
    return ok();
}
