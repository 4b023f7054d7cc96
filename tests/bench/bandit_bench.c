/* bandit_bench: how much a chooser loses while it learns, in an environment whose truth is known.
 *
 * Contexts of six normal values, six arms, 20,000 choices in batches of 100 whose rewards arrive at the
 * batch's end. Arm a is rewarded with probability logistic(-2.2 + 0.6 * (w_a . x) + 0.8 * sin(2 * x_a)). All
 * draws come from counted splitmix64 streams, so that every policy meets the same contexts and the same luck.
 * Regret: the sum of (best arm's probability - chosen arm's). Seeds 0 to 9. */
#include "base/clock.h"
#include "base/ids.h"
#include "ml/bandit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define VALUES 6
#define ARMS 6
#define STEPS 20000
#define BATCH 100
#define SEEDS 10

/* ---- The environment ---- */

static double contexts[STEPS][VALUES], truth[STEPS][ARMS];
static bool rewarded[STEPS][ARMS];

static double uniform(uint64_t key, uint64_t at)
{
    return (double)(mix64(mix64(key) ^ at) >> 11) * 0x1p-53;
}

static double normal(uint64_t key, uint64_t at)
{
    return sqrt(-2 * log(1 - uniform(key, 2 * at))) * cos(2 * M_PI * uniform(key, 2 * at + 1));
}

static void make_step(uint64_t seed, size_t t, double w[ARMS][VALUES])
{
    for (size_t j = 0; j < VALUES; j++)
        contexts[t][j] = normal(70000 + seed, VALUES * t + j);
    for (size_t a = 0; a < ARMS; a++) {
        double e = -2.2 + 0.8 * sin(2 * contexts[t][a]);
        for (size_t j = 0; j < VALUES; j++)
            e += 0.6 * contexts[t][j] * w[a][j];
        truth[t][a] = 1 / (1 + exp(-e));
        rewarded[t][a] = uniform(72000 + seed, ARMS * t + a) < truth[t][a];
    }
}

static void make(uint64_t seed)
{
    double w[ARMS][VALUES];
    for (size_t a = 0; a < ARMS; a++)
        for (size_t j = 0; j < VALUES; j++)
            w[a][j] = normal(71000 + seed, VALUES * a + j);
    for (size_t t = 0; t < STEPS; t++)
        make_step(seed, t, w);
}

/* ---- Policies ---- */

struct policy {
    const char *name;
    void (*start)(const struct policy *p);
    size_t (*choose)(const struct policy *p, size_t t, uint64_t seed);
    void (*learn)(const struct policy *p, size_t t, size_t arm);
    double parameter;
    bool common; /* the chooser's arms share a level */
};

static void nothing(const struct policy *p)
{
    (void)p;
}

static void learns_nothing(const struct policy *p, size_t t, size_t arm)
{
    (void)p, (void)t, (void)arm;
}

static size_t choose_any(const struct policy *p, size_t t, uint64_t seed)
{
    (void)p;
    return (size_t)(ARMS * uniform(73000 + seed, t));
}

/* LinUCB: a ridge regression an arm, and a bonus of `parameter` standard errors. */
#define LINEAR (1 + VALUES)
static double inverse[ARMS][LINEAR][LINEAR], sums[ARMS][LINEAR];

static void linucb_start(const struct policy *p)
{
    (void)p;
    memset(inverse, 0, sizeof inverse);
    memset(sums, 0, sizeof sums);
    for (size_t a = 0; a < ARMS; a++)
        for (size_t i = 0; i < LINEAR; i++)
            inverse[a][i][i] = 1;
}

/* inverse * (1, x); returns the product of that with (1, x). */
static double linear_times(size_t arm, size_t t, double to[LINEAR])
{
    double sum = 0;
    for (size_t i = 0; i < LINEAR; i++) {
        to[i] = inverse[arm][i][0];
        for (size_t k = 0; k < VALUES; k++)
            to[i] += inverse[arm][i][1 + k] * contexts[t][k];
        sum += to[i] * (i ? contexts[t][i - 1] : 1);
    }
    return sum;
}

static size_t linucb_choose(const struct policy *p, size_t t, uint64_t seed)
{
    size_t best = 0;
    double most = -INFINITY;
    (void)seed;
    for (size_t a = 0; a < ARMS; a++) {
        double v[LINEAR], q = p->parameter * sqrt(linear_times(a, t, v));
        for (size_t i = 0; i < LINEAR; i++)
            q += v[i] * sums[a][i];
        if (q > most) {
            most = q;
            best = a;
        }
    }
    return best;
}

