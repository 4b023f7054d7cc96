#include "ml/bandit.h"

#include "base/ids.h"

#include <math.h>

#define BENDS 2
#define PARTS (1 + BENDS)   /* of a value: itself, and what it is beyond each bend */
#define FARTHEST 4.0        /* a value beyond counts as this */
#define BEND_SPREAD 0.5     /* prior variance of a bend's weight beside that of a value's */
#define DEVIATION_SCALE 0.5 /* of the posterior that is drawn from: less is greedier */

static const double bends[BENDS] = { -1, 1 };

/* ---- Contexts ---- */

bool bandit_context_make(const double *x, uint32_t n, struct bandit_context *ret)
{
    ASSERT(n <= BANDIT_CONTEXT_MAX);
    ret->n_context = n;
    ret->n = 1 + PARTS * n;
    ret->z[0] = 1;
    double *z = ret->z + 1;
    for (uint32_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return false;
        double v = fmax(-FARTHEST, fmin(FARTHEST, x[i]));
        *z++ = v;
        for (size_t b = 0; b < BENDS; b++)
            *z++ = fmax(0, v - bends[b]);
    }
    return true;
}

/* ---- Levels ---- */

static size_t weights_of(const struct bandit_level *l)
{
    return 1 + PARTS * (size_t)l->n_context;
}

static size_t triangle(size_t n)
{
    return n * (n + 1) / 2;
}

static struct bandit_level *level_alloc(struct arena *a, uint32_t n_context)
{
    struct bandit_level *l = ARENA_NEW(a, struct bandit_level);
    if (!l)
        return NULL;
    l->n_context = n_context;
    l->mean = ARENA_ARRAY(a, weights_of(l), double);
    l->root = ARENA_ARRAY(a, triangle(weights_of(l)), double);
    return l->mean && l->root ? l : NULL;
}

struct bandit_level *bandit_level_new(struct arena *a, uint32_t n_context, double spread)
{
    ASSERT(n_context <= BANDIT_CONTEXT_MAX && spread > 0);
    struct bandit_level *l = level_alloc(a, n_context);
    if (!l)
        return NULL;
    for (size_t i = 0; i < weights_of(l); i++) {
        bool bend = i && (i - 1) % PARTS;
        l->root[triangle(i) + i] = 1 / sqrt(bend ? spread * BEND_SPREAD : spread);
    }
    return l;
}

/* Solves root * u = z; returns u . u, the posterior variance of weights . z. */
static double forward(const struct bandit_level *l, const double *z, double *u)
{
    const double *row = l->root;
    double sum = 0;
    for (size_t i = 0; i < weights_of(l); row += ++i) {
        u[i] = z[i];
        for (size_t k = 0; k < i; k++)
            u[i] -= row[k] * u[k];
        u[i] /= row[i];
        sum += u[i] * u[i];
    }
    return sum;
}

/* Solves transpose(root) * v = u in place. */
static void backward(const struct bandit_level *l, double *u)
{
    for (size_t i = weights_of(l); i-- > 0;) {
        const double *row = l->root + triangle(i);
        u[i] /= row[i];
        for (size_t k = 0; k < i; k++)
            u[k] -= row[k] * u[i];
    }
}

/* The precision grows by x * transpose(x) (Gill, Golub, Murray and Saunders 1974, by rotations); x is used
 * up. */
static void sharpen(struct bandit_level *l, double *x)
{
    size_t n = weights_of(l);
    for (size_t k = 0; k < n; k++) {
        double *diagonal = &l->root[triangle(k) + k], r = hypot(*diagonal, x[k]);
        double cosine = r / *diagonal, sine = x[k] / *diagonal;
        *diagonal = r;
        for (size_t i = k + 1; i < n; i++) {
            double *at = &l->root[triangle(i) + k];
            *at = (*at + sine * x[i]) / cosine;
            x[i] = cosine * x[i] - sine * *at;
        }
    }
}

static double dot(const struct bandit_level *l, const double *z)
{
    double sum = 0;
    for (size_t i = 0; i < weights_of(l); i++)
        sum += l->mean[i] * z[i];
    return sum;
}

struct bandit_guess bandit_level_guess(const struct bandit_level *l, const struct bandit_context *x)
{
    double u[BANDIT_WEIGHTS_MAX];
    ASSERT(l->n_context == x->n_context);
    return (struct bandit_guess){ dot(l, x->z), sqrt(forward(l, x->z, u)) };
}

/* ---- Learning ---- */

static double logistic(double e)
{
    return 1 / (1 + exp(-e));
}

/* The log-odds at the mode of a normal prior (mean, variance) times the likelihood of the reward: the root of
 * an increasing function, by Newton's steps that stay between what is known to be too low and too high. */
static double mode(double mean, double variance, double reward)
{
    double low = mean - variance * (1 - reward), high = mean + variance * reward, e = mean;
    for (int i = 0; i < 100 && high - low > 1e-12 * (1 + fabs(e)); i++) {
        double p = logistic(e), excess = e - mean - variance * (reward - p);
        *(excess > 0 ? &high : &low) = e;
        double next = e - excess / (1 + variance * p * (1 - p));
        next = next > low && next < high ? next : (low + high) / 2;
        if (fabs(next - e) <= 1e-14 * (1 + fabs(e)))
            break;
        e = next;
    }
    return e;
}

