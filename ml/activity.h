/* activity.h: learns from past leads how activity fades and what each kind of event is worth.
 *
 *     P(converts) = 1 / (1 + exp(-(intercept + slope * ln(1 + value))))
 *     value = sum over the lead's events of weight[type] * 2^-(age / half-life)
 *
 * Weights and slope are never negative, so a lead that does more never scores lower. Weights are drawn
 * towards the given prior ones, so a type seldom seen stays near them. Newton's method on the penalised
 * likelihood for a half-life, a search over half-lives around it; deterministic. */
#ifndef ML_ACTIVITY_H
#define ML_ACTIVITY_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

#define ACTIVITY_TYPES_MAX 64u
#define ACTIVITY_OUTCOMES_MIN 50u /* of each kind */

struct activity_event {
    uint32_t lead, type;
    double age_days; /* at the time at which the lead is judged; not negative */
};

struct activity_data {
    const struct activity_event *events; /* in order of lead, then type */
    size_t n_events;
    const uint8_t *converted;    /* by lead */
    size_t n_leads;              /* those without events included */
    const double *prior_weights; /* by type, not negative */
    size_t n_types;
};

struct activity_fit {
    double half_life_days; /* 0.25 to 180 */
    double intercept, slope;
    double weights[ACTIVITY_TYPES_MAX];
    double log_loss; /* mean over the leads, in nats */
};

/* Works in the arena. Fails: DATA_INSUFFICIENT (fewer than ACTIVITY_OUTCOMES_MIN leads of either outcome),
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status activity_learn(const struct activity_data *d, struct arena *a,
                                       struct activity_fit *ret);

C_END
#endif
