#include "ml/activity.h"

#include <math.h>

#define PARAMETERS_MAX (ACTIVITY_TYPES_MAX + 2u)
#define STEPS_MAX 40
#define HALVINGS_MAX 20
#define TOLERANCE 1e-9 /* of the mean loss: smaller gains end the search */

#define PRIOR_SLOPE 1.5
#define PRIOR_SPREAD 1.0  /* standard deviation of ln(slope) and of each ln(weight) about the prior */
#define WEIGHT_FLOOR 0.01 /* of prior weights, whose logarithm is taken */

/* Parameters: intercept, ln(slope), then ln(weight) of each type. The last two stay positive by that. */
enum { INTERCEPT, SLOPE, FIRST_WEIGHT };

/* The decayed sums of one half-life: a cell for each lead and type that occur together. */
struct cell {
    uint32_t type;
    double sum;
};

struct problem {
    const struct activity_data *d;
    size_t n; /* parameters */
    double prior[PARAMETERS_MAX];
    struct cell *cells;
    size_t *first; /* of each lead's cells; n_leads + 1 */
};

/* ---- Sums ---- */

static void decay(struct problem *p, double half_life)
{
    size_t n = 0, e = 0;
    for (size_t lead = 0; lead < p->d->n_leads; lead++) {
        p->first[lead] = n;
        for (; e < p->d->n_events && p->d->events[e].lead == lead; e++) {
            const struct activity_event *event = &p->d->events[e];
            if (n == p->first[lead] || p->cells[n - 1].type != event->type) {
                p->cells[n].type = event->type;
                p->cells[n++].sum = 0;
            }
            p->cells[n - 1].sum += exp2(-event->age_days / half_life);
        }
    }
    p->first[p->d->n_leads] = n;
}

static double value_of(const struct problem *p, size_t lead, const double *weights)
{
    double value = 0;
    for (size_t i = p->first[lead]; i < p->first[lead + 1]; i++)
        value += weights[p->cells[i].type] * p->cells[i].sum;
    return value;
}

static void weights_of(const struct problem *p, const double *theta, double *weights)
{
    for (size_t t = 0; t < p->d->n_types; t++)
        weights[t] = exp(theta[FIRST_WEIGHT + t]);
}

/* ln(1 + exp(z)) without overflow. */
static double softplus(double z)
{
    return z > 0 ? z + log1p(exp(-z)) : log1p(exp(z));
}

/* ---- The penalised loss ---- */

static double penalty(const struct problem *p, const double *theta)
{
    double sum = 0;
    for (size_t i = SLOPE; i < p->n; i++)
        sum += (theta[i] - p->prior[i]) * (theta[i] - p->prior[i]);
    return sum / (2 * PRIOR_SPREAD * PRIOR_SPREAD);
}

/* Sum over the leads, without the penalty. */
static double loss(const struct problem *p, const double *theta)
{
    double weights[ACTIVITY_TYPES_MAX], sum = 0, slope = exp(theta[SLOPE]);
    weights_of(p, theta, weights);
    for (size_t i = 0; i < p->d->n_leads; i++) {
        double z = theta[INTERCEPT] + slope * log1p(value_of(p, i, weights));
        sum += softplus(p->d->converted[i] ? -z : z);
    }
    return sum;
}

/* Gradient and expected Hessian of a lead with derivative j of its log-odds; only the parameters in `at` are
 * not zero. */
static void add_lead(size_t n, const size_t *at, const double *j, double error, double curvature,
                     double *gradient, double (*hessian)[PARAMETERS_MAX])
{
    for (size_t i = 0; i < n; i++) {
        gradient[at[i]] += error * j[i];
        for (size_t k = 0; k <= i; k++)
            hessian[at[i]][at[k]] += curvature * j[i] * j[k];
    }
}

static void derive(const struct problem *p, const double *theta, double *gradient,
                   double (*hessian)[PARAMETERS_MAX])
{
    double weights[ACTIVITY_TYPES_MAX], slope = exp(theta[SLOPE]);
    memset(gradient, 0, p->n * sizeof *gradient);
    memset(hessian, 0, p->n * sizeof *hessian);
    weights_of(p, theta, weights);
    for (size_t i = 0; i < p->d->n_leads; i++) {
        size_t at[PARAMETERS_MAX] = { INTERCEPT, SLOPE }, n = 2;
        double value = value_of(p, i, weights), j[PARAMETERS_MAX] = { 1, slope * log1p(value) };
        for (size_t k = p->first[i]; k < p->first[i + 1]; k++, n++) {
            at[n] = FIRST_WEIGHT + p->cells[k].type;
            j[n] = slope * weights[p->cells[k].type] * p->cells[k].sum / (1 + value);
        }
        double q = 1 / (1 + exp(-(theta[INTERCEPT] + j[1])));
        add_lead(n, at, j, q - p->d->converted[i], q * (1 - q), gradient, hessian);
    }
    for (size_t i = SLOPE; i < p->n; i++) {
        gradient[i] += (theta[i] - p->prior[i]) / (PRIOR_SPREAD * PRIOR_SPREAD);
        hessian[i][i] += 1 / (PRIOR_SPREAD * PRIOR_SPREAD);
    }
    hessian[INTERCEPT][INTERCEPT] += 1e-9;
}

/* ---- Newton's method ---- */

/* Solves h x = g in place of g by Cholesky's decomposition; h is positive definite: each parameter is
 * penalised or curved. */
