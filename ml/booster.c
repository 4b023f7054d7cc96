#include "ml/booster.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <xgboost/c_api.h>

struct matrix {
    DMatrixHandle handle;
};

struct booster {
    BoosterHandle handle;
    DMatrixHandle train;
    pthread_mutex_t lock; /* for contributions by the fallback: they are not read-only in 1.7 */
};

/* XGBoost returns 0, or -1 and a text kept by thread. */
static struct status done(int rc, struct arena *errors, const char *what)
{
    if (rc == 0)
        return ok();
    const char *text = XGBGetLastError();
    return fail(errors, REASON_INTERNAL, "XGBoost, %s: %.300s", what, text ? text : "");
}

void booster_library_version(char text[32])
{
    int major, minor, patch;
    XGBoostVersion(&major, &minor, &patch);
    snprintf(text, 32, "%d.%d.%d", major, minor, patch);
}

struct status matrix_new(const float *x, size_t n, size_t width, const float *y, const float *w,
                         struct arena *errors, struct matrix **ret)
{
    struct matrix *m = calloc(1, sizeof *m);
    if (!m)
        return fail_memory();
    struct status s = done(XGDMatrixCreateFromMat(x, n, width, NAN, &m->handle), errors, "matrix");
    if (is_ok(s) && y)
        s = done(XGDMatrixSetFloatInfo(m->handle, "label", y, n), errors, "labels");
    if (is_ok(s) && w)
        s = done(XGDMatrixSetFloatInfo(m->handle, "weight", w, n), errors, "weights");
    if (is_ok(s))
        *ret = m;
    else
        matrix_free(m);
    return s;
}

void matrix_free(struct matrix *m)
{
    if (m && m->handle)
        XGDMatrixFree(m->handle);
    free(m);
}

static struct status create(const DMatrixHandle *matrices, size_t n, const struct booster_param *params,
                            struct arena *errors, struct booster **ret)
{
    struct booster *b = calloc(1, sizeof *b);
    if (!b)
        return fail_memory();
    pthread_mutex_init(&b->lock, NULL);
    struct status s = done(XGBoosterCreate(matrices, n, &b->handle), errors, "booster");
    if (is_ok(s))
        s = done(XGBoosterSetParam(b->handle, "nthread", "1"), errors, "nthread");
    for (; is_ok(s) && params && params->name; params++)
        s = done(XGBoosterSetParam(b->handle, params->name, params->value), errors, params->name);
    if (is_ok(s))
        *ret = b;
    else
        booster_free(b);
    return s;
}

struct status booster_new(struct matrix *train, struct matrix *other, const struct booster_param *params,
                          struct arena *errors, struct booster **ret)
{
    DMatrixHandle matrices[2] = { train->handle, other ? other->handle : NULL };
    TRY(create(matrices, other ? 2 : 1, params, errors, ret));
    (*ret)->train = train->handle;
    return ok();
}

void booster_free(struct booster *b)
{
    if (!b)
        return;
    if (b->handle)
        XGBoosterFree(b->handle);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

struct status booster_round(struct booster *b, int round, struct arena *errors)
{
    return done(XGBoosterUpdateOneIter(b->handle, round, b->train), errors, "round");
}

static struct status predict(struct booster *b, struct matrix *m, int type, int rounds, struct arena *errors,
                             float *ret, size_t n)
{
    char config[160];
    const bst_ulong *shape;
    const float *out;
    bst_ulong dims, total = 1;
    snprintf(
        config, sizeof config,
        "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":%d,\"strict_shape\":false}",
        type, rounds);
    TRY(done(XGBoosterPredictFromDMatrix(b->handle, m->handle, config, &shape, &dims, &out), errors,
             "prediction"));
    for (bst_ulong i = 0; i < dims; i++)
        total *= shape[i];
    if (total != n)
        return fail(errors, REASON_INTERNAL, "XGBoost predicted %llu numbers, not %zu",
                    (unsigned long long)total, n);
    memcpy(ret, out, n * sizeof *ret);
    return ok();
}

struct status booster_margins(struct booster *b, struct matrix *m, int rounds, struct arena *errors,
                              float *ret, size_t n)
{
    return predict(b, m, 1, rounds, errors, ret, n);
}

struct status booster_contributions(struct booster *b, struct matrix *m, struct arena *errors, float *ret,
                                    size_t n)
{
    return predict(b, m, 2, 0, errors, ret, n);
}

struct status booster_row_margin(struct booster *b, const float *row, size_t width, float *ret)
{
    static const char config[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
                                 "\"strict_shape\":false,\"cache_id\":0,\"missing\":NaN}";
    char array[160];
    const bst_ulong *shape;
    const float *out;
    bst_ulong dims;
    snprintf(array, sizeof array,
             "{\"data\":[%llu,true],\"shape\":[1,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (unsigned long long)(uintptr_t)row, width);
    TRY(done(XGBoosterPredictFromDense(b->handle, array, config, NULL, &shape, &dims, &out), NULL, "row"));
    *ret = out[0];
    return ok();
}

static struct status slice(struct booster *b, int rounds, struct arena *errors, BoosterHandle *ret)
{
    *ret = NULL;
    return rounds ? done(XGBoosterSlice(b->handle, 0, rounds, 1, ret), errors, "slice") : ok();
}

struct status booster_save(struct booster *b, int rounds, struct arena *errors, struct buf *to)
{
    BoosterHandle cut;
    bst_ulong n;
    const char *bytes;
    TRY(slice(b, rounds, errors, &cut));
    struct status s =
        done(XGBoosterSaveModelToBuffer(cut ? cut : b->handle, "{\"format\":\"json\"}", &n, &bytes), errors,
             "saving");
    if (is_ok(s))
        buf_put(to, bytes, n);
    if (cut)
        XGBoosterFree(cut);
    return to->overflow ? fail_memory() : s;
}

/* ---- The fallback ---- */

static struct status foreign_open(struct str json, struct arena *errors, void **ret)
{
    struct booster *b;
    TRY(create(NULL, 0, NULL, errors, &b));
    if (XGBoosterLoadModelFromBuffer(b->handle, json.p, json.n) == 0) {
        *ret = b;
        return ok();
    }
    booster_free(b);
    return fail(errors, REASON_MODEL_INVALID, "XGBoost refuses the booster: %.200s", XGBGetLastError());
}

static struct status foreign_contributions(struct booster *b, const float *row, size_t width, float *ret)
{
    struct matrix *m;
    TRY(matrix_new(row, 1, width, NULL, NULL, NULL, &m));
    struct status s = booster_contributions(b, m, NULL, ret, width + 1);
    matrix_free(m);
    return s;
}

static struct status foreign_predict(void *member, const float *row, size_t width, float *ret_margin,
                                     float *contributions)
{
    struct booster *b = member;
    pthread_mutex_lock(&b->lock);
    struct status s = booster_row_margin(b, row, width, ret_margin);
    if (is_ok(s) && contributions)
        s = foreign_contributions(b, row, width, contributions);
    pthread_mutex_unlock(&b->lock);
    return s;
}

static void foreign_close(void *member)
{
    booster_free(member);
}

const struct model_foreign booster_foreign = { foreign_open, foreign_predict, foreign_close };