bool bandit_learn(struct bandit_level *const *levels, size_t n, const struct bandit_context *x, double reward)
{
    double u[BANDIT_FACTORS_MAX][BANDIT_WEIGHTS_MAX], variance[BANDIT_FACTORS_MAX], total = 0, mean = 0;
    ASSERT(n >= 1 && n <= BANDIT_FACTORS_MAX);
    if (!(reward >= 0 && reward <= 1))
        return false;
    for (size_t l = 0; l < n; l++) {
        ASSERT(levels[l]->n_context == x->n_context);
        variance[l] = forward(levels[l], x->z, u[l]);
        total += variance[l];
        mean += dot(levels[l], x->z);
    }
    double p = logistic(mode(mean, total, reward)), curvature = p * (1 - p);
    for (size_t l = 0; l < n; l++) {
        double share = sqrt(curvature / (1 + curvature * (total - variance[l]))), news[BANDIT_WEIGHTS_MAX];
        backward(levels[l], u[l]);
        for (size_t i = 0; i < x->n; i++) {
            levels[l]->mean[i] += u[l][i] * (reward - p);
            news[i] = x->z[i] * share;
        }
        sharpen(levels[l], news);
        levels[l]->trials++;
        levels[l]->reward += reward;
    }
    return true;
}

/* ---- Choosing ---- */

/* Counted draws of the seed's stream. */
struct stream {
    uint64_t key, at;
};

static double uniform(struct stream *s)
{
    return (double)(mix64(s->key ^ s->at++) >> 11) * 0x1p-53;
}

/* Two independent standard normals (Box and Muller). */
static void normals(struct stream *s, double to[2])
{
    double r = sqrt(-2 * log(1 - uniform(s))), angle = 2 * M_PI * uniform(s);
    to[0] = r * cos(angle);
    to[1] = r * sin(angle);
}

static void draw(const struct bandit_guess *guesses, size_t n, struct stream *s, double *to)
{
    for (size_t i = 0; i < n; i += 2) {
        double z[2];
        normals(s, z);
        for (size_t k = 0; k < 2 && i + k < n; k++)
            to[i + k] = guesses[i + k].mean + DEVIATION_SCALE * guesses[i + k].deviation * z[k];
    }
}

static size_t best(const struct bandit_option *options, size_t n, const double *drawn)
{
    size_t at = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t l = 0; l < options[i].n_levels; l++)
            sum += drawn[options[i].levels[l]];
        if (sum > most) {
            most = sum;
            at = i;
        }
    }
    return at;
}

static size_t pick(const double *propensity, size_t n, double u)
{
    size_t at = 0;
    for (double rest = u - propensity[0]; rest >= 0 && at + 1 < n; rest -= propensity[at])
        at++;
    return at;
}

struct status bandit_choose(const struct bandit_guess *guesses, size_t n_guesses,
                            const struct bandit_option *options, size_t n, double explore, uint64_t seed,
                            struct arena *a, double *ret_propensity, size_t *ret_chosen)
{
    struct stream s = { mix64(seed), 0 };
    ASSERT(n >= 1 && n <= BANDIT_OPTIONS_MAX && explore >= 0 && explore <= 1);
    double *drawn = ARENA_ARRAY(a, n_guesses, double);
    if (!drawn)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        ret_propensity[i] = 0;
    for (size_t i = 0; i < BANDIT_DRAWS; i++) {
        draw(guesses, n_guesses, &s, drawn);
        ret_propensity[best(options, n, drawn)] += 1.0 / BANDIT_DRAWS;
    }
    for (size_t i = 0; i < n; i++)
        ret_propensity[i] = (1 - explore) * ret_propensity[i] + explore / (double)n;
    *ret_chosen = pick(ret_propensity, n, uniform(&s));
    return ok();
}

/* ---- As bytes ---- */

#define VERSION 1u

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie");

struct header {
    uint32_t version, n_context;
    uint64_t trials;
    double reward;
};

void bandit_level_write(const struct bandit_level *l, struct buf *to)
{
    const struct header h = { VERSION, l->n_context, l->trials, l->reward };
    buf_put(to, &h, sizeof h);
    buf_put(to, l->mean, weights_of(l) * sizeof *l->mean);
    buf_put(to, l->root, triangle(weights_of(l)) * sizeof *l->root);
}

static bool sound(const struct bandit_level *l)
{
    bool good = isfinite(l->reward) && l->reward >= 0;
    for (size_t i = 0; i < weights_of(l); i++)
        good &= isfinite(l->mean[i]) && l->root[triangle(i) + i] > 0;
    for (size_t i = 0; i < triangle(weights_of(l)); i++)
        good &= isfinite(l->root[i]);
    return good;
}

struct bandit_level *bandit_level_read(struct arena *a, struct str bytes)
{
    struct header h;
    if (bytes.n < sizeof h)
        return NULL;
    memcpy(&h, bytes.p, sizeof h);
    if (h.version != VERSION || h.n_context > BANDIT_CONTEXT_MAX)
        return NULL;
    struct bandit_level *l = level_alloc(a, h.n_context);
    if (!l)
        return NULL;
    size_t mean = weights_of(l) * sizeof *l->mean, root = triangle(weights_of(l)) * sizeof *l->root;
    if (bytes.n != sizeof h + mean + root)
        return NULL;
    l->trials = h.trials;
    l->reward = h.reward;
    memcpy(l->mean, bytes.p + sizeof h, mean);
    memcpy(l->root, bytes.p + sizeof h + mean, root);
    return sound(l) ? l : NULL;
}
