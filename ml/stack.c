#include "ml/stack.h"

#include <math.h>
#include <stdlib.h>

/* Rows' worth of preference for equal weights: averaging unlike members costs next to nothing on like rows
 * and holds better when the world drifts. */
#define PULL 300.0

static double softplus(double m)
{
    return (m > 0 ? m : 0) + log1p(exp(-fabs(m)));
}

double margin_loss(const double *margin, size_t n, const float *y, const float *w)
{
    double loss = 0, weight = 0;
    for (size_t i = 0; i < n; i++) {
        loss += (double)w[i] * (softplus(margin[i]) - margin[i] * (double)y[i]);
        weight += (double)w[i];
    }
    return loss / weight;
}

/* ---- Logistic regression with some weights held at or above zero: projected Newton ---- */

#define SIZE (STACK_MEMBERS_MAX + 1)

struct problem {
    const double *const *z; /* n_z columns; the intercept comes last */
    uint32_t n_z;
    size_t n;
    const float *y, *w;
    const uint8_t *skip;
    double prior; /* the weights' ridge centre */
    double pull;
};

static double row_margin(const struct problem *p, const double *beta, size_t i)
{
    double m = beta[p->n_z];
    for (uint32_t j = 0; j < p->n_z; j++)
        m += beta[j] * p->z[j][i];
    return m;
}

static double loss_of(const struct problem *p, const double *beta)
{
    double loss = 0;
    for (size_t i = 0; i < p->n; i++) {
        if (p->skip && p->skip[i])
            continue;
        double m = row_margin(p, beta, i);
        loss += (double)p->w[i] * (softplus(m) - m * (double)p->y[i]);
    }
    for (uint32_t j = 0; j < p->n_z; j++)
        loss += 0.5 * p->pull * (beta[j] - p->prior) * (beta[j] - p->prior);
    return loss;
}

static void derivatives(const struct problem *p, const double *beta, double *g, double h[SIZE][SIZE])
{
    uint32_t k = p->n_z + 1;
    memset(g, 0, SIZE * sizeof *g);
    memset(h, 0, SIZE * SIZE * sizeof h[0][0]);
    for (size_t i = 0; i < p->n; i++) {
        double row[SIZE];
        if (p->skip && p->skip[i])
            continue;
        for (uint32_t j = 0; j < p->n_z; j++)
            row[j] = p->z[j][i];
        row[p->n_z] = 1;
        double q = 1 / (1 + exp(-row_margin(p, beta, i)));
        double d = (double)p->w[i] * (q - (double)p->y[i]), c = (double)p->w[i] * q * (1 - q);
        for (uint32_t a = 0; a < k; a++) {
            g[a] += d * row[a];
            for (uint32_t b = 0; b <= a; b++)
                h[a][b] += c * row[a] * row[b];
        }
    }
    for (uint32_t a = 0; a < k; a++) {
        g[a] += a < p->n_z ? p->pull * (beta[a] - p->prior) : 0;
        h[a][a] += (a < p->n_z ? p->pull : 0) + 1e-9;
        for (uint32_t b = 0; b < a; b++)
            h[b][a] = h[a][b];
    }
}

/* Solves h x = g over the free variables by Gauss-Jordan (h is positive definite); the others get 0. */
static void solve(double h[SIZE][SIZE], double *g, const bool *free_, uint32_t k, double *x)
{
    for (uint32_t a = 0; a < k; a++)
        for (uint32_t b = 0; b < k; b++)
            if (!free_[a] || !free_[b])
                h[a][b] = a == b;
    for (uint32_t a = 0; a < k; a++)
        x[a] = free_[a] ? g[a] : 0;
    for (uint32_t a = 0; a < k; a++) {
        for (uint32_t b = 0; b < k; b++) {
            double factor = b == a ? 0 : h[b][a] / h[a][a];
            for (uint32_t c = 0; c < k; c++)
                h[b][c] -= factor * h[a][c];
            x[b] -= factor * x[a];
        }
    }
    for (uint32_t a = 0; a < k; a++)
        x[a] /= h[a][a];
}

/* One projected step; false when nothing is gained. */
static bool step(const struct problem *p, double *beta, double *loss)
{
    double g[SIZE], h[SIZE][SIZE], x[SIZE], trial[SIZE];
    bool free_[SIZE];
    uint32_t k = p->n_z + 1;
    derivatives(p, beta, g, h);
    for (uint32_t a = 0; a < k; a++)
        free_[a] = a == p->n_z || beta[a] > 0 || g[a] < 0;
    solve(h, g, free_, k, x);
    for (double t = 1; t > 1e-6; t *= 0.5) {
        for (uint32_t a = 0; a < k; a++)
            trial[a] = a == p->n_z ? beta[a] - t * x[a] : MAX(0.0, beta[a] - t * x[a]);
        double after = loss_of(p, trial);
        if (after < *loss) {
            bool more = *loss - after > 1e-10 * fabs(*loss);
            memcpy(beta, trial, sizeof trial);
            *loss = after;
            return more;
        }
    }
    return false;
}

static void maximise(const struct problem *p, double *beta)
{
    double loss = loss_of(p, beta);
    for (int i = 0; i < 60 && step(p, beta, &loss); i++)
        ;
}

