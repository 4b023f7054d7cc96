/* members.c: the kinds of members and their training, out of fold and final. */
#include "ml/train.h"

#include "base/ids.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUND_STEP 5u /* margins are kept and judged every so many rounds */
#define ROUNDS_MAX 600u
#define FINAL_SEED 100u /* after those of the folds */
#define RIDGES 3u
static const double ridges[RIDGES] = { 3, 30, 300 };

struct kind {
    const char *name;
    uint32_t rounds, patience; /* boosting rounds at most; rounds without gain before stopping */
    struct booster_param params[16];
};

#define COMMON                                                                                               \
    { "objective", "binary:logistic" }, { "tree_method", "hist" }, { "max_bin", "256" },                     \
    {                                                                                                        \
        "base_score", "0.5"                                                                                  \
    }

/* The second kind sees other features and goes deeper where it pays: its errors are unlike the first one's.
 */
static const struct kind kinds[] = {
    { "boosted",
      400,
      60,
      { COMMON,
        { "eta", "0.05" },
        { "max_depth", "6" },
        { "min_child_weight", "4" },
        { "subsample", "0.8" },
        { "colsample_bytree", "0.3" },
        { "lambda", "4" },
        { "gamma", "0.2" } } },
    { "sparse",
      400,
      60,
      { COMMON,
        { "eta", "0.06" },
        { "max_depth", "8" },
        { "min_child_weight", "1" },
        { "subsample", "0.7" },
        { "colsample_bylevel", "0.1" },
        { "lambda", "1" },
        { "gamma", "1" } } },
    { "forest",
      1,
      1,
      { COMMON,
        { "eta", "1" },
        { "num_parallel_tree", "40" },
        { "max_depth", "8" },
        { "min_child_weight", "2" },
        { "subsample", "0.63" },
        { "colsample_bynode", "0.25" },
        { "lambda", "1" } } },
};

#define LINEAR COUNT(kinds) /* the candidate after the boosted ones */

/* ---- Folds ---- */

/* One fold's matrices. */
struct split {
    float *x, *y, *w; /* training rows, then held-out rows, of the encoded data */
    size_t n_train, n_held;
    uint8_t *held;
    struct matrix *train, *test;
};

static void split_done(struct split *s)
{
    matrix_free(s->train);
    matrix_free(s->test);
    free(s->x);
    free(s->y);
    free(s->held);
}

/* Orders the encoded rows: those of other folds, then those of this one. */
static void split_rows(const struct dataset *d, const uint8_t *held, const float *encoded, struct split *s)
{
    size_t width = d->view.n_features, at[2] = { 0, 0 };
    for (size_t i = 0; i < d->n; i++)
        at[1] += !held[i];
    s->n_train = at[1];
    s->n_held = d->n - s->n_train;
    for (size_t i = 0; i < d->n; i++) {
        size_t to = at[held[i]]++;
        memcpy(s->x + to * width, encoded + i * width, width * sizeof *s->x);
        s->y[to] = d->y[i];
        s->w[to] = d->w[i];
    }
}

static struct status split_make(const struct oof *o, uint32_t fold, struct split *s)
{
    const struct dataset *d = &o->data;
    size_t width = d->view.n_features;
    float *encoded = calloc(d->n * width, sizeof *encoded);
    s->x = calloc(d->n * width, sizeof *s->x);
    s->y = calloc(2 * d->n, sizeof *s->y);
    s->held = calloc(d->n, 1);
    s->w = s->y ? s->y + d->n : NULL;
    if (!encoded || !s->x || !s->y || !s->held) {
        free(encoded);
        return fail_memory();
    }
    for (size_t i = 0; i < d->n; i++)
        s->held[i] = o->fold[i] == fold;
    dataset_encode(d, s->held, encoded);
    split_rows(d, s->held, encoded, s);
    free(encoded);
    TRY(matrix_new(s->x, s->n_train, width, s->y, s->w, o->errors, &s->train));
    return s->n_held
               ? matrix_new(s->x + s->n_train * width, s->n_held, width, NULL, NULL, o->errors, &s->test)
               : ok();
}

static double held_loss(const struct split *s, const float *margin)
{
    double loss = 0, weight = 0;
    for (size_t i = 0; i < s->n_held; i++) {
        double m = (double)margin[i], w = (double)s->w[s->n_train + i];
        loss += w * ((m > 0 ? m : 0) + log1p(exp(-fabs(m))) - m * (double)s->y[s->n_train + i]);
        weight += w;
    }
    return loss / weight;
}

/* ---- One booster ---- */

static void set_seed(struct booster_param *p, size_t room, char text[24], uint64_t seed)
{
    size_t n = 0;
    while (n < room && p[n].name)
        n++;
    ASSERT(n + 1 < room);
    snprintf(text, 24, "%u", (unsigned)(mix64(seed) & 0x7fffffff));
    p[n].name = "seed";
    p[n].value = text;
}

