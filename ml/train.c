#include "ml/train.h"

#include "base/clock.h"
#include "base/ids.h"

#include <math.h>
#include <stdlib.h>

void train_report_progress(struct oof *o, double more, const char *what)
{
    o->done = MIN(1.0, o->done + more);
    if (o->options->progress)
        o->options->progress(o->options->progress_arg, o->done, what);
}

/* Each class's rows are dealt to the folds in random order, so that every fold has its share of either
 * outcome. */
struct dealt {
    uint64_t key;
    size_t row;
};

static int by_key(const void *a, const void *b)
{
    uint64_t x = ((const struct dealt *)a)->key, y = ((const struct dealt *)b)->key;
    return (x > y) - (x < y);
}

static struct status deal(const struct oof *o, const float *y, size_t n, uint8_t *ret)
{
    struct dealt *all = calloc(n + 1, sizeof *all);
    if (!all)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        all[i].key = (mix64(i ^ mix64(o->options->seed)) >> 1) | (y[i] > 0 ? UINT64_C(1) << 63 : 0);
        all[i].row = i;
    }
    qsort(all, n, sizeof *all, by_key);
    for (size_t i = 0; i < n; i++)
        ret[all[i].row] = (uint8_t)(i % TRAIN_FOLDS);
    free(all);
    return ok();
}

static bool time_ordered(const struct train_options *o)
{
    return o->time_ordered || o->recency_rows || o->half_life_rows;
}

/* The first of the newest rows that hold a fifth of the weight. */
static size_t newest_fifth(const struct dataset *d)
{
    double all = 0, newest = 0;
    size_t at = d->n;
    for (size_t i = 0; i < d->n; i++)
        all += (double)d->w[i];
    while (at > 0 && newest < all / 5)
        newest += (double)d->w[--at];
    return at;
}

/* Random folds, or the newest fifth as the only one. */
static struct status make_folds(struct oof *o)
{
    const struct dataset *d = &o->data;
    o->fold = ARENA_ARRAY(o->arena, d->n, uint8_t);
    o->part = ARENA_ARRAY(o->arena, d->n, uint8_t);
    o->judged = ARENA_ARRAY(o->arena, d->n, size_t);
    o->y = ARENA_ARRAY(o->arena, d->n, float);
    o->w = ARENA_ARRAY(o->arena, d->n, float);
    if (!o->fold || !o->part || !o->judged || !o->y || !o->w)
        return fail_memory();
    o->n_folds = TRAIN_FOLDS;
    if (time_ordered(o->options)) {
        size_t from = newest_fifth(d);
        o->n_folds = 1;
        for (size_t i = 0; i < d->n; i++)
            o->fold[i] = i < from ? FOLD_NONE : 0;
    } else {
        TRY(deal(o, d->y, d->n, o->fold));
    }
    for (size_t i = 0; i < d->n; i++) {
        if (o->fold[i] == FOLD_NONE)
            continue;
        o->y[o->n_judged] = d->y[i];
        o->w[o->n_judged] = d->w[i];
        o->judged[o->n_judged++] = i;
    }
    return deal(o, o->y, o->n_judged, o->part);
}

/* Both outcomes among the rows trained on and among those judged. */
static struct status check_folds(const struct oof *o)
{
    size_t judged = 0, all = 0;
    for (size_t i = 0; i < o->n_judged; i++)
        judged += o->y[i] > 0;
    for (size_t i = 0; i < o->data.n; i++)
        all += o->data.y[i] > 0;
    size_t rest = o->data.n - o->n_judged, rest_positives = all - judged;
    bool enough = judged >= TRAIN_FOLDS && o->n_judged - judged >= TRAIN_FOLDS;
    if (o->n_folds == 1)
        enough = enough && rest_positives >= TRAIN_FOLDS && rest - rest_positives >= TRAIN_FOLDS;
    return enough
               ? ok()
               : fail(o->errors, REASON_DATA_INSUFFICIENT,
                      "in time order, the newest fifth and the rest must each hold %u rows of either label",
                      TRAIN_FOLDS);
}

/* Halving weights, scaled so that their sum is the number of rows they are worth: (sum w)^2 / sum w^2. */
static void decay(struct dataset *d, size_t half_life)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < d->n; i++) {
        d->w[i] = (float)exp2(-(double)(d->n - 1 - i) / (double)half_life);
        sum += (double)d->w[i];
        squares += (double)d->w[i] * (double)d->w[i];
    }
    for (size_t i = 0; i < d->n; i++)
        d->w[i] = (float)MAX((double)d->w[i] * sum / squares, 1e-6);
    dataset_refresh(d);
}

/* Margins of the stack for rows that neither the members nor the stack have seen. */
static void cross_fit(const struct oof *o, const double *const *z, uint32_t n, uint8_t *skip, double *margin)
{
    for (uint32_t part = 0; part < TRAIN_FOLDS; part++) {
        struct stack s;
        for (size_t i = 0; i < o->n_judged; i++)
            skip[i] = o->part[i] == part;
        stack_fit(z, n, o->n_judged, o->y, o->w, skip, &s);
        for (size_t i = 0; i < o->n_judged; i++)
            if (skip[i])
                margin[i] = stack_margin(&s, z, i);
    }
}

