/* kv.h: the key-value port: small things that live for seconds to hours, shared by replicas through Redis, or
 * kept in this process.
 *
 * Nothing rests on it that may not be lost: a key may be gone before its time (memory is short, Redis was
 * restarted), and whoever uses it says in docs/degradation.md what happens then. Effects that must last go
 * through a unit of work (db.h).
 *
 * Keys are at most KV_KEY_MAX bytes without NUL. Each starts with its workspace in braces,
 * "{default}quota/..": the braces are Redis Cluster's hash tag, which keeps a workspace's keys on one node.
 */
#ifndef STORE_KV_H
#define STORE_KV_H

#include "base/arena.h"
#include "base/bucket.h"
#include "base/status.h"

C_BEGIN

#define KV_KEY_MAX 256

/* A token bucket that everybody charges; it starts full. */
struct kv_bucket {
    const char *key;
    struct bucket_limit limit;
    double spent; /* comes off whatever is there: the bucket may go into debt, of one burst at most */
    double left;  /* out: what it holds then */
};

struct kv;

struct kv_ops {
    const char *name; /* "memory", "redis" */
    /* Every function is expected to end within the timeout of kv_options, from any thread. Fails:
     * KV_UNAVAILABLE where Redis does not answer (an effect may have happened all the same); INTERNAL where a
     * key holds another kind of value. */

    /* Expected to copy the value, NUL-ended, into the arena; *ret_found false (and ok) where there is none.
     */
    struct status (*get)(struct kv *, const char *key, struct arena *, bool *ret_found, struct str *ret);
    /* Expected to store a copy of the value, which is gone after ttl_ms > 0. */
    struct status (*set)(struct kv *, const char *key, struct str value, int64_t ttl_ms);
    /* Expected to add to a decimal number, which starts at 0 and is gone ttl_ms after its first change. */
    struct status (*add)(struct kv *, const char *key, int64_t n, int64_t ttl_ms, int64_t *ret);
    /* Expected to charge n buckets in one round trip, each by itself atomically and by a clock that all
     * replicas share. Where it fails, some may have been charged. */
    struct status (*charge)(struct kv *, struct kv_bucket *buckets, size_t n);
    void (*close)(struct kv *);
};

struct kv {
    const struct kv_ops *ops;
};

struct kv_options {
    /* "": in this process's memory. Else redis://[user:password@]host[:port][/database], or rediss:// for
     * TLS, where the server's certificate must name the host. A user or password holds other characters than
     * letters and digits as %XX. Redis that cannot be reached is no error of kv_open: it may come. */
    const char *url;
    const char *ca_file;  /* PEM: the authorities that rediss:// trusts; "": the system's */
    unsigned connections; /* to Redis, at most; opened as they are needed */
    int64_t timeout_us;   /* the longest that one operation takes, with the wait for a connection */
    size_t memory;        /* in this process: bytes of keys and values; the least used ones are dropped */
};

/* Fails: FIELD_INVALID (REDIS_URL, REDIS_CA); the password never appears in an error. */
MUSTCHECK struct status kv_open(const struct kv_options *o, struct arena *a, struct kv **ret);
void kv_close(struct kv *kv); /* NULL is allowed */

C_END
#endif