static struct status booster_start(const struct oof *o, const struct kind *k, struct split *s, uint64_t seed,
                                   struct booster **ret)
{
    struct booster_param params[COUNT(k->params) + 2];
    char text[24];
    memset(params, 0, sizeof params);
    memcpy(params, k->params, sizeof k->params);
    set_seed(params, COUNT(params), text, o->options->seed * 1000 + seed);
    return booster_new(s->train, s->test, params, o->errors, ret);
}

/* The course of one kind over the folds: margins of every row at every ROUND_STEP-th round. */
struct course {
    float *margins;                           /* [step][row] */
    double loss[ROUNDS_MAX / ROUND_STEP + 1]; /* summed over folds, by weight */
    uint32_t steps;                           /* that every fold has reached */
};

static void keep_margins(const struct oof *o, const struct split *s, struct course *c, uint32_t step,
                         const float *margin)
{
    size_t k = 0;
    for (size_t i = 0; i < o->data.n; i++)
        if (s->held[i])
            c->margins[step * o->data.n + i] = margin[k++];
}

static struct status run_rounds(struct oof *o, const struct kind *k, struct split *s, struct booster *b,
                                float *margin, struct course *c)
{
    uint32_t steps = MAX(1u, k->rounds / ROUND_STEP), per_step = k->rounds == 1 ? 1 : ROUND_STEP, best = 0,
             step;
    double best_loss = INFINITY;
    for (step = 0; step < steps && (step - best) * per_step < MAX(k->patience, 1u); step++) {
        for (uint32_t r = 0; r < per_step; r++)
            TRY(booster_round(b, (int)(step * per_step + r), o->errors));
        TRY(booster_margins(b, s->test, 0, o->errors, margin, s->n_held));
        keep_margins(o, s, c, step, margin);
        double loss = held_loss(s, margin);
        c->loss[step] += loss * (double)s->n_held;
        if (loss < best_loss) {
            best_loss = loss;
            best = step;
        }
    }
    c->steps = MIN(c->steps, step);
    return ok();
}

static struct status run_kind(struct oof *o, const struct kind *k, uint32_t fold, struct split *s,
                              struct course *c)
{
    struct booster *b = NULL;
    float *margin = calloc(s->n_held + 1, sizeof *margin);
    if (!margin)
        return fail_memory();
    struct status st = booster_start(o, k, s, fold, &b);
    if (is_ok(st))
        st = run_rounds(o, k, s, b, margin, c);
    booster_free(b);
    free(margin);
    return st;
}

/* ---- The logistic member ---- */

static struct status run_linear(struct oof *o, struct split *s, struct course *c)
{
    size_t width = o->data.view.n_features;
    for (uint32_t r = 0; r < RIDGES; r++) {
        struct linear l;
        struct arena_mark mark = arena_mark(o->arena);
        float *margin = calloc(s->n_held + 1, sizeof *margin);
        if (!margin)
            return fail_memory();
        struct status st =
            linear_fit(s->x, s->n_train, (uint32_t)width, s->y, s->w, NULL, ridges[r], o->arena, &l);
        for (size_t i = 0; is_ok(st) && i < s->n_held; i++)
            margin[i] = (float)linear_margin(&l, s->x + (s->n_train + i) * width);
        if (is_ok(st)) {
            keep_margins(o, s, c, r, margin);
            c->loss[r] += held_loss(s, margin) * (double)s->n_held;
        }
        free(margin);
        arena_rewind(o->arena, mark);
        TRY(st);
    }
    c->steps = RIDGES;
    return ok();
}

/* ---- Out of fold ---- */

static struct status run_fold(struct oof *o, uint32_t fold, struct course *courses)
{
    CLEANUP(split_done) struct split s = { 0 };
    TRY(split_make(o, fold, &s));
    for (uint32_t k = 0; k < COUNT(kinds); k++) {
        TRY(run_kind(o, &kinds[k], fold, &s, &courses[k]));
        train_report_progress(o, 0.8 / o->n_folds / (COUNT(kinds) + 1), kinds[k].name);
    }
    TRY(run_linear(o, &s, &courses[LINEAR]));
    train_report_progress(o, 0.8 / o->n_folds / (COUNT(kinds) + 1), "logistic");
    return ok();
}

/* Puts the member on the scale of log-odds, by itself. */
static void scale(const struct oof *o, struct candidate *c)
{
    const double *const z[1] = { c->margin };
    struct stack alone;
    stack_fit(z, 1, o->n_judged, o->y, o->w, NULL, &alone);
    c->slope = alone.weights[0];
    c->shift = alone.bias;
    for (size_t i = 0; i < o->n_judged; i++)
        c->margin[i] = stack_margin(&alone, z, i);
    c->loss = margin_loss(c->margin, o->n_judged, o->y, o->w);
}

static struct status judge_course(const struct oof *o, const struct course *c, uint32_t kind,
                                  struct candidate *ret)
{
    uint32_t best = 0;
    for (uint32_t s = 1; s < c->steps; s++)
        if (c->loss[s] < c->loss[best])
            best = s;
    ret->kind = kind;
    ret->name = kind == LINEAR ? "logistic" : kinds[kind].name;
    ret->rounds = kind == LINEAR ? best : kinds[kind].rounds == 1 ? 1 : (best + 1) * ROUND_STEP;
    ret->margin = ARENA_ARRAY(o->arena, o->n_judged, double);
    if (!ret->margin)
        return fail_memory();
    for (size_t i = 0; i < o->n_judged; i++)
        ret->margin[i] = (double)c->margins[best * o->data.n + o->judged[i]];
    scale(o, ret);
    return ok();
}

