#include "ml/engagement.h"

#include <math.h>
#include <stdlib.h>

#define TYPES ENGAGEMENT_TYPES
#define DAY_S 86400.0
#define ROWS_MIN 20u
#define RIDGE 5.0 /* histories' worth of belief in the prior's weights */

static double sign_of(uint32_t type)
{
    return type == ENGAGEMENT_NEGATIVE ? -1 : 1;
}

void engagement_prior(struct engagement_model *ret)
{
    static const struct engagement_model prior = { 7 * DAY_S, -2.2, { 0.3, 0.25, 0.7, 1.6, 1.4, 2.2, -1.8 } };
    *ret = prior;
}

/* What is left of 1 after the time between. */
static double left(const struct engagement_model *m, int64_t from_us, int64_t to_us)
{
    return to_us <= from_us ? 1 : exp2(-((double)to_us - (double)from_us) / 1e6 / m->half_life_s);
}

void engagement_take(const struct engagement_model *m, struct engagement_state *s, enum engagement_type type,
                     int64_t at_us)
{
    if (at_us > s->at_us) {
        double rest = s->at_us ? left(m, s->at_us, at_us) : 0;
        for (uint32_t t = 0; t < TYPES; t++)
            s->counts[t] *= rest;
        s->at_us = at_us;
        s->counts[type] += 1;
    } else {
        s->counts[type] += left(m, at_us, s->at_us);
    }
}

void engagement_contributions(const struct engagement_model *m, const struct engagement_state *s,
                              int64_t now_us, double ret[ENGAGEMENT_TYPES])
{
    double rest = left(m, s->at_us, now_us);
    for (uint32_t t = 0; t < TYPES; t++)
        ret[t] = m->weights[t] * log1p(s->counts[t] * rest);
}

static double logistic(double m)
{
    m = MIN(MAX(m, -36.0), 36.0);
    return 1 / (1 + exp(-m));
}

double engagement_score(const struct engagement_model *m, const struct engagement_state *s, int64_t now_us)
{
    double parts[TYPES], sum = m->bias;
    engagement_contributions(m, s, now_us, parts);
    for (uint32_t t = 0; t < TYPES; t++)
        sum += parts[t];
    return logistic(sum);
}

/* ---- Fitting ---- */

struct problem {
    const struct engagement_history *h;
    size_t n;
    struct engagement_model prior;
    double *x; /* n rows of TYPES: log(1 + count) at one half-life */
};

static void take_rows(struct problem *p, double half_life_s)
{
    struct engagement_model m = p->prior;
    m.half_life_s = half_life_s;
    for (size_t i = 0; i < p->n; i++) {
        double counts[TYPES] = { 0 };
        for (size_t e = 0; e < p->h[i].n_events; e++)
            if (p->h[i].events[e].at_us <= p->h[i].asked_us)
                counts[p->h[i].events[e].type] += left(&m, p->h[i].events[e].at_us, p->h[i].asked_us);
        for (uint32_t t = 0; t < TYPES; t++)
            p->x[i * TYPES + t] = log1p(counts[t]);
    }
}

static double margin_of(const struct problem *p, const struct engagement_model *m, size_t i)
{
    double sum = m->bias;
    for (uint32_t t = 0; t < TYPES; t++)
        sum += m->weights[t] * p->x[i * TYPES + t];
    return sum;
}

static double loss_of(const struct problem *p, const struct engagement_model *m)
{
    double loss = 0;
    for (size_t i = 0; i < p->n; i++) {
        double s = margin_of(p, m, i);
        loss += (s > 0 ? s : 0) + log1p(exp(-fabs(s))) - (p->h[i].outcome ? s : 0);
    }
    for (uint32_t t = 0; t < TYPES; t++) {
        double d = m->weights[t] - p->prior.weights[t];
        loss += 0.5 * RIDGE * d * d;
    }
    return loss;
}

