/* metrics.h: how good scores are. Scores are probabilities; rows are sorted once and every number read off.
 */
#ifndef ML_METRICS_H
#define ML_METRICS_H

#include "base/buf.h"
#include "base/status.h"

C_BEGIN

struct metrics {
    double auc, pr_auc, log_loss, brier, ece15, lift10, base_rate;
};

/* Fails: REQUEST_TOO_LARGE (no memory). y holds both classes. */
MUSTCHECK struct status metrics_of(const double *p, const float *y, size_t n, struct metrics *ret);
/* Appends members "roc", "pr", "gain" (about 100 points each) and "reliability" (15 bins of equal mass),
 * ready to plot. */
MUSTCHECK struct status metrics_curves(const double *p, const float *y, size_t n, struct buf *json);

C_END
#endif