static void courses_done(struct course **p)
{
    for (uint32_t k = 0; *p && k <= LINEAR; k++)
        free((*p)[k].margins);
    free(*p);
}

struct status members_out_of_fold(struct oof *o, struct candidate *c, uint32_t *ret_n)
{
    CLEANUP(courses_done) struct course *courses = calloc(LINEAR + 1, sizeof *courses);
    if (!courses)
        return fail_memory();
    for (uint32_t k = 0; k <= LINEAR; k++) {
        uint32_t steps = k == LINEAR ? RIDGES : MAX(1u, kinds[k].rounds / ROUND_STEP);
        courses[k].steps = steps;
        courses[k].margins = calloc((size_t)steps * o->data.n, sizeof(float));
        if (!courses[k].margins)
            return fail_memory();
    }
    for (uint32_t fold = 0; fold < o->n_folds; fold++)
        TRY(run_fold(o, fold, courses));
    for (uint32_t k = 0; k <= LINEAR; k++)
        TRY(judge_course(o, &courses[k], k, &c[k]));
    *ret_n = LINEAR + 1;
    return ok();
}

/* ---- Final members ---- */

/* The walker's form of a booster; what it refuses stays XGBoost's. The bit-equality of the walk is checked on
 * the training rows. */
static struct status check_equal(const struct oof *o, const struct forest *f, struct booster *b,
                                 struct split *s)
{
    size_t n = MIN(s->n_train, (size_t)4096), width = o->data.view.n_features;
    float *margin = calloc(s->n_train, sizeof *margin), *doubled = calloc(2 * width, sizeof *doubled);
    struct status st =
        margin && doubled ? booster_margins(b, s->train, 0, o->errors, margin, s->n_train) : fail_memory();
    for (size_t i = 0; is_ok(st) && i < n; i++) {
        row_double(s->x + i * width, width, doubled);
        float own = forest_margin(f, doubled);
        if (memcmp(&own, &margin[i], sizeof own) != 0)
            st = fail(o->errors, REASON_INTERNAL,
                      "the forest walker differs from XGBoost in training row %zu: %.9g, %.9g", i,
                      (double)own, (double)margin[i]);
    }
    free(margin);
    free(doubled);
    return st;
}

static struct status import_booster(struct oof *o, struct booster *b, struct split *s, struct member *m)
{
    struct buf json;
    buf_init(&json, (size_t)1 << 30);
    struct status st = booster_save(b, 0, o->errors, &json);
    if (is_ok(st))
        st = forest_import(buf_str(&json), o->arena, o->errors, &m->forest);
    m->kind = MEMBER_FOREST;
    if (st.reason == REASON_MODEL_STATE) {
        const char *copy = arena_dup(o->arena, buf_str(&json));
        m->kind = MEMBER_FOREIGN;
        m->foreign_json = str_make(copy, json.n);
        st = copy ? ok() : fail_memory();
    }
    buf_done(&json);
    if (is_ok(st) && m->kind == MEMBER_FOREST)
        st = check_equal(o, &m->forest, b, s);
    return st;
}

static struct status final_booster(struct oof *o, const struct kind *k, uint32_t rounds, struct split *s,
                                   struct member *m)
{
    struct booster *b = NULL;
    struct status st = booster_start(o, k, s, FINAL_SEED, &b);
    for (uint32_t r = 0; is_ok(st) && r < rounds; r++)
        st = booster_round(b, (int)r, o->errors);
    if (is_ok(st))
        st = import_booster(o, b, s, m);
    booster_free(b);
    return st;
}

static struct status final_linear(struct oof *o, uint32_t ridge, struct split *s, struct member *m)
{
    m->kind = MEMBER_LINEAR;
    return linear_fit(s->x, s->n_train, o->data.view.n_features, s->y, s->w, NULL, ridges[ridge], o->arena,
                      &m->linear);
}

struct status members_final(struct oof *o, const struct candidate *c, uint32_t n, const struct stack *stack,
                            struct model_parts *p)
{
    CLEANUP(split_done) struct split s = { 0 };
    TRY(split_make(o, FOLD_NONE - 1, &s)); /* no row is of this fold: all are trained on */
    p->members = ARENA_ARRAY(o->arena, PARTS_MEMBERS_MAX, struct member);
    if (!p->members)
        return fail_memory();
    for (uint32_t k = 0; k < n; k++) {
        if (stack->weights[k] * c[k].slope > 0) {
            struct member *m = &p->members[p->n_members++];
            m->weight = stack->weights[k] * c[k].slope;
            TRY(c[k].kind == LINEAR ? final_linear(o, c[k].rounds, &s, m)
                                    : final_booster(o, &kinds[c[k].kind], c[k].rounds, &s, m));
        }
        train_report_progress(o, 0.15 / n, "final members");
    }
    return ok();
}
