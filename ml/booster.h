/* booster.h: XGBoost, behind one file: ml/booster.c is the only one that includes its header. Training,
 * reference predictions and the fallback for what the own walker (ml/forest.h) does not serve.
 *
 * Always one thread a booster: OpenMP's spinning costs more than it gives on a shared machine. Different
 * boosters may be used from different threads; one booster by one thread at a time, predictions of a loaded
 * one excepted. */
#ifndef ML_BOOSTER_H
#define ML_BOOSTER_H

#include "base/buf.h"
#include "base/status.h"
#include "ml/model.h"

C_BEGIN

#define BOOSTER_VERSION "1.7.4" /* the only XGBoost whose boosters are read */

struct matrix; /* rows as XGBoost keeps them */
struct booster;

struct booster_param {
    const char *name, *value;
};

/* "1.7.4": the library in use. */
void booster_library_version(char text[32]);

/* n rows of `width` floats, NaN is missing. y and w may be NULL. The data are copied. Fails: INTERNAL with
 * XGBoost's text. */
MUSTCHECK struct status matrix_new(const float *x, size_t n, size_t width, const float *y, const float *w,
                                   struct arena *errors, struct matrix **ret);
void matrix_free(struct matrix *m);

/* A booster to be trained on `train`; predictions for `other` (may be NULL) are then kept up to date cheaply.
 * Both must live as long as the booster. Parameters end with a NULL name. */
MUSTCHECK struct status booster_new(struct matrix *train, struct matrix *other,
                                    const struct booster_param *params, struct arena *errors,
                                    struct booster **ret);
void booster_free(struct booster *b);
MUSTCHECK struct status booster_round(struct booster *b, int round, struct arena *errors);
/* Margins (log-odds) of all rows of m by the first `rounds` rounds (0: all). */
MUSTCHECK struct status booster_margins(struct booster *b, struct matrix *m, int rounds, struct arena *errors,
                                        float *ret, size_t n);
/* Exact contributions of every feature and, last, the bias: n rows of width + 1. */
MUSTCHECK struct status booster_contributions(struct booster *b, struct matrix *m, struct arena *errors,
                                              float *ret, size_t n);
/* Margin of one row without a matrix, the library's fastest way for it. */
MUSTCHECK struct status booster_row_margin(struct booster *b, const float *row, size_t width, float *ret);

/* The first `rounds` rounds (0: all) as XGBoost's JSON. */
MUSTCHECK struct status booster_save(struct booster *b, int rounds, struct arena *errors, struct buf *to);

/* What model_load needs to serve a member by XGBoost: see struct model_trust. */
struct model_foreign {
    /* Reads trusted bytes only: XGBoost 1.7 does not check indices. Fails: MODEL_INVALID. */
    struct status (*open)(struct str json, struct arena *errors, void **ret);
    /* Margin of one row; contributions (width + 1 floats) where not NULL. May be called from any thread. */
    struct status (*predict)(void *member, const float *row, size_t width, float *ret_margin,
                             float *contributions);
    void (*close)(void *member);
};
extern const struct model_foreign booster_foreign;

C_END
#endif
