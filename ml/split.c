#include "ml/split.h"

#include <stdlib.h>

void split_done(struct split *s)
{
    for (int i = 0; i < SIGHTS; i++) {
        matrix_free(s->seen[i].train);
        matrix_free(s->seen[i].test);
        free(s->seen[i].x);
    }
    free(s->y);
    free(s->held);
}

/* Orders the encoded rows: those of other folds, then those of this one. */
static void order_rows(const struct dataset *d, const float *encoded, struct split *s)
{
    size_t width = d->view.n_features, at[2] = { 0, 0 };
    for (size_t i = 0; i < d->n; i++)
        at[1] += !s->held[i];
    s->n_train = at[1];
    s->n_held = d->n - s->n_train;
    for (size_t i = 0; i < d->n; i++) {
        size_t to = at[s->held[i]]++;
        for (int k = 0; k < SIGHTS; k++)
            memcpy(s->seen[k].x + to * width, encoded + i * width, width * sizeof *encoded);
        s->y[to] = d->y[i];
        s->w[to] = d->w[i];
    }
}

static void hide(const struct dataset *d, enum feature_kind kind, float *x)
{
    for (uint32_t j = 0; j < d->view.n_features; j++)
        for (size_t i = 0; d->view.features[j].kind == kind && i < d->n; i++)
            x[i * d->view.n_features + j] = 0;
}

static struct status make_matrices(const struct oof *o, const struct split *s, struct seen *seen)
{
    size_t width = o->data.view.n_features;
    TRY(matrix_new(seen->x, s->n_train, width, s->y, s->w, o->errors, &seen->train));
    return s->n_held ? matrix_new(seen->x + s->n_train * width, s->n_held, width, NULL, NULL, o->errors,
                                  &seen->test)
                     : ok();
}

static bool allocate(const struct dataset *d, struct split *s)
{
    s->y = calloc(2 * d->n, sizeof *s->y);
    s->held = calloc(d->n, 1);
    s->w = s->y ? s->y + d->n : NULL;
    for (int k = 0; k < SIGHTS; k++)
        if (!(s->seen[k].x = calloc(d->n * d->view.n_features, sizeof(float))))
            return false;
    return s->y && s->held;
}

struct status split_make(const struct oof *o, uint32_t fold, struct split *s)
{
    static const enum feature_kind hidden[] = { [SEES_LEVELS] = FEATURE_ORDER, [SEES_ORDER] = FEATURE_LEVEL };
    const struct dataset *d = &o->data;
    float *encoded = calloc(d->n * d->view.n_features, sizeof *encoded);
    if (!encoded || !allocate(d, s)) {
        free(encoded);
        return fail_memory();
    }
    for (size_t i = 0; i < d->n; i++)
        s->held[i] = o->fold[i] == fold;
    dataset_encode(d, s->held, encoded);
    order_rows(d, encoded, s);
    free(encoded);
    for (int k = 0; k < SIGHTS; k++) {
        hide(d, hidden[k], s->seen[k].x);
        TRY(make_matrices(o, s, &s->seen[k]));
    }
    return ok();
}