/* First and second derivative for one coordinate; TYPES is the bias. */
static void derivatives(const struct problem *p, const double *margins, uint32_t t,
                        const struct engagement_model *m, double *g, double *h)
{
    *g = t < TYPES ? RIDGE * (m->weights[t] - p->prior.weights[t]) : 0;
    *h = t < TYPES ? RIDGE : 1e-9;
    for (size_t i = 0; i < p->n; i++) {
        double x = t < TYPES ? p->x[i * TYPES + t] : 1, q = logistic(margins[i]);
        *g += (q - (double)p->h[i].outcome) * x;
        *h += 0.25 * x * x; /* an upper bound, so that every step lowers the loss */
    }
}

/* Coordinate descent with a bounded curvature: convex, monotone, and each sign is kept by clipping. */
static void fit_weights(const struct problem *p, double *margins, struct engagement_model *m)
{
    double before = loss_of(p, m);
    for (size_t i = 0; i < p->n; i++)
        margins[i] = margin_of(p, m, i);
    for (int sweep = 0; sweep < 200; sweep++) {
        for (uint32_t t = 0; t <= TYPES; t++) {
            double g, h, *at = t < TYPES ? &m->weights[t] : &m->bias, was = *at;
            derivatives(p, margins, t, m, &g, &h);
            *at -= g / h;
            if (t < TYPES && *at * sign_of(t) < 0)
                *at = 0;
            for (size_t i = 0; i < p->n; i++)
                margins[i] += (*at - was) * (t < TYPES ? p->x[i * TYPES + t] : 1);
        }
        double after = loss_of(p, m);
        if (before - after < 1e-7 * (fabs(before) + 1))
            return;
        before = after;
    }
}

struct trial {
    struct problem *p;
    double *margins;
    struct engagement_model best; /* also where the next fit starts */
    double best_loss;
};

/* The loss at a half-life given by its logarithm. */
static double try_half_life(struct trial *t, double log_s)
{
    struct engagement_model m = t->best;
    m.half_life_s = exp(log_s);
    take_rows(t->p, m.half_life_s);
    fit_weights(t->p, t->margins, &m);
    double loss = loss_of(t->p, &m);
    if (loss < t->best_loss) {
        t->best = m;
        t->best_loss = loss;
    }
    return loss;
}

static void golden_section(struct trial *t, double a, double b)
{
    const double ratio = 0.6180339887498949;
    double c = b - ratio * (b - a), d = a + ratio * (b - a);
    double at_c = try_half_life(t, c), at_d = try_half_life(t, d);
    while (b - a > 0.02) {
        if (at_c < at_d) {
            b = d;
            d = c;
            at_d = at_c;
            c = b - ratio * (b - a);
            at_c = try_half_life(t, c);
        } else {
            a = c;
            c = d;
            at_c = at_d;
            d = a + ratio * (b - a);
            at_d = try_half_life(t, d);
        }
    }
}

static void search(struct trial *t)
{
    static const double days[] = { 1 / 24.0, 0.25, 1, 3, 7, 14, 30, 90, 180, 365 };
    size_t best = 0;
    double lowest = INFINITY;
    for (size_t i = 0; i < COUNT(days); i++) {
        double loss = try_half_life(t, log(days[i] * DAY_S));
        if (loss < lowest) {
            lowest = loss;
            best = i;
        }
    }
    size_t low = best ? best - 1 : 0, high = MIN(best + 1, COUNT(days) - 1);
    golden_section(t, log(days[low] * DAY_S), log(days[high] * DAY_S));
}

struct status engagement_fit(const struct engagement_history *h, size_t n, struct arena *errors,
                             struct engagement_model *ret)
{
    struct problem p = { .h = h, .n = n };
    size_t positives = 0;
    for (size_t i = 0; i < n; i++)
        positives += h[i].outcome;
    if (positives < ROWS_MIN || n - positives < ROWS_MIN)
        return fail(errors, REASON_DATA_INSUFFICIENT,
                    "%zu histories with the outcome and %zu without: %u of each are needed", positives,
                    n - positives, ROWS_MIN);
    engagement_prior(&p.prior);
    p.x = calloc(n * TYPES, sizeof *p.x);
    double *margins = calloc(n, sizeof *margins);
    struct trial t = { &p, margins, p.prior, INFINITY };
    if (p.x && margins) {
        search(&t);
        *ret = t.best;
    }
    struct status s = p.x && margins ? ok() : fail_memory();
    free(p.x);
    free(margins);
    return s;
}
