/* learn.h: learns a feature view from a frame and holds the training rows as floats.
 *
 * All but the target statistics is learnt without looking at the outcome. The statistics are: a training row
 * gets them from the training rows of the other nine of ten parts, a held-out row from all training rows, so
 * that no row sees its own outcome and a row in service is treated like a held-out one. */
#ifndef ML_LEARN_H
#define ML_LEARN_H

#include "ml/frame.h"
#include "ml/schema.h"
#include "ml/view.h"

C_BEGIN

struct dataset {
    struct view view;
    size_t n;          /* rows */
    float *x;          /* n rows of view.n_features; target statistics are those of all rows */
    float *y;          /* 0 or 1 */
    float *w;          /* weight of each row, above 0 */
    uint32_t **levels; /* by column: level of each row where the column has a target statistic, else NULL */
};

/* Fills everything but `levels` of columns without statistics; weights are 1. All memory is the arena's.
 * Fails: SCHEMA_INVALID (a column of the schema is not in the file), CSV_INVALID (an outcome that is not 0/1,
 * true/false, yes/no), DATA_INSUFFICIENT (fewer than 20 rows of either outcome), REQUEST_TOO_LARGE. */
MUSTCHECK struct status dataset_learn(const struct frame *f, const struct schema *s, struct str label,
                                      struct arena *a, struct arena *errors, struct dataset *ret);

/* Sets the view's target statistics, and those of x, from all rows with their weights. To be called again
 * after a change of weights. */
void dataset_refresh(struct dataset *d);

/* Copies x with the target statistics as a learner must see them that may not know rows with held[row] set.
 */
void dataset_encode(const struct dataset *d, const uint8_t *held, float *to);

C_END
#endif