/* The members of the stack come first, the rest of n_all stood trial. */
static struct status judge(struct oof *o, const struct candidate *c, uint32_t n, uint32_t n_all,
                           const struct stack *s, struct model_parts *p)
{
    const double *z[CANDIDATES_MAX];
    double *margin = ARENA_ARRAY(o->arena, o->n_judged, double);
    uint8_t *skip = ARENA_ARRAY(o->arena, o->n_judged, uint8_t);
    p->calibration.a = p->calibration.b = 1;
    if (!margin || !skip)
        return fail_memory();
    for (uint32_t k = 0; k < n; k++)
        z[k] = c[k].margin;
    cross_fit(o, z, n, skip, margin);
    /* In time order the judged members know less than the final ones: a bend seen there would be applied
     * twice. */
    if (!time_ordered(o->options))
        calibration_fit(margin, o->n_judged, o->y, o->w, o->part, TRAIN_FOLDS, &p->calibration);
    TRY(conformal_fit(margin, o->n_judged, o->y, o->w, 0.10, &p->at90));
    TRY(conformal_fit(margin, o->n_judged, o->y, o->w, 0.05, &p->at95));
    struct report_input in = { o, c, n_all, s, margin, &p->calibration };
    return report_write(&in, o->arena, &p->report);
}

/* ---- Which members ---- */

/* Stacks the first n candidates. The stack's loss. */
static double stack_first(const struct oof *o, const struct candidate *c, uint32_t n, double *margin,
                          struct stack *ret)
{
    const double *z[CANDIDATES_MAX];
    for (uint32_t k = 0; k < n; k++)
        z[k] = c[k].margin;
    stack_fit(z, n, o->n_judged, o->y, o->w, NULL, ret);
    for (size_t i = 0; i < o->n_judged; i++)
        margin[i] = stack_margin(ret, z, i);
    return margin_loss(margin, o->n_judged, o->y, o->w);
}

/* The members of the set first, in their order; the others follow. */
static void move_first(struct candidate *c, uint32_t n, uint32_t set)
{
    struct candidate all[CANDIDATES_MAX];
    uint32_t at = 0;
    memcpy(all, c, n * sizeof *c);
    for (int in = 1; in >= 0; in--)
        for (uint32_t k = 0; k < n; k++)
            if ((int)(set >> k & 1) == in)
                c[at++] = all[k];
}

/* Moves the set of members whose stack loses least to the front and returns its size: near-equal weights are
 * good only among members of use, and each costs time in service. At least two, for an average differs less
 * from one training to the next. */
static uint32_t choose_members(const struct oof *o, struct candidate *c, uint32_t n, double *margin)
{
    struct candidate trial[CANDIDATES_MAX];
    struct stack s;
    double least = INFINITY;
    uint32_t best = 0;
    for (uint32_t set = 1; set < 1u << n; set++) {
        uint32_t size = (uint32_t)__builtin_popcount(set);
        if (size < 2)
            continue;
        memcpy(trial, c, n * sizeof *c);
        move_first(trial, n, set);
        double loss = stack_first(o, trial, size, margin, &s);
        if (loss < least) {
            least = loss;
            best = set;
        }
    }
    move_first(c, n, best);
    return (uint32_t)__builtin_popcount(best);
}

static struct status learn(struct oof *o, struct model_parts *p)
{
    struct candidate c[CANDIDATES_MAX];
    struct stack s;
    uint32_t n_all;
    TRY(make_folds(o));
    TRY(check_folds(o));
    TRY(members_out_of_fold(o, c, &n_all));
    double *margin = ARENA_ARRAY(o->arena, o->n_judged, double);
    if (!margin)
        return fail_memory();
    uint32_t n = choose_members(o, c, n_all, margin);
    stack_first(o, c, n, margin, &s);
    p->bias = s.bias;
    for (uint32_t k = 0; k < n; k++)
        p->bias += s.weights[k] * c[k].shift;
    TRY(members_final(o, c, n, &s, p));
    return judge(o, c, n, n_all, &s, p);
}

static void describe(const struct oof *o, struct model_parts *p)
{
    char version[32];
    booster_library_version(version);
    p->name = str_of(arena_dup(o->arena, o->options->name));
    p->xgboost_version = str_of(arena_dup(o->arena, str_of(version)));
    p->data = str_of(arena_dup(o->arena, o->options->data));
    p->created_us = clock_wall_us();
    p->train_rows = o->data.n;
    for (size_t i = 0; i < o->data.n; i++)
        p->train_positives += o->data.y[i] > 0;
}

struct status train_model(struct frame *f, const struct schema *s, const struct train_options *o,
                          struct arena *a, struct arena *errors, struct model_parts *ret)
{
    struct oof work = { .options = o, .arena = a, .errors = errors };
    struct model_parts p;
    memset(&p, 0, sizeof p);
    if (o->recency_rows)
        frame_keep_last(f, o->recency_rows);
    TRY(dataset_learn(f, s, o->label, a, errors, &work.data));
    train_report_progress(&work, 0.02, "features");
    if (o->half_life_rows)
        decay(&work.data, o->half_life_rows);
    TRY(learn(&work, &p));
    describe(&work, &p);
    p.view = work.data.view;
    train_report_progress(&work, 1, "done");
    if (a->overflow)
        return fail_memory();
    *ret = p;
    return ok();
}
