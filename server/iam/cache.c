#include "server/iam/cache.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARDS 64 /* a lock each */
#define SETS 64   /* of a shard */
#define WAYS 4

struct entry {
    unsigned char digest[SHA256_BYTES];
    struct principal *p;
    uint64_t age;
};

struct shard {
    pthread_mutex_t lock;
    unsigned turn; /* which entry of a full set goes next */
    struct entry sets[SETS][WAYS];
};

struct cache {
    uint64_t age; /* atomic; an entry of another age is none */
    struct shard shards[SHARDS];
};

struct status cache_open(struct cache **ret)
{
    struct cache *c = calloc(1, sizeof *c);
    if (!c)
        return fail_memory();
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&c->shards[i].lock, NULL);
    *ret = c;
    return ok();
}

void cache_close(struct cache *c)
{
    for (int i = 0; c && i < SHARDS; i++) {
        for (int k = 0; k < SETS * WAYS; k++)
            principal_unref(c->shards[i].sets[k / WAYS][k % WAYS].p);
        pthread_mutex_destroy(&c->shards[i].lock);
    }
    free(c);
}

uint64_t cache_age(const struct cache *c)
{
    return __atomic_load_n(&c->age, __ATOMIC_ACQUIRE);
}

void cache_forget(struct cache *c)
{
    __atomic_add_fetch(&c->age, 1, __ATOMIC_ACQ_REL);
}

static struct shard *shard_of(struct cache *c, const unsigned char *digest)
{
    return &c->shards[digest[0] % SHARDS];
}

static struct entry *set_of(struct shard *s, const unsigned char *digest)
{
    return s->sets[digest[1] % SETS];
}

/* The shard is locked. */
static struct entry *find(struct cache *c, struct shard *s, const unsigned char *digest)
{
    struct entry *set = set_of(s, digest);
    for (int i = 0; i < WAYS; i++)
        if (set[i].p && set[i].age == cache_age(c) && memcmp(set[i].digest, digest, SHA256_BYTES) == 0)
            return &set[i];
    return NULL;
}

struct principal *cache_get(struct cache *c, const unsigned char digest[SHA256_BYTES], int64_t now_us)
{
    struct shard *s = shard_of(c, digest);
    struct principal *p = NULL;
    pthread_mutex_lock(&s->lock);
    struct entry *e = find(c, s, digest);
    if (e && now_us < e->p->expires_us) {
        p = e->p;
        principal_ref(p);
    }
    pthread_mutex_unlock(&s->lock);
    return p;
}

/* The shard is locked. An entry to write: one that says nothing any more, else each in turn. */
static struct entry *room(struct cache *c, struct shard *s, const unsigned char *digest)
{
    struct entry *set = set_of(s, digest);
    for (int i = 0; i < WAYS; i++)
        if (!set[i].p || set[i].age != cache_age(c))
            return &set[i];
    return &set[s->turn++ % WAYS];
}

void cache_put(struct cache *c, const unsigned char digest[SHA256_BYTES], struct principal *p, uint64_t age)
{
    struct shard *s = shard_of(c, digest);
    struct principal *old = NULL;
    pthread_mutex_lock(&s->lock);
    if (age == cache_age(c)) {
        struct entry *e = find(c, s, digest);
        e = e ? e : room(c, s, digest);
        old = e->p;
        principal_ref(p);
        memcpy(e->digest, digest, SHA256_BYTES);
        e->p = p;
        e->age = age;
    }
    pthread_mutex_unlock(&s->lock);
    principal_unref(old);
}
