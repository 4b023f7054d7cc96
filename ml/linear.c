#include "ml/linear.h"

#include <math.h>
#include <stdlib.h>

#define MEMORY 10u /* pairs kept by L-BFGS */
#define STEPS_MAX 120u
#define TAIL 0.005

/* ---- Standardising ---- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The clip range, the mean and the scale of one feature; the scale replaces `weight`. */
static void take_term(const float *x, size_t n, uint32_t width, const uint8_t *skip, float *values,
                      struct linear_term *t)
{
    size_t k = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++)
        if (!(skip && skip[i]) && x[i * width] == x[i * width])
            values[k++] = x[i * width];
    memset(t, 0, sizeof *t);
    if (k < 2)
        return;
    qsort(values, k, sizeof *values, by_value);
    bool binary = values[0] == 0 && values[k - 1] == 1;
    t->lo = binary ? 0 : values[(size_t)((double)(k - 1) * TAIL)];
    t->hi = binary ? 1 : values[(size_t)((double)(k - 1) * (1 - TAIL))];
    for (size_t i = 0; i < k; i++)
        sum += MIN(MAX(values[i], t->lo), t->hi);
    t->mean = (float)(sum / (double)k);
    for (size_t i = 0; i < k; i++) {
        double d = (double)MIN(MAX(values[i], t->lo), t->hi) - (double)t->mean;
        squares += d * d;
    }
    double deviation = sqrt(squares / (double)k);
    t->weight = deviation > 1e-9 ? (float)(1 / deviation) : 0;
}

/* ---- The objective ---- */

struct fit {
    const float *z; /* standardised rows */
    const float *y, *w;
    size_t n;
    uint32_t width;
    double ridge;
    float *slope; /* the gradient over a block of rows; zeros between blocks */
};

/* Negative log-likelihood plus penalty at beta (the bias last), and its gradient. */
static double objective(const struct fit *f, const float *beta, double *gradient)
{
    double loss = 0;
    uint32_t width = f->width;
    float *slope = f->slope;
    memset(gradient, 0, (width + 1) * sizeof *gradient);
    for (size_t i = 0; i < f->n; i++) {
        const float *z = f->z + i * width;
        float dot = 0;
        for (uint32_t j = 0; j < width; j++)
            dot += z[j] * beta[j];
        double m = (double)dot + (double)beta[width], p = 1 / (1 + exp(-m));
        loss += (double)f->w[i] * ((m > 0 ? m : 0) - m * (double)f->y[i] + log1p(exp(-fabs(m))));
        float g = f->w[i] * (float)(p - (double)f->y[i]);
        gradient[width] += (double)g;
        for (uint32_t j = 0; j < width; j++)
            slope[j] += g * z[j];
        if (i % 256 == 255 || i + 1 == f->n)
            for (uint32_t j = 0; j < width; j++) {
                gradient[j] += (double)slope[j];
                slope[j] = 0;
            }
    }
    for (uint32_t j = 0; j < width; j++) {
        loss += 0.5 * f->ridge * (double)beta[j] * (double)beta[j];
        gradient[j] += f->ridge * (double)beta[j];
    }
    return loss;
}

/* ---- L-BFGS (Nocedal and Wright, algorithm 7.4) ---- */

struct lbfgs {
    uint32_t n, pairs;
    double *s, *y, *rho, *gradient, *next, *direction; /* s, y: MEMORY vectors each, a ring */
    float *beta, *trial;
};

