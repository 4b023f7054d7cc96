#include "server/iam/limit.h"

#include "base/bucket.h"
#include "base/clock.h"
#include "base/ids.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

#define SETS 4096 /* a power of two */
#define WAYS 4

/* Attempts at once, and those that come back. */
static const struct bucket_limit rules[LIMIT_KINDS] = {
    [LIMIT_ACCOUNT] = { .rate = 1.0 / 12, .burst = 5 },
    [LIMIT_PEER] = { .rate = 1.0 / 6, .burst = 20 },
};

struct entry {
    uint64_t tag; /* 0: nobody's */
    struct bucket bucket;
    enum limit_kind kind;
};

struct limits {
    pthread_mutex_t lock;
    unsigned char key[SHA256_BYTES];
    struct entry sets[SETS][WAYS];
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

/* From a full bucket. Nobody's says least. */
static double missing(const struct entry *e)
{
    return e->tag ? rules[e->kind].burst - e->bucket.tokens : -1;
}

static uint64_t tag_of(const struct limits *l, enum limit_kind kind, struct str key)
{
    unsigned char digest[SHA256_BYTES];
    uint64_t tag;
    hmac_sha256(str_make((const char *)l->key, sizeof l->key), key, digest);
    memcpy(&tag, digest, sizeof tag);
    tag = mix64(tag + kind);
    return tag ? tag : 1;
}

/* The key's bucket. Where it has none it gets the place of the one that says least: whoever guessed much is
 * remembered longest. */
static struct bucket *find(struct limits *l, enum limit_kind kind, uint64_t tag, int64_t mono_us)
{
    struct entry *set = l->sets[tag & (SETS - 1)], *least = set;
    for (int i = 0; i < WAYS; i++) {
        bucket_fill(&set[i].bucket, rules[set[i].kind], mono_us);
        if (set[i].tag == tag)
            return &set[i].bucket;
        if (missing(&set[i]) < missing(least))
            least = &set[i];
    }
    least->tag = tag;
    least->kind = kind;
    least->bucket = bucket_full(rules[kind], mono_us);
    return &least->bucket;
}

int64_t limit_take(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us)
{
    uint64_t tag = tag_of(l, kind, key);
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, kind, tag, mono_us);
    int64_t wait_us = bucket_wait_us(b, rules[kind].rate, 1);
    if (wait_us == 0)
        b->tokens -= 1;
    pthread_mutex_unlock(&l->lock);
    return wait_us;
}

void limit_return(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us)
{
    uint64_t tag = tag_of(l, kind, key);
    pthread_mutex_lock(&l->lock);
    struct bucket *b = find(l, kind, tag, mono_us);
    b->tokens = MIN(b->tokens + 1, rules[kind].burst);
    pthread_mutex_unlock(&l->lock);
}

const char *peer_network(struct arena *a, const char *address)
{
    struct in6_addr at;
    char text[INET6_ADDRSTRLEN];
    struct str rest = str_of(address), host = str_split(&rest, '%'); /* a zone is no part of the address */
    const char *alone = arena_dup(a, host);
    if (!alone || inet_pton(AF_INET6, alone, &at) != 1 || IN6_IS_ADDR_V4MAPPED(&at))
        return address;
    memset(&at.s6_addr[8], 0, 8);
    const char *network = arena_printf(a, "%s/64", inet_ntop(AF_INET6, &at, text, sizeof text));
    return network ? network : address;
}
