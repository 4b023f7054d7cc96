/* quota_bench: what the check of a call against its caller's and its workspace's limit costs.
 *
 *   quota_bench [REDIS_URL]
 *
 * Thread CPU time a check, the reading of the clock left out; with a url the limits are shared through that
 * Redis meanwhile. */
#include "base/clock.h"
#include "server/gate/quota.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECKS 4000000
#define CALLERS_MOST 10000
#define THREADS_MOST 2
#define ROUNDS 5

struct load {
    struct quota *quota;
    size_t callers;
    double ns;
};

static char names[CALLERS_MOST][32];

static void *check_all(void *arg)
{
    struct load *l = arg;
    struct arena a;
    arena_init(&a, 1u << 20);
    int64_t mono_us = clock_mono_us(), start = clock_thread_cpu_ns();
    size_t caller = 0;
    for (size_t i = 0; i < CHECKS; i++) {
        const struct quota_call call = { .workspace = "default",
                                         .caller = names[caller],
                                         .class_ = QUOTA_WRITE };
        struct status s = quota_take(l->quota, &call, mono_us + (int64_t)i / 8, &a);
        if (!is_ok(s))
            arena_reset(&a);
        if (++caller == l->callers)
            caller = 0;
    }
    l->ns = (double)(clock_thread_cpu_ns() - start) / CHECKS;
    arena_done(&a);
    return NULL;
}

static double run(struct quota *q, unsigned threads, size_t callers)
{
    struct load loads[THREADS_MOST];
    pthread_t t[THREADS_MOST];
    double ns = 0;
    for (unsigned i = 0; i < threads; i++) {
        struct load l = { q, callers, 0 };
        loads[i] = l;
        if (pthread_create(&t[i], NULL, check_all, &loads[i]))
            exit(1);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(t[i], NULL);
        ns += loads[i].ns / threads;
    }
    return ns;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the rounds. A rate of 1 refuses nearly all. */
static void report(struct kv *kv, double rate, unsigned threads, size_t callers)
{
    struct quota_limits limits;
    struct quota *q;
    double ns[ROUNDS];
    memset(&limits, 0, sizeof limits);
    limits.rate[QUOTA_OF_CALLER][QUOTA_WRITE] = limits.rate[QUOTA_OF_WORKSPACE][QUOTA_WRITE] = rate;
    limits.burst_seconds = 1;
    if (!is_ok(quota_open(&limits, kv, &q)) || (kv && !is_ok(quota_run(q))))
        exit(1);
    for (size_t i = 0; i < ROUNDS; i++)
        ns[i] = run(q, threads, callers);
    quota_close(q);
    qsort(ns, ROUNDS, sizeof ns[0], ascending);
    printf("| %s | %u | %zu | %s | %.0f |\n", kv ? "yes" : "no", threads, callers,
           rate > 1 ? "let through" : "refused", ns[ROUNDS / 2]);
}

int main(int argc, char **argv)
{
    struct kv_options o = { argc > 1 ? argv[1] : "", "", 2, US_PER_SECOND, 1u << 20 };
    struct kv *kv = NULL;
    struct arena a;
    arena_init(&a, 1u << 20);
    if (argc > 1 && !is_ok(kv_open(&o, &a, &kv)))
        return 1;
    for (size_t i = 0; i < CALLERS_MOST; i++)
        snprintf(names[i], sizeof names[i], "serviceAccounts/crm-%zu", i);
    printf("| shared | threads | callers | calls | ns |\n|---|---|---|---|---|\n");
    report(kv, 1e9, 1, 1);
    report(kv, 1e9, 2, 1);
    report(kv, 1e9, 1, CALLERS_MOST);
    report(kv, 1, 1, 1);
    kv_close(kv);
    arena_done(&a);
    return 0;
}
