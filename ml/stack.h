/* stack.h: joins the members' margins, and says what the result is worth: non-negative stacking, calibration,
 * conformal thresholds. */
#ifndef ML_STACK_H
#define ML_STACK_H

#include "base/status.h"

C_BEGIN

#define STACK_MEMBERS_MAX 16u

struct stack {
    uint32_t n;
    double bias;
    double weights[STACK_MEMBERS_MAX]; /* never negative, so that the ranking is never inverted */
};

/* Maximises the weighted log-likelihood of bias + sum of weights * margins under weights >= 0, with a slight
 * pull towards an equal share. z[m] are the out-of-fold margins of member m; rows with skip[row] set are left
 * out. */
void stack_fit(const double *const *z, uint32_t members, size_t n, const float *y, const float *w,
               const uint8_t *skip, struct stack *ret);
double stack_margin(const struct stack *s, const double *const *z, size_t row);

/* Beta calibration: log-odds = a * log p - b * log(1 - p) + c with a, b >= 0; 1, 1, 0 changes nothing. The
 * stack itself is Platt scaling of its members, so this only bends where the tails ask for it. */
struct calibration {
    double a, b, c;
};

/* Fitted on out-of-fold margins; the identity unless it lowers their log loss in cross-validation by more
 * than chance. */
void calibration_fit(const double *margin, size_t n, const float *y, const float *w, const uint8_t *fold,
                     uint32_t folds, struct calibration *ret);
/* In (0, 1), never NaN for a finite margin. */
double calibration_apply(const struct calibration *c, double margin);

/* Class-wise (Mondrian) conformal thresholds on the margin: label 1 is in the set where margin >= in1_from,
 * label 0 where margin <= in0_to. */
struct conformal {
    double in1_from, in0_to;
};

/* At most a share alpha of each class falls outside, from out-of-fold margins, with the finite-sample
 * correction; rows count with their weights. */
MUSTCHECK struct status conformal_fit(const double *margin, size_t n, const float *y, const float *w,
                                      double alpha, struct conformal *ret);

/* Mean weighted log loss of margins. */
double margin_loss(const double *margin, size_t n, const float *y, const float *w);

C_END
#endif
