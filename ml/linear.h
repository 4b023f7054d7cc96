/* linear.h: the logistic member: a linear model of the standardised, clipped features; a missing value counts
 * as the mean. */
#ifndef ML_LINEAR_H
#define ML_LINEAR_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

/* One term a feature: weight * (clip(x, lo, hi) - mean). */
struct linear_term {
    float lo, hi, mean, weight;
};

/* What the term adds to the margin of a row. */
static inline float linear_part(const struct linear_term *t, float x)
{
    return x == x ? (MIN(MAX(x, t->lo), t->hi) - t->mean) * t->weight : 0;
}

struct linear {
    struct linear_term *terms;
    uint32_t n;
    double bias;
};

/* Fits by L-BFGS, ridge penalty `ridge` on the standardised weights (in rows of log-likelihood). Values are
 * clipped to the range of the training rows' [0.5%, 99.5%] quantiles, so that a drifting column cannot run
 * away with the score. Rows with skip[row] set are left out. ret->terms are the arena's. Fails:
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status linear_fit(const float *x, size_t n, uint32_t width, const float *y, const float *w,
                                   const uint8_t *skip, double ridge, struct arena *a, struct linear *ret);

double linear_margin(const struct linear *l, const float *row);

C_END
#endif