static void solve(size_t n, double (*h)[PARAMETERS_MAX], double *g)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            for (size_t m = 0; m < k; m++)
                h[i][k] -= h[i][m] * h[k][m];
            h[i][k] /= h[k][k];
            h[i][i] -= h[i][k] * h[i][k];
        }
        h[i][i] = sqrt(fmax(h[i][i], 1e-12));
        for (size_t k = 0; k < i; k++)
            g[i] -= h[i][k] * g[k];
        g[i] /= h[i][i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            g[i] -= h[k][i] * g[k];
        g[i] /= h[i][i];
    }
}

/* One step, halved until it gains. Returns the gain. */
static double step(const struct problem *p, double *theta, double *now)
{
    double gradient[PARAMETERS_MAX], hessian[PARAMETERS_MAX][PARAMETERS_MAX], trial[PARAMETERS_MAX];
    double scale = 1;
    derive(p, theta, gradient, hessian);
    solve(p->n, hessian, gradient);
    for (int i = 0; i < HALVINGS_MAX; i++, scale /= 2) {
        for (size_t k = 0; k < p->n; k++)
            trial[k] = theta[k] - scale * fmax(-4, fmin(4, gradient[k]));
        double next = loss(p, trial) + penalty(p, trial), gain = *now - next;
        if (gain > 0) {
            memcpy(theta, trial, p->n * sizeof *theta);
            *now = next;
            return gain;
        }
    }
    return 0;
}

/* The best parameters for a half-life, searched from where theta stands. Returns the penalised loss. */
static double fit(struct problem *p, double half_life, double *theta)
{
    decay(p, half_life);
    double now = loss(p, theta) + penalty(p, theta);
    for (int i = 0; i < STEPS_MAX; i++)
        if (step(p, theta, &now) < TOLERANCE * (double)p->d->n_leads)
            break;
    return now;
}

/* ---- The half-life ---- */

#define HALF_LIFE_MIN 0.25
#define HALF_LIFE_MAX 180.0
#define GRID 10
#define REFINEMENTS 6

struct best {
    double half_life, loss, theta[PARAMETERS_MAX];
};

static void try_half_life(struct problem *p, double half_life, struct best *best)
{
    double theta[PARAMETERS_MAX];
    memcpy(theta, p->prior, p->n * sizeof *theta); /* from the best so far it may not find the way back */
    double found = fit(p, half_life, theta);
    if (found < best->loss) {
        best->half_life = half_life;
        best->loss = found;
        memcpy(best->theta, theta, p->n * sizeof *theta);
    }
}

/* A grid with equal ratios, then ever smaller steps about the best. */
static void search(struct problem *p, struct best *best)
{
    double ratio = pow(HALF_LIFE_MAX / HALF_LIFE_MIN, 1.0 / (GRID - 1));
    for (int i = 0; i < GRID; i++)
        try_half_life(p, HALF_LIFE_MIN * pow(ratio, i), best);
    for (int i = 0; i < REFINEMENTS; i++) {
        double centre = best->half_life;
        ratio = sqrt(ratio);
        try_half_life(p, fmax(HALF_LIFE_MIN, centre / ratio), best);
        try_half_life(p, fmin(HALF_LIFE_MAX, centre * ratio), best);
    }
}

static struct status check(const struct activity_data *d, struct arena *a, size_t *ret_positives)
{
    size_t positives = 0;
    ASSERT(d->n_types <= ACTIVITY_TYPES_MAX);
    for (size_t i = 0; i < d->n_leads; i++)
        positives += d->converted[i] != 0;
    if (MIN(positives, d->n_leads - positives) < ACTIVITY_OUTCOMES_MIN)
        return fail(a, REASON_DATA_INSUFFICIENT,
                    "%zu leads converted and %zu did not; at least %u of each are needed", positives,
                    d->n_leads - positives, ACTIVITY_OUTCOMES_MIN);
    *ret_positives = positives;
    return ok();
}

static void start(struct problem *p, size_t positives, struct best *best)
{
    double rate = (double)positives / (double)p->d->n_leads;
    p->prior[INTERCEPT] = log(rate / (1 - rate));
    p->prior[SLOPE] = log(PRIOR_SLOPE);
    for (size_t t = 0; t < p->d->n_types; t++)
        p->prior[FIRST_WEIGHT + t] = log(fmax(p->d->prior_weights[t], WEIGHT_FLOOR));
    best->loss = INFINITY;
    best->half_life = HALF_LIFE_MIN;
}

struct status activity_learn(const struct activity_data *d, struct arena *a, struct activity_fit *ret)
{
    struct problem p;
    struct best best;
    size_t positives = 0;
    TRY(check(d, a, &positives));
    p.d = d;
    p.n = FIRST_WEIGHT + d->n_types;
    p.cells = ARENA_ARRAY(a, d->n_events + 1, struct cell);
    p.first = ARENA_ARRAY(a, d->n_leads + 1, size_t);
    if (!p.cells || !p.first)
        return fail_memory();
    start(&p, positives, &best);
    search(&p, &best);
    decay(&p, best.half_life);
    ret->half_life_days = best.half_life;
    ret->intercept = best.theta[INTERCEPT];
    ret->slope = exp(best.theta[SLOPE]);
    weights_of(&p, best.theta, ret->weights);
    ret->log_loss = loss(&p, best.theta) / (double)d->n_leads;
    return ok();
}
