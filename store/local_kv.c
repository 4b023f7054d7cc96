/* The key-value port in this process: shards with a lock each, a table of chains and a ring by last use. An
 * item is never changed, only replaced, so it is one block of memory. */
#include "base/clock.h"
#include "base/ids.h"
#include "store/kv_backend.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARDS 16   /* a power of two */
#define CHAINS 1024 /* of a shard; a power of two */
/* Items that each change looks at, from the least used end, to drop those whose time is over. */
#define STALE_LOOK 2

enum kind { KIND_TEXT, KIND_BUCKET };

struct ring {
    struct ring *newer, *older;
};

struct item {
    struct ring ring;  /* first: an entry of the ring is an item */
    struct item *next; /* of the chain */
    uint64_t hash;
    int64_t end_us; /* monotonic */
    enum kind kind;
    size_t key_bytes, value_bytes; /* each without the NUL that follows it */
    char bytes[];                  /* key, value */
};

struct shard {
    pthread_mutex_t lock;
    struct ring ring; /* ring.newer is the least used item, ring.older the one used last */
    size_t used;
    struct item *chains[CHAINS];
};

struct local_kv {
    struct kv kv;
    uint64_t seed;
    size_t shard_bytes;
    struct shard shards[SHARDS];
};

static struct str key_of(const struct item *i)
{
    return str_make(i->bytes, i->key_bytes);
}

static struct str value_of(const struct item *i)
{
    return str_make(i->bytes + i->key_bytes + 1, i->value_bytes);
}

static size_t bytes_of(const struct item *i)
{
    return sizeof *i + i->key_bytes + i->value_bytes + 2;
}

/* ---- A shard, whose lock is held ---- */

static void ring_out(struct ring *r)
{
    r->newer->older = r->older;
    r->older->newer = r->newer;
}

static void ring_newest(struct shard *s, struct ring *r)
{
    r->older = s->ring.older;
    r->newer = &s->ring;
    r->older->newer = s->ring.older = r;
}

static struct item **place_of(struct shard *s, uint64_t hash, struct str key)
{
    struct item **at = &s->chains[(hash / SHARDS) & (CHAINS - 1)];
    while (*at && ((*at)->hash != hash || !str_eq(key_of(*at), key)))
        at = &(*at)->next;
    return at;
}

static void drop(struct shard *s, struct item *i)
{
    *place_of(s, i->hash, key_of(i)) = i->next;
    ring_out(&i->ring);
    s->used -= bytes_of(i);
    free(i);
}

static struct item *least_used(struct shard *s)
{
    return s->ring.newer == &s->ring ? NULL : (struct item *)(void *)s->ring.newer;
}

/* NULL where there is none, or its time is over. */
static struct item *find(struct shard *s, uint64_t hash, struct str key, int64_t now_us)
{
    struct item *i = *place_of(s, hash, key);
    if (!i)
        return NULL;
    if (i->end_us <= now_us) {
        drop(s, i);
        return NULL;
    }
    ring_out(&i->ring);
    ring_newest(s, &i->ring);
    return i;
}

static void make_room(struct shard *s, size_t most, size_t wanted, int64_t now_us)
{
    struct item *i;
    for (int k = 0; k < STALE_LOOK && (i = least_used(s)) && i->end_us <= now_us; k++)
        drop(s, i);
    while (s->used + wanted > most && (i = least_used(s)))
        drop(s, i);
}

struct entry {
    uint64_t hash;
    struct str key, value;
    enum kind kind;
    int64_t now_us, end_us;
};

/* Stores the entry in place of what the key has. */
static struct status put(struct shard *s, size_t most, const struct entry *e)
{
    struct item *old = *place_of(s, e->hash, e->key), *i = calloc(1, sizeof *i + e->key.n + e->value.n + 2);
    if (!i)
        return fail_memory();
    i->hash = e->hash;
    i->end_us = e->end_us;
    i->kind = e->kind;
    i->key_bytes = e->key.n;
    i->value_bytes = e->value.n;
    memcpy(i->bytes, e->key.p, e->key.n);
    if (e->value.n)
        memcpy(i->bytes + e->key.n + 1, e->value.p, e->value.n);
    if (old)
        drop(s, old);
    make_room(s, most, bytes_of(i), e->now_us);
    struct item **head = place_of(s, e->hash, e->key);
    i->next = *head;
    *head = i;
    ring_newest(s, &i->ring);
    s->used += bytes_of(i);
    return ok();
}

/* ---- The port ---- */

static struct local_kv *local(struct kv *kv)
{
    return (struct local_kv *)(void *)kv;
}

static struct entry entry_of(const struct local_kv *l, const char *key, enum kind kind)
{
    struct entry e;
    memset(&e, 0, sizeof e);
    e.key = str_of(key);
    e.hash = hash64(e.key, l->seed);
    e.kind = kind;
    e.now_us = clock_mono_us();
    return e;
}

