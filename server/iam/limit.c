#include "server/iam/limit.h"

#include "base/clock.h"
#include "base/ids.h"

#include <pthread.h>
#include <stdlib.h>

#define SETS 4096 /* a power of two */
#define WAYS 4

/* Attempts at once, and the time that brings one back. */
static const struct rule {
    double burst;
    int64_t refill_us;
} rules[LIMIT_KINDS] = {
    [LIMIT_ACCOUNT] = { 5, 12 * US_PER_SECOND },
    [LIMIT_PEER] = { 20, 6 * US_PER_SECOND },
};

/* What is missing from a full bucket; an entry of 0 says nothing. */
struct bucket {
    uint64_t tag;
    double missing;
    int64_t at_us;
    enum limit_kind kind;
};

struct limits {
    pthread_mutex_t lock;
    unsigned char key[SHA256_BYTES];
    struct bucket sets[SETS][WAYS];
};

struct status limits_open(struct limits **ret)
{
    struct limits *l = calloc(1, sizeof *l);
    if (!l)
        return fail_memory();
    pthread_mutex_init(&l->lock, NULL);
    random_bytes(l->key, sizeof l->key);
    *ret = l;
    return ok();
}

void limits_close(struct limits *l)
{
    if (l)
        pthread_mutex_destroy(&l->lock);
    free(l);
}

static void refill(struct bucket *b, int64_t mono_us)
{
    double came = (double)(mono_us - b->at_us) / (double)rules[b->kind].refill_us;
    b->missing = came < b->missing ? b->missing - came : 0;
    b->at_us = mono_us;
}

static uint64_t tag_of(const struct limits *l, enum limit_kind kind, struct str key)
{
    unsigned char digest[SHA256_BYTES];
    uint64_t tag;
    hmac_sha256(str_make((const char *)l->key, sizeof l->key), key, digest);
    memcpy(&tag, digest, sizeof tag);
    return mix64(tag + kind);
}

/* The key's bucket. Where it has none it gets the place of the one that says least: whoever guessed much is
 * remembered longest. */
static struct bucket *find(struct limits *l, enum limit_kind kind, uint64_t tag, int64_t mono_us)
{
    struct bucket *set = l->sets[tag & (SETS - 1)], *least = set;
    for (int i = 0; i < WAYS; i++) {
        refill(&set[i], mono_us);
        if (set[i].tag == tag)
            return &set[i];
        if (set[i].missing < least->missing)
            least = &set[i];
    }
    least->tag = tag;
    least->kind = kind;
    least->missing = 0;
    return least;
}

int64_t limit_take(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us)
{
    uint64_t tag = tag_of(l, kind, key);
    const struct rule *r = &rules[kind];
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, kind, tag, mono_us);
    double over = b->missing + 1 - r->burst;
    if (over <= 0)
        b->missing += 1;
    pthread_mutex_unlock(&l->lock);
    return over <= 0 ? 0 : (int64_t)(over * (double)r->refill_us) + 1;
}

void limit_return(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us)
{
    uint64_t tag = tag_of(l, kind, key);
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, kind, tag, mono_us);
    b->missing = MAX(b->missing - 1, 0);
    pthread_mutex_unlock(&l->lock);
}
