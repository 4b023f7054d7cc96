#include "ml/learn.h"

#include "base/ids.h"
#include "ml/levels.h"
#include "ml/value.h"

#include <math.h>
#include <stdlib.h>

#define ROWS_MIN 20u
#define PARTS 10u
#define SMOOTHING 10.0 /* rows of the prior that each level's statistic starts with */
#define QUANTILES 65u
#define TARGET_LEVELS_MIN (ONE_HOT_MAX + 1) /* known levels from which a column gets a target statistic */
#define FREQUENCY_LEVELS_MIN 12u            /* and a frequency */
#define ONE_HOT_MAX 32u
#define MOSTLY 0.95

/* ---- Columns ---- */

/* What a pass over a column saw. */
struct survey {
    size_t present, numbers, dates;
    double *values; /* of numbers or dates */
};

static void survey_column(const struct frame *f, size_t column, struct survey *s, double *values, bool dates)
{
    memset(s, 0, sizeof *s);
    s->values = values;
    for (size_t i = 0; i < f->n_rows; i++) {
        struct str t = str_trim(frame_cell(f, i, column));
        double number = 0;
        int64_t us = 0;
        if (text_is_missing(t))
            continue;
        s->present++;
        bool is_number = text_number(t, &number) && isfinite((float)number), is_date = text_date(t, &us);
        s->numbers += is_number;
        s->dates += is_date;
        if (dates ? is_date : is_number)
            values[(dates ? s->dates : s->numbers) - 1] = dates ? (double)us / 86400e6 : number;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool take_quantiles(struct view_column *c, double *values, size_t n, struct arena *a)
{
    qsort(values, n, sizeof *values, by_value);
    c->n_quantiles = n ? QUANTILES : 0;
    c->quantiles = ARENA_ARRAY(a, QUANTILES, double);
    for (size_t i = 0; c->quantiles && i < c->n_quantiles; i++)
        c->quantiles[i] = values[(n - 1) * i / (QUANTILES - 1)];
    return c->quantiles != NULL;
}

/* The schema's kind, unless the values contradict it: numbers that are not, dates given as levels, names of
 * nobody else. */
static enum column_kind kind_by_values(enum column_kind given, const struct survey *s, size_t distinct,
                                       size_t rows)
{
    if (given == COLUMN_NUMERIC && s->numbers * 2 < s->present)
        given = COLUMN_CATEGORICAL;
    if (given == COLUMN_CATEGORICAL && s->present && (double)s->dates >= MOSTLY * (double)s->present)
        return COLUMN_DATE;
    if (given == COLUMN_CATEGORICAL && distinct * 2 > s->present && rows >= 100 &&
        s->numbers * 2 < s->present)
        return COLUMN_TEXT;
    return given;
}

/* ---- Features of a column ---- */

struct plan {
    struct view *view;
    size_t cap;
    bool full;
};

static void plan_add(struct plan *p, enum feature_kind kind, uint32_t level)
{
    struct view *v = p->view;
    if (v->n_features == p->cap) {
        p->full = true;
        return;
    }
    struct feature f = { (uint8_t)kind, v->n_columns, level };
    v->features[v->n_features++] = f;
}

static void plan_levels(struct plan *p, const struct view_column *c, size_t rows, bool numbers)
{
    uint32_t least = (uint32_t)MAX((size_t)10, rows / 1000);
    for (uint32_t i = 0, made = 0; i < c->n_levels && made < ONE_HOT_MAX; i++) {
        if (c->levels[i].count < least)
            continue;
        plan_add(p, FEATURE_LEVEL, i);
        made++;
    }
    if (c->n_levels - 2 >= TARGET_LEVELS_MIN)
        plan_add(p, FEATURE_TARGET, 0);
    if (c->n_levels - 2 >= FREQUENCY_LEVELS_MIN)
        plan_add(p, FEATURE_FREQUENCY, 0);
    if (numbers)
        plan_add(p, FEATURE_VALUE, 0);
}

static void plan_features(struct plan *p, const struct view_column *c, const struct survey *s, size_t rows)
{
    static const enum feature_kind date[] = { FEATURE_VALUE, FEATURE_MONTH, FEATURE_WEEKDAY, FEATURE_HOUR };
    bool missing = s->present < rows || (c->kind == COLUMN_NUMERIC && s->numbers < s->present);
    if (c->kind == COLUMN_CATEGORICAL) {
        plan_levels(p, c, rows, s->present && (double)s->numbers >= MOSTLY * (double)s->present);
        return;
    }
    for (size_t i = 0; c->kind == COLUMN_DATE && i < COUNT(date); i++)
        plan_add(p, date[i], 0);
    if (c->kind == COLUMN_NUMERIC)
        plan_add(p, FEATURE_VALUE, 0);
    if (c->kind == COLUMN_TEXT)
        plan_add(p, FEATURE_LENGTH, 0);
    if (missing)
        plan_add(p, FEATURE_MISSING, 0);
}

static struct status learn_column(const struct frame *f, const struct schema_column *sc, double *values,
                                  struct plan *p, struct arena *a, struct arena *errors)
{
    struct view_column *c = &p->view->columns[p->view->n_columns];
    struct survey s;
    size_t column = frame_column(f, sc->name), distinct = 0;
    if (column == FRAME_NONE)
        return fail(errors, REASON_SCHEMA_INVALID, "columns.%.*s: the file has no such column",
                    (int)MIN(sc->name.n, 80), sc->name.p);
    const char *name = arena_dup(a, sc->name);
    if (!name)
        return fail_memory();
    c->name = str_make(name, sc->name.n);
    survey_column(f, column, &s, values, sc->kind == COLUMN_DATE);
    TRY(levels_learn(f, column, a, c, &distinct));
    c->kind = kind_by_values(sc->kind, &s, distinct, f->n_rows);
    if (c->kind == COLUMN_DATE)
        survey_column(f, column, &s, values, true);
    if (c->kind != COLUMN_CATEGORICAL) {
        c->levels = NULL;
        c->n_levels = 0;
    }
    if ((c->kind == COLUMN_NUMERIC || c->kind == COLUMN_DATE) &&
        !take_quantiles(c, values, c->kind == COLUMN_DATE ? s.dates : s.numbers, a))
        return fail_memory();
    plan_features(p, c, &s, f->n_rows);
    p->view->n_columns++;
    return ok();
}

static void free_values(double **p)
{
    free(*p);
}

static struct status learn_view(const struct frame *f, const struct schema *s, struct arena *a,
                                struct arena *errors, struct view *v)
{
    CLEANUP(free_values) double *values = calloc(f->n_rows + 1, sizeof *values);
    struct plan p = { v, MODEL_FEATURES_MAX, false };
    v->columns = ARENA_ARRAY(a, s->n, struct view_column);
    v->features = ARENA_ARRAY(a, MODEL_FEATURES_MAX, struct feature);
    if (!values || !v->columns || !v->features)
        return fail_memory();
    for (size_t i = 0; i < s->n; i++)
        TRY(learn_column(f, &s->columns[i], values, &p, a, errors));
    if (p.full)
        return fail(errors, REASON_FIELD_OUT_OF_RANGE, "the columns make more than %u features",
                    MODEL_FEATURES_MAX);
    if (v->n_features == 0)
        return fail(errors, REASON_DATA_INSUFFICIENT, "no column has a usable value");
    return view_finish(v, a) ? ok() : fail_memory();
}

/* ---- Rows ---- */

static struct status learn_outcomes(const struct frame *f, struct str label, struct arena *errors,
                                    struct dataset *d)
{
    size_t column = frame_column(f, label), positives = 0;
    if (column == FRAME_NONE)
        return fail(errors, REASON_CSV_INVALID, "line 1: no column %.*s (the label)", (int)MIN(label.n, 80),
                    label.p);
    for (size_t i = 0; i < f->n_rows; i++) {
        double v;
        if (!text_number(str_trim(frame_cell(f, i, column)), &v) || (v != 0 && v != 1))
            return fail(errors, REASON_CSV_INVALID,
                        "line %llu, column %zu: the label must be 0 or 1 (or true/false, yes/no)",
                        (unsigned long long)f->lines[i], column + 1);
        d->y[i] = (float)v;
        d->w[i] = 1;
        positives += v == 1;
    }
    if (positives < ROWS_MIN || f->n_rows - positives < ROWS_MIN)
        return fail(errors, REASON_DATA_INSUFFICIENT,
                    "%zu rows of label 1 and %zu of label 0: %u of each are needed", positives,
                    f->n_rows - positives, ROWS_MIN);
    return ok();
}

static struct status learn_rows(const struct frame *f, struct arena *a, struct dataset *d)
{
    const struct view *v = &d->view;
    d->x = ARENA_ARRAY(a, d->n * v->n_features, float);
    d->levels = ARENA_ARRAY(a, v->n_columns, uint32_t *);
    if (!d->x || !d->levels)
        return fail_memory();
    for (uint32_t c = 0; c < v->n_columns; c++) {
        size_t column = frame_column(f, v->columns[c].name);
        bool levels = v->columns[c].at[FEATURE_TARGET] != NO_FEATURE;
        d->levels[c] = levels ? ARENA_ARRAY(a, d->n, uint32_t) : NULL;
        if (levels && !d->levels[c])
            return fail_memory();
        for (size_t i = 0; i < d->n; i++) {
            view_fill(&v->columns[c], v->absent, frame_cell(f, i, column), d->x + i * v->n_features);
            if (levels)
                d->levels[c][i] = view_level(&v->columns[c], frame_cell(f, i, column));
        }
    }
    return ok();
}

struct status dataset_learn(const struct frame *f, const struct schema *s, struct str label, struct arena *a,
                            struct arena *errors, struct dataset *ret)
{
    struct dataset d;
    memset(&d, 0, sizeof d);
    d.n = f->n_rows;
    d.y = ARENA_ARRAY(a, d.n + 1, float);
    d.w = ARENA_ARRAY(a, d.n + 1, float);
    if (!d.y || !d.w)
        return fail_memory();
    TRY(learn_outcomes(f, label, errors, &d));
    TRY(learn_view(f, s, a, errors, &d.view));
    TRY(learn_rows(f, a, &d));
    dataset_refresh(&d);
    *ret = d;
    return ok();
}

/* ---- Target statistics ---- */

struct tally {
    double w, y; /* weight, and weight of positives */
};

static float statistic(struct tally t, struct tally without, double prior)
{
    double y = t.y - without.y + SMOOTHING * prior, w = t.w - without.w + SMOOTHING;
    double p = MIN(MAX(y / w, 1e-6), 1 - 1e-6);
    return (float)log(p / (1 - p));
}

static uint32_t part_of(size_t row)
{
    return (uint32_t)(mix64(row ^ UINT64_C(0x7461726765740000)) % PARTS);
}

/* tallies: one of each level, then PARTS of each level. Weights are scaled so that SMOOTHING counts rows. */
static double take_tallies(const struct dataset *d, uint32_t c, const uint8_t *held, struct tally *tallies)
{
    struct tally all = { 0, 0 }, *parts = tallies + d->view.columns[c].n_levels;
    memset(tallies, 0, (PARTS + 1) * d->view.columns[c].n_levels * sizeof *tallies);
    for (size_t i = 0; i < d->n; i++) {
        if (held && held[i])
            continue;
        uint32_t level = d->levels[c][i];
        struct tally *to[] = { &tallies[level], &parts[level * PARTS + part_of(i)], &all };
        for (size_t k = 0; k < COUNT(to); k++) {
            to[k]->w += d->w[i];
            to[k]->y += d->w[i] * d->y[i];
        }
    }
    return all.w > 0 ? all.y / all.w : 0.5;
}

static struct tally *new_tallies(const struct dataset *d, uint32_t c)
{
    struct tally *t = calloc((size_t)(PARTS + 1) * d->view.columns[c].n_levels, sizeof *t);
    ASSERT(t); /* training runs in a tool of its own */
    return t;
}

void dataset_refresh(struct dataset *d)
{
    const struct tally none = { 0, 0 };
    struct view *v = &d->view;
    for (uint32_t c = 0; c < v->n_columns; c++) {
        struct view_column *column = &v->columns[c];
        if (!d->levels[c])
            continue;
        struct tally *t = new_tallies(d, c);
        double prior = take_tallies(d, c, NULL, t);
        for (uint32_t l = 0; l < column->n_levels; l++)
            column->levels[l].target = statistic(t[l], none, prior);
        v->absent[column->at[FEATURE_TARGET]] = column->levels[LEVEL_MISSING].target;
        for (size_t i = 0; i < d->n; i++)
            d->x[i * v->n_features + column->at[FEATURE_TARGET]] = column->levels[d->levels[c][i]].target;
        free(t);
    }
}

void dataset_encode(const struct dataset *d, const uint8_t *held, float *to)
{
    const struct tally none = { 0, 0 };
    const struct view *v = &d->view;
    memcpy(to, d->x, d->n * v->n_features * sizeof *to);
    for (uint32_t c = 0; c < v->n_columns; c++) {
        if (!d->levels[c])
            continue;
        struct tally *t = new_tallies(d, c), *parts = t + v->columns[c].n_levels;
        double prior = take_tallies(d, c, held, t);
        for (size_t i = 0; i < d->n; i++) {
            uint32_t level = d->levels[c][i];
            struct tally without = held && held[i] ? none : parts[level * PARTS + part_of(i)];
            to[i * v->n_features + v->columns[c].at[FEATURE_TARGET]] = statistic(t[level], without, prior);
        }
        free(t);
    }
}