void stack_fit(const double *const *z, uint32_t members, size_t n, const float *y, const float *w,
               const uint8_t *skip, struct stack *ret)
{
    struct problem p = { z, members, n, y, w, skip, 1.0 / members, PULL };
    double beta[SIZE] = { 0 };
    ASSERT(members && members <= STACK_MEMBERS_MAX);
    for (uint32_t j = 0; j < members; j++)
        beta[j] = 1.0 / members;
    maximise(&p, beta);
    memset(ret, 0, sizeof *ret);
    ret->n = members;
    ret->bias = beta[members];
    memcpy(ret->weights, beta, members * sizeof *beta);
}

double stack_margin(const struct stack *s, const double *const *z, size_t row)
{
    double m = s->bias;
    for (uint32_t j = 0; j < s->n; j++)
        m += s->weights[j] * z[j][row];
    return m;
}

/* ---- Calibration ---- */

double calibration_apply(const struct calibration *c, double margin)
{
    /* log p = -softplus(-m), log(1 - p) = -softplus(m) */
    double m = -c->a * softplus(-margin) + c->b * softplus(margin) + c->c;
    m = MIN(MAX(m, -36.0), 36.0);
    return 1 / (1 + exp(-m));
}

static const struct calibration same = { 1, 1, 0 };

static void beta_fit(double *const logs[2], size_t n, const float *y, const float *w, const uint8_t *skip,
                     struct calibration *ret)
{
    const double *const z[2] = { logs[0], logs[1] };
    struct problem p = { z, 2, n, y, w, skip, 1, 2 };
    double beta[SIZE] = { 1, 1, 0 };
    maximise(&p, beta);
    struct calibration c = { beta[0], beta[1], beta[2] };
    *ret = c;
}

static double row_loss(const struct calibration *c, double margin, float y)
{
    double p = calibration_apply(c, margin);
    return -log(y > 0 ? p : 1 - p);
}

/* Gain in log loss of each held-out fold's rows: kept if its mean is two standard errors above zero. */
static bool gains(const double *margin, double *const logs[2], size_t n, const float *y, const float *w,
                  const uint8_t *fold, uint32_t folds, uint8_t *skip)
{
    double sum = 0, squares = 0;
    for (uint32_t k = 0; k < folds; k++) {
        struct calibration c;
        for (size_t i = 0; i < n; i++)
            skip[i] = fold[i] == k;
        beta_fit(logs, n, y, w, skip, &c);
        for (size_t i = 0; i < n; i++) {
            double gain =
                skip[i] ? (double)w[i] * (row_loss(&same, margin[i], y[i]) - row_loss(&c, margin[i], y[i]))
                        : 0;
            sum += gain;
            squares += gain * gain;
        }
    }
    return sum > 2 * sqrt(squares);
}

void calibration_fit(const double *margin, size_t n, const float *y, const float *w, const uint8_t *fold,
                     uint32_t folds, struct calibration *ret)
{
    double *logs[2] = { calloc(n, sizeof(double)), calloc(n, sizeof(double)) };
    uint8_t *skip = calloc(n, 1);
    *ret = same;
    if (logs[0] && logs[1] && skip) {
        for (size_t i = 0; i < n; i++) {
            logs[0][i] = -softplus(-margin[i]);
            logs[1][i] = softplus(margin[i]);
        }
        if (gains(margin, logs, n, y, w, fold, folds, skip))
            beta_fit(logs, n, y, w, NULL, ret);
    }
    free(logs[0]);
    free(logs[1]);
    free(skip);
}

/* ---- Conformal sets ---- */

struct scored {
    double margin, w;
};

static int by_margin(const void *a, const void *b)
{
    double x = ((const struct scored *)a)->margin, y = ((const struct scored *)b)->margin;
    return (x > y) - (x < y);
}

/* The largest value below which, with it counted, at most alpha of the weight (and one more row's) lies. */
static double lower_threshold(struct scored *s, size_t n, double alpha)
{
    double total = 0, sum = 0;
    qsort(s, n, sizeof *s, by_margin);
    for (size_t i = 0; i < n; i++)
        total += s[i].w;
    /* One standard error below alpha: the promise is about the rows to come, not about the average over all
     * training sets. */
    double sure = alpha - sqrt(alpha * (1 - alpha) / (double)n);
    double allowed = sure * (total + total / (double)n);
    for (size_t i = 0; i < n; i++) {
        sum += s[i].w;
        if (sum > allowed)
            return s[i].margin;
    }
    return -1e30; /* too few rows to exclude any */
}

struct status conformal_fit(const double *margin, size_t n, const float *y, const float *w, double alpha,
                            struct conformal *ret)
{
    struct scored *s = calloc(n + 1, sizeof *s);
    double thresholds[2];
    if (!s)
        return fail_memory();
    for (int label = 0; label < 2; label++) {
        size_t k = 0;
        for (size_t i = 0; i < n; i++) {
            struct scored one = { label ? margin[i] : -margin[i], (double)w[i] };
            if ((y[i] > 0) == label)
                s[k++] = one;
        }
        thresholds[label] = lower_threshold(s, k, alpha);
    }
    free(s);
    ret->in1_from = thresholds[1];
    ret->in0_to = -thresholds[0];
    return ok();
}
