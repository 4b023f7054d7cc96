/* How replicas share their limits: quota.h says what comes of it. */
#include "base/cond.h"
#include "base/log.h"
#include "base/metrics.h"
#include "server/gate/quota_table.h"

#include <stdio.h>

#define AT_ONCE 256                  /* buckets charged in one round trip */
#define COUNT_US (2 * US_PER_SECOND) /* each replica is counted this often; clocks differ by less */
#define COUNT_TTL_MS 6000

/* ---- How many replicas there are ---- */

static struct status count_at(struct quota *q, int64_t period, int64_t n, int64_t *ret)
{
    char key[64];
    snprintf(key, sizeof key, "{quota}replicas/%lld", (long long)period);
    return q->kv->ops->add(q->kv, key, n, COUNT_TTL_MS, ret);
}

/* Each replica adds itself once a period. The period before says how many there were; this one, who came
 * since. One that is late, and a store that comes back empty, show fewer for a period: so what was heard in
 * the period before counts too. */
static struct status count_replicas(struct quota *q, int64_t wall_us)
{
    int64_t period = wall_us / COUNT_US, now, before;
    if (period == q->counted)
        return ok();
    TRY(count_at(q, period - 1, 0, &before));
    TRY(count_at(q, period, 1, &now)); /* last: what fails before it is done again */
    int64_t heard = MAX(now, before), n = MAX(heard, q->heard);
    q->counted = period;
    q->heard = heard;
    __atomic_store_n(&q->replicas, (unsigned)MIN(MAX(n, 1), INT32_MAX), __ATOMIC_RELAXED);
    return ok();
}

/* ---- Charging ---- */

struct batch {
    size_t n;
    struct kv_bucket buckets[AT_ONCE];
    struct {
        size_t place;
        uint64_t tag;
    } of[AT_ONCE];
    char keys[AT_ONCE][KV_KEY_MAX + 1];
};

/* Whoever called since the last time, and whoever waits for a token. Under the lock. */
static bool has_news(const struct quota_place *p)
{
    return p->tag && (p->asked || p->bucket.tokens < 1);
}

static void add(struct quota *q, struct batch *b, size_t place)
{
    struct quota_place *p = &q->places[place];
    struct kv_bucket k = { b->keys[b->n], quota_whole(q, p->rate), p->spent, 0 };
    memcpy(b->keys[b->n], q->keys[place], sizeof b->keys[b->n]);
    b->buckets[b->n] = k;
    b->of[b->n].place = place;
    b->of[b->n++].tag = p->tag;
    p->spent = 0;
    p->asked = false;
}

/* Fills the batch from place `from` on; returns where to go on. */
static size_t collect(struct quota *q, struct batch *b, size_t from)
{
    b->n = 0;
    for (; from < QUOTA_PLACES && b->n + QUOTA_WAYS <= AT_ONCE; from += QUOTA_WAYS) {
        pthread_mutex_t *lock = quota_lock(q, from);
        for (size_t i = from; i < from + QUOTA_WAYS; i++)
            if (has_news(&q->places[i]))
                add(q, b, i);
        pthread_mutex_unlock(lock);
    }
    return from;
}

/* This replica's part of what all have left; one token is not divided. */
static double part_of(double left, unsigned replicas)
{
    return left <= 0 ? left : MAX(left / replicas, MIN(left, 1));
}

static void apply(struct quota *q, const struct batch *b, int64_t mono_us)
{
    unsigned replicas = __atomic_load_n(&q->replicas, __ATOMIC_RELAXED);
    for (size_t i = 0; i < b->n; i++) {
        size_t place = b->of[i].place;
        struct quota_place *p = &q->places[place];
        pthread_mutex_t *lock = quota_lock(q, place);
        if (p->tag == b->of[i].tag) {
            p->bucket.tokens = part_of(b->buckets[i].left, replicas) - p->spent;
            p->bucket.at_us = mono_us;
        }
        pthread_mutex_unlock(lock);
    }
}

/* What was spent alone was this replica's part: it is not charged later. */
static void forget(struct quota *q)
{
    for (size_t set = 0; set < QUOTA_PLACES; set += QUOTA_WAYS) {
        pthread_mutex_t *lock = quota_lock(q, set);
        for (size_t i = set; i < set + QUOTA_WAYS; i++)
            q->places[i].spent = 0;
        pthread_mutex_unlock(lock);
    }
}

static struct status share(struct quota *q, int64_t wall_us, int64_t mono_us)
{
    struct batch b;
    TRY(count_replicas(q, wall_us));
    for (size_t from = 0; from < QUOTA_PLACES;) {
        from = collect(q, &b, from);
        if (!b.n)
            continue;
        TRY(q->kv->ops->charge(q->kv, b.buckets, b.n));
        apply(q, &b, mono_us);
    }
    return ok();
}

struct status quota_sync(struct quota *q, int64_t wall_us, int64_t mono_us)
{
    struct status s = share(q, wall_us, mono_us);
    if (!is_ok(s))
        forget(q);
    __atomic_store_n(&q->in_step, is_ok(s), __ATOMIC_RELAXED);
    metric_set(METRIC_quota_in_step, 0, is_ok(s));
    metric_set(METRIC_quota_replicas, 0, __atomic_load_n(&q->replicas, __ATOMIC_RELAXED));
    return s;
}

/* ---- The thread ---- */

static void log_change(const struct quota *q, struct status s)
{
    struct log_line l;
    log_begin(&l, is_ok(s) ? LEVEL_INFO : LEVEL_WARN, is_ok(s) ? "quota_shared" : "quota_alone");
    log_int(&l, "replicas", q->replicas);
    if (!is_ok(s))
        log_text(&l, "msg", s.message);
    log_end(&l);
}

static bool pause_us(struct quota *q, int64_t us)
{
    int64_t until = clock_mono_us() + us;
    pthread_mutex_lock(&q->stop_lock);
    while (!q->stopping && cond_wait_until(&q->stop, &q->stop_lock, until))
        ;
    bool on = !q->stopping;
    pthread_mutex_unlock(&q->stop_lock);
    return on;
}

static void *main_loop(void *arg)
{
    struct quota *q = arg;
    enum { UNKNOWN, SHARED, ALONE } was = UNKNOWN, is;
    do {
        struct status s = quota_sync(q, clock_wall_us(), clock_mono_us());
        is = is_ok(s) ? SHARED : ALONE;
        if (is != was)
            log_change(q, s);
        was = is;
    } while (pause_us(q, QUOTA_SYNC_US));
    return NULL;
}

struct status quota_run(struct quota *q)
{
    cond_init(&q->stop);
    if (pthread_create(&q->thread, NULL, main_loop, q)) {
        pthread_cond_destroy(&q->stop);
        return fail(NULL, REASON_OVERLOADED, "no thread to share the limits");
    }
    q->running = true;
    return ok();
}

void quota_halt(struct quota *q)
{
    if (!q->running)
        return;
    pthread_mutex_lock(&q->stop_lock);
    q->stopping = true;
    pthread_cond_signal(&q->stop);
    pthread_mutex_unlock(&q->stop_lock);
    pthread_join(q->thread, NULL);
    pthread_cond_destroy(&q->stop);
    q->running = false;
}