static void linucb_learn(const struct policy *p, size_t t, size_t arm)
{
    double v[LINEAR], s = linear_times(arm, t, v);
    (void)p;
    for (size_t i = 0; i < LINEAR; i++) {
        sums[arm][i] += rewarded[t][arm] * (i ? contexts[t][i - 1] : 1);
        for (size_t k = 0; k < LINEAR; k++)
            inverse[arm][i][k] -= v[i] * v[k] / (1 + s);
    }
}

/* ml/bandit.h; `parameter`: the floor's share. */
static struct arena memory, scratch;
static struct bandit_level *levels[ARMS + 1];

static void check(bool good)
{
    if (good)
        return;
    fprintf(stderr, "bandit_bench: the chooser refused\n");
    exit(1);
}

static void chooser_start(const struct policy *p)
{
    (void)p;
    arena_reset(&memory);
    for (size_t a = 0; a <= ARMS; a++)
        check((levels[a] = bandit_level_new(&memory, VALUES, 1)) != NULL);
}

static size_t chooser_choose(const struct policy *p, size_t t, uint64_t seed)
{
    struct bandit_context x;
    struct bandit_guess guesses[ARMS + 1];
    struct bandit_option options[ARMS];
    double propensity[ARMS];
    size_t chosen = 0;
    check(bandit_context_make(contexts[t], VALUES, &x));
    for (size_t a = 0; a <= ARMS; a++)
        guesses[a] = bandit_level_guess(levels[a], &x);
    for (size_t a = 0; a < ARMS; a++)
        options[a] = (struct bandit_option){ { (uint32_t)a, ARMS }, p->common ? 2 : 1 };
    arena_reset(&scratch);
    check(is_ok(bandit_choose(guesses, ARMS + p->common, options, ARMS, p->parameter, seed * STEPS + t,
                              &scratch, propensity, &chosen)));
    return chosen;
}

static void chooser_learn(const struct policy *p, size_t t, size_t arm)
{
    struct bandit_context x;
    struct bandit_level *of[] = { levels[arm], levels[ARMS] };
    check(bandit_context_make(contexts[t], VALUES, &x));
    check(bandit_learn(of, p->common ? 2 : 1, &x, rewarded[t][arm]));
}

static const struct policy policies[] = {
    { "random", nothing, choose_any, learns_nothing, 0, false },
    { "LinUCB, 0.15 standard errors", linucb_start, linucb_choose, linucb_learn, 0.15, false },
    { "chooser, no floor", chooser_start, chooser_choose, chooser_learn, 0, false },
    { "chooser, floor of 2%", chooser_start, chooser_choose, chooser_learn, 0.02, false },
    { "chooser, floor of 2%, a level common to all arms", chooser_start, chooser_choose, chooser_learn, 0.02,
      true },
};

/* ---- Playing ---- */

struct score {
    double regret, choose_us, learn_us;
};

static void play(const struct policy *p, uint64_t seed, struct score *s)
{
    size_t arms[BATCH];
    p->start(p);
    for (size_t t = 0; t < STEPS; t += BATCH) {
        int64_t start = clock_thread_cpu_ns();
        for (size_t i = 0; i < BATCH; i++)
            arms[i] = p->choose(p, t + i, seed);
        int64_t chosen = clock_thread_cpu_ns();
        for (size_t i = 0; i < BATCH; i++)
            p->learn(p, t + i, arms[i]);
        s->choose_us += (double)(chosen - start) / 1e3 / STEPS;
        s->learn_us += (double)(clock_thread_cpu_ns() - chosen) / 1e3 / STEPS;
        for (size_t i = 0; i < BATCH; i++) {
            double most = 0;
            for (size_t a = 0; a < ARMS; a++)
                most = fmax(most, truth[t + i][a]);
            s->regret += most - truth[t + i][arms[i]];
        }
    }
}

static void report(const struct policy *p)
{
    double sum = 0, squares = 0, choose_us = 0, learn_us = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct score s = { 0, 0, 0 };
        make(seed);
        play(p, seed, &s);
        sum += s.regret;
        squares += s.regret * s.regret;
        choose_us += s.choose_us / SEEDS;
        learn_us += s.learn_us / SEEDS;
    }
    double mean = sum / SEEDS, error = sqrt((squares / SEEDS - mean * mean) / (SEEDS - 1));
    printf("| %s | %.1f | %.1f | %.2f | %.2f |\n", p->name, mean, error, choose_us, learn_us);
}

int main(void)
{
    arena_init(&memory, 1u << 20);
    arena_init(&scratch, 1u << 20);
    printf("| policy | regret of 20,000 choices | standard error | us a choice | us a reward |\n");
    printf("|---|---|---|---|---|\n");
    for (size_t i = 0; i < COUNT(policies); i++)
        report(&policies[i]);
    arena_done(&scratch);
    arena_done(&memory);
    return 0;
}