static struct shard *lock(struct local_kv *l, const struct entry *e)
{
    struct shard *s = &l->shards[e->hash & (SHARDS - 1)];
    pthread_mutex_lock(&s->lock);
    return s;
}

static void unlock(struct shard *s)
{
    pthread_mutex_unlock(&s->lock);
}

static struct status other_kind(void)
{
    return fail(NULL, REASON_INTERNAL, "the key holds another kind of value");
}

static struct status local_get(struct kv *kv, const char *key, struct arena *a, bool *ret_found,
                               struct str *ret)
{
    struct local_kv *l = local(kv);
    struct entry e = entry_of(l, key, KIND_TEXT);
    struct shard *s = lock(l, &e);
    struct item *i = find(s, e.hash, e.key, e.now_us);
    bool wrong = i && i->kind != KIND_TEXT;
    const char *copy = i && !wrong ? arena_dup(a, value_of(i)) : NULL;
    size_t n = i ? i->value_bytes : 0;
    unlock(s);
    if (wrong)
        return other_kind();
    if (i && !copy)
        return fail_memory();
    *ret_found = i != NULL;
    *ret = str_make(copy, n);
    return ok();
}

static struct status local_set(struct kv *kv, const char *key, struct str value, int64_t ttl_ms)
{
    struct local_kv *l = local(kv);
    struct entry e = entry_of(l, key, KIND_TEXT);
    e.value = value;
    e.end_us = e.now_us + ttl_ms * 1000;
    struct shard *s = lock(l, &e);
    struct status st = put(s, l->shard_bytes, &e);
    unlock(s);
    return st;
}

static struct status add_locked(struct local_kv *l, struct shard *s, struct entry *e, int64_t n, int64_t *ret)
{
    char text[24];
    int64_t before = 0, after;
    struct item *i = find(s, e->hash, e->key, e->now_us);
    if (i && (i->kind != KIND_TEXT || !str_to_i64(value_of(i), &before) ||
              __builtin_add_overflow(before, n, &after)))
        return other_kind();
    after = before + n;
    e->value = str_make(text, (size_t)snprintf(text, sizeof text, "%lld", (long long)after));
    if (i)
        e->end_us = i->end_us;
    TRY(put(s, l->shard_bytes, e));
    *ret = after;
    return ok();
}

static struct status local_add(struct kv *kv, const char *key, int64_t n, int64_t ttl_ms, int64_t *ret)
{
    struct local_kv *l = local(kv);
    struct entry e = entry_of(l, key, KIND_TEXT);
    e.end_us = e.now_us + ttl_ms * 1000;
    struct shard *s = lock(l, &e);
    struct status st = add_locked(l, s, &e, n, ret);
    unlock(s);
    return st;
}

static struct status charge_locked(struct local_kv *l, struct shard *s, struct entry *e, struct kv_bucket *k)
{
    struct bucket b = bucket_full(k->limit, e->now_us);
    struct item *i = find(s, e->hash, e->key, e->now_us);
    if (i && i->kind != KIND_BUCKET)
        return other_kind();
    if (i)
        memcpy(&b, value_of(i).p, sizeof b);
    bucket_fill(&b, k->limit, e->now_us);
    b.tokens = MAX(b.tokens - k->spent, -k->limit.burst);
    e->value = str_make((const char *)&b, sizeof b);
    e->end_us = e->now_us + bucket_wait_us(&b, k->limit.rate, k->limit.burst) + US_PER_SECOND;
    TRY(put(s, l->shard_bytes, e));
    k->left = b.tokens;
    return ok();
}

static struct status local_charge(struct kv *kv, struct kv_bucket *buckets, size_t n)
{
    struct local_kv *l = local(kv);
    for (size_t k = 0; k < n; k++) {
        struct entry e = entry_of(l, buckets[k].key, KIND_BUCKET);
        struct shard *s = lock(l, &e);
        struct status st = charge_locked(l, s, &e, &buckets[k]);
        unlock(s);
        TRY(st);
    }
    return ok();
}

static void local_close(struct kv *kv)
{
    struct local_kv *l = local(kv);
    for (size_t k = 0; k < SHARDS; k++) {
        struct item *i;
        while ((i = least_used(&l->shards[k])))
            drop(&l->shards[k], i);
        pthread_mutex_destroy(&l->shards[k].lock);
    }
    free(l);
}

static const struct kv_ops local_ops = {
    "memory", local_get, local_set, local_add, local_charge, local_close,
};

struct status local_kv_open(size_t memory, struct kv **ret)
{
    struct local_kv *l = calloc(1, sizeof *l);
    if (!l)
        return fail_memory();
    l->kv.ops = &local_ops;
    l->shard_bytes = memory / SHARDS;
    random_bytes(&l->seed, sizeof l->seed);
    for (size_t k = 0; k < SHARDS; k++) {
        struct shard *s = &l->shards[k];
        pthread_mutex_init(&s->lock, NULL);
        s->ring.newer = s->ring.older = &s->ring;
    }
    *ret = &l->kv;
    return ok();
}