static double dot(const double *a, const double *b, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

static void add(double *to, double factor, const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        to[i] += factor * v[i];
}

static void take_direction(struct lbfgs *o)
{
    double alpha[MEMORY];
    uint32_t n = o->n, kept = MIN(o->pairs, MEMORY);
    for (uint32_t i = 0; i < n; i++)
        o->direction[i] = -o->gradient[i];
    for (uint32_t k = 0; k < kept; k++) {
        uint32_t at = (o->pairs - 1 - k) % MEMORY;
        alpha[at] = o->rho[at] * dot(o->s + at * n, o->direction, n);
        add(o->direction, -alpha[at], o->y + at * n, n);
    }
    if (kept) {
        uint32_t at = (o->pairs - 1) % MEMORY;
        double scale = 1 / (o->rho[at] * dot(o->y + at * n, o->y + at * n, n));
        for (uint32_t i = 0; i < n; i++)
            o->direction[i] *= scale;
    }
    for (uint32_t k = kept; k-- > 0;) {
        uint32_t at = (o->pairs - 1 - k) % MEMORY;
        add(o->direction, alpha[at] - o->rho[at] * dot(o->y + at * n, o->direction, n), o->s + at * n, n);
    }
}

/* Halves the step until the loss falls enough. False: it does not. */
static bool search(const struct fit *f, struct lbfgs *o, double *loss)
{
    double slope = dot(o->gradient, o->direction, o->n), step = o->pairs ? 1 : 1 / (1 + sqrt(-slope));
    for (int tries = 0; tries < 30; tries++, step *= 0.5) {
        for (uint32_t i = 0; i < o->n; i++)
            o->trial[i] = o->beta[i] + (float)(step * o->direction[i]);
        double after = objective(f, o->trial, o->next);
        if (after <= *loss + 1e-4 * step * slope) {
            *loss = after;
            return true;
        }
    }
    return false;
}

static void remember(struct lbfgs *o)
{
    uint32_t at = o->pairs % MEMORY;
    double *s = o->s + at * o->n, *y = o->y + at * o->n;
    for (uint32_t i = 0; i < o->n; i++) {
        s[i] = (double)o->trial[i] - (double)o->beta[i];
        y[i] = o->next[i] - o->gradient[i];
        o->beta[i] = o->trial[i];
        o->gradient[i] = o->next[i];
    }
    double curvature = dot(s, y, o->n);
    if (curvature > 1e-12) {
        o->rho[at] = 1 / curvature;
        o->pairs++;
    }
}

static void minimise(const struct fit *f, struct lbfgs *o)
{
    double loss = objective(f, o->beta, o->gradient);
    for (uint32_t step = 0; step < STEPS_MAX; step++) {
        double before = loss;
        take_direction(o);
        if (dot(o->gradient, o->direction, o->n) >= 0 || !search(f, o, &loss))
            return;
        remember(o);
        if (before - loss < 1e-7 * (fabs(loss) + 1))
            return;
    }
}

static bool lbfgs_init(struct lbfgs *o, uint32_t n, struct arena *a)
{
    memset(o, 0, sizeof *o);
    o->n = n;
    o->s = ARENA_ARRAY(a, (size_t)MEMORY * n, double);
    o->y = ARENA_ARRAY(a, (size_t)MEMORY * n, double);
    o->rho = ARENA_ARRAY(a, MEMORY, double);
    o->gradient = ARENA_ARRAY(a, n, double);
    o->next = ARENA_ARRAY(a, n, double);
    o->direction = ARENA_ARRAY(a, n, double);
    o->beta = ARENA_ARRAY(a, n, float);
    o->trial = ARENA_ARRAY(a, n, float);
    return o->trial && !a->overflow;
}

/* ---- The member ---- */

static void free_floats(float **p)
{
    free(*p);
}

static size_t standardise(const float *x, size_t n, uint32_t width, const float *y, const float *w,
                          const uint8_t *skip, const struct linear_term *terms, float *z, float *zy,
                          float *zw)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (skip && skip[i])
            continue;
        for (uint32_t j = 0; j < width; j++)
            z[k * width + j] = linear_part(&terms[j], x[i * width + j]);
        zy[k] = y[i];
        zw[k++] = w[i];
    }
    return k;
}

struct status linear_fit(const float *x, size_t n, uint32_t width, const float *y, const float *w,
                         const uint8_t *skip, double ridge, struct arena *a, struct linear *ret)
{
    struct lbfgs o;
    struct linear l = { ARENA_ARRAY(a, width + 1, struct linear_term), width, 0 };
    CLEANUP(free_floats) float *z = calloc(n * width + 1, sizeof *z);
    CLEANUP(free_floats) float *rest = calloc(2 * n + 1, sizeof *rest);
    float *slope = ARENA_ARRAY(a, width + 1, float);
    if (!l.terms || !z || !rest || !slope || !lbfgs_init(&o, width + 1, a))
        return fail_memory();
    for (uint32_t j = 0; j < width; j++)
        take_term(x + j, n, width, skip, z, &l.terms[j]);
    struct fit f = { z, rest, rest + n, 0, width, ridge, slope };
    f.n = standardise(x, n, width, y, w, skip, l.terms, z, rest, rest + n);
    minimise(&f, &o);
    for (uint32_t j = 0; j < width; j++)
        l.terms[j].weight *= o.beta[j];
    l.bias = (double)o.beta[width];
    *ret = l;
    return ok();
}

double linear_margin(const struct linear *l, const float *row)
{
    double sum = l->bias;
    for (uint32_t j = 0; j < l->n; j++)
        sum += (double)linear_part(&l->terms[j], row[j]);
    return sum;
}
