#include "agents/engage/delivery/pace.h"

#include "base/bucket.h"
#include "base/clock.h"

#include <pthread.h>

#define PLACES 4096
#define PROBES 16 /* places that a key may have; the one unused for longest is given away */
#define LINES 2
/* No place in the line is later: by then the channel may say otherwise, and messages expire. */
#define AHEAD_US (3600 * US_PER_SECOND)

struct place {
    uint64_t key; /* 0: free */
    struct bucket bucket;
    int64_t hold_us;   /* nothing goes before */
    int64_t booked_us; /* those who wait were told times up to this one */
};

struct pace {
    pthread_mutex_t lock;
    struct place places[PLACES];
};

struct status pace_open(struct arena *a, struct pace **ret)
{
    *ret = ARENA_NEW(a, struct pace);
    if (!*ret)
        return fail_memory();
    pthread_mutex_init(&(*ret)->lock, NULL);
    return ok();
}

/* At most a second's tokens at once, one at least. */
static struct bucket_limit limit(double rate)
{
    struct bucket_limit l = { rate, MAX(rate, 1) };
    return l;
}

static struct place *find(struct pace *p, struct pace_line line, int64_t now_us)
{
    struct place *oldest = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct place *at = &p->places[(line.key + i) % PLACES];
        if (at->key == line.key)
            return at;
        if (!oldest || at->bucket.at_us < oldest->bucket.at_us)
            oldest = at;
    }
    memset(oldest, 0, sizeof *oldest);
    oldest->key = line.key;
    oldest->bucket = bucket_full(limit(MAX(line.rate, 1)), now_us);
    return oldest;
}

static int64_t wait_us(struct place *at, double rate, int64_t now_us)
{
    int64_t hold = MAX(at->hold_us - now_us, 0);
    if (rate <= 0)
        return hold;
    bucket_fill(&at->bucket, limit(rate), now_us);
    return MAX(hold, bucket_wait_us(&at->bucket, rate, 1));
}

/* The next time in the line, which moves on. */
static int64_t book(struct place *at, double rate, int64_t wait, int64_t now_us)
{
    int64_t apart = rate > 0 ? (int64_t)(US_PER_SECOND / rate) : 0;
    int64_t next = MAX(at->booked_us + apart, now_us + wait);
    at->booked_us = MIN(next, now_us + AHEAD_US);
    return at->booked_us - now_us;
}

int64_t pace_take(struct pace *p, const struct pace_line *lines, size_t n, int64_t now_us)
{
    struct place *at[LINES];
    int64_t longest = 0;
    ASSERT(n <= LINES);
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < n; i++) {
        at[i] = find(p, lines[i], now_us);
        int64_t wait = wait_us(at[i], lines[i].rate, now_us);
        if (wait)
            wait = book(at[i], lines[i].rate, wait, now_us);
        longest = MAX(longest, wait);
    }
    for (size_t i = 0; i < n && !longest; i++)
        at[i]->bucket.tokens -= lines[i].rate > 0;
    pthread_mutex_unlock(&p->lock);
    return longest;
}

void pace_hold(struct pace *p, uint64_t key, int64_t until_us)
{
    struct pace_line line = { key, 0 };
    pthread_mutex_lock(&p->lock);
    struct place *at = find(p, line, clock_wall_us());
    at->hold_us = MAX(at->hold_us, until_us);
    pthread_mutex_unlock(&p->lock);
}

int64_t pace_held(struct pace *p, uint64_t key, int64_t now_us)
{
    int64_t until = 0;
    pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < PROBES; i++)
        if (p->places[(key + i) % PLACES].key == key)
            until = p->places[(key + i) % PLACES].hold_us;
    pthread_mutex_unlock(&p->lock);
    return MAX(until - now_us, 0);
}
