/* split.h: one fold of the training rows, as members learn from it and are judged on it. */
#ifndef ML_SPLIT_H
#define ML_SPLIT_H

#include "ml/train.h"

C_BEGIN

/* What a kind of member sees of a categorical column beside its statistics: a 0/1 feature for each level, or
 * the level's place in their order. The other is 0 in all rows, so that nothing is learnt from it. */
enum sight { SEES_LEVELS, SEES_ORDER, SIGHTS };

struct seen {
    float *x; /* encoded rows: those trained on, then those held out */
    struct matrix *train, *test;
};

struct split {
    struct seen seen[SIGHTS];
    float *y, *w; /* of the rows in the same order */
    size_t n_train, n_held;
    uint8_t *held; /* by row of the data set */
};

/* The rows of `fold` are held out; of a fold that no row is of, all are trained on and `test` is NULL. */
MUSTCHECK struct status split_make(const struct oof *o, uint32_t fold, struct split *s);
/* Copes with one half made. */
void split_done(struct split *s);

C_END
#endif
