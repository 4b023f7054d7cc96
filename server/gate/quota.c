#include "server/gate/quota.h"

#include "base/ids.h"
#include "base/metrics.h"
#include "server/gate/quota_table.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_MAX_BYTES 128 /* of a caller in a key */

static const char *const class_names[QUOTA_CLASSES] = {
    "free",
#define QUOTA_CLASS(ID, id, help) #id,
#include "server/gate/quotas.def"
#undef QUOTA_CLASS
};

struct status quota_open(const struct quota_limits *limits, struct kv *kv, struct quota **ret)
{
    struct quota *q = calloc(1, sizeof *q);
    if (!q)
        return fail_memory();
    q->limits = *limits;
    q->kv = kv;
    q->replicas = 1;
    random_bytes(&q->seed, sizeof q->seed);
    pthread_mutex_init(&q->stop_lock, NULL);
    for (size_t i = 0; i < QUOTA_LOCKS; i++)
        pthread_mutex_init(&q->locks[i], NULL);
    *ret = q;
    return ok();
}

void quota_close(struct quota *q)
{
    if (!q)
        return;
    quota_halt(q);
    for (size_t i = 0; i < QUOTA_LOCKS; i++)
        pthread_mutex_destroy(&q->locks[i]);
    pthread_mutex_destroy(&q->stop_lock);
    free(q);
}

struct bucket_limit quota_whole(const struct quota *q, double rate)
{
    struct bucket_limit l;
    l.rate = rate;
    l.burst = MAX(rate * q->limits.burst_seconds, 1);
    return l;
}

/* The part of a limit that is this replica's. */
static struct bucket_limit part_of(const struct quota *q, double rate)
{
    struct bucket_limit l = quota_whole(q, rate);
    unsigned n = __atomic_load_n(&q->replicas, __ATOMIC_RELAXED);
    l.rate /= n;
    l.burst = MAX(l.burst / n, 1);
    return l;
}

bool quota_in_step(const struct quota *q)
{
    return __atomic_load_n(&q->in_step, __ATOMIC_RELAXED);
}

/* ---- Whose bucket ---- */

struct owner {
    const char *workspace, *caller; /* caller "": the workspace itself */
    enum quota_subject subject;
    enum quota_class class_;
    double rate; /* 0: no limit */
};

static struct owner owner_of(const struct quota *q, const struct quota_call *call, enum quota_subject subject)
{
    struct owner o;
    o.workspace = call->workspace;
    o.caller = subject == QUOTA_OF_CALLER ? call->caller : "";
    o.subject = subject;
    o.class_ = call->class_;
    o.rate = call->rate[subject] > 0 ? call->rate[subject] : q->limits.rate[subject][call->class_];
    return o;
}

/* The kind of bucket is mixed into the seed: added, it could cancel out against a letter of the workspace. */
static uint64_t tag_of(const struct quota *q, const struct owner *o)
{
    uint64_t kind = (uint64_t)o->subject * QUOTA_CLASSES + (uint64_t)o->class_;
    uint64_t h = hash64(str_of(o->caller), hash64(str_of(o->workspace), mix64(q->seed + kind)));
    return h ? h : 1;
}

/* A caller whose name is too long for a key is known by the name's hash. */
static void write_key(char key[KV_KEY_MAX + 1], const struct owner *o)
{
    unsigned char digest[SHA256_BYTES];
    char hash[2 * SHA256_BYTES + 1];
    const char *name = o->caller;
    if (strlen(name) > NAME_MAX_BYTES) {
        sha256(str_of(name), digest);
        hex_text(digest, sizeof digest, hash);
        name = hash;
    }
    snprintf(key, KV_KEY_MAX + 1, "{%s}quota/%s/%s", o->workspace, class_names[o->class_], name);
}

static double missing(const struct quota *q, const struct quota_place *p, int64_t mono_us)
{
    struct bucket b = p->bucket;
    if (!p->tag)
        return -1;
    struct bucket_limit l = part_of(q, p->rate);
    bucket_fill(&b, l, mono_us);
    return (l.burst - b.tokens) / l.burst;
}

/* The place of whoever used least, as a part of what they may. */
static size_t least_used(const struct quota *q, size_t set, int64_t mono_us)
{
    size_t least = set;
    double least_missing = missing(q, &q->places[set], mono_us);
    for (size_t i = set + 1; i < set + QUOTA_WAYS; i++) {
        double m = missing(q, &q->places[i], mono_us);
        if (m < least_missing) {
            least = i;
            least_missing = m;
        }
    }
    return least;
}

/* The owner's place; a new one starts with a full bucket. Under the set's lock. */
static struct quota_place *find(struct quota *q, const struct owner *o, uint64_t tag, size_t set,
                                int64_t mono_us)
{
    for (size_t i = set; i < set + QUOTA_WAYS; i++)
        if (q->places[i].tag == tag)
            return &q->places[i];
    size_t at = least_used(q, set, mono_us);
    struct quota_place *p = &q->places[at];
    memset(p, 0, sizeof *p);
    p->tag = tag;
    p->bucket = bucket_full(part_of(q, o->rate), mono_us);
    if (q->kv)
        write_key(q->keys[at], o);
    return p;
}

/* ---- Take ---- */

/* How fast the bucket may fill: in step with the others, their parts may come too. */
static double hope(const struct quota *q, const struct owner *o)
{
    if (quota_in_step(q))
        return o->rate;
    return part_of(q, o->rate).rate;
}

/* The owner's place, filled, with its lock held; NULL where there is no limit. */
static struct quota_place *enter(struct quota *q, const struct owner *o, int64_t mono_us,
                                 pthread_mutex_t **ret_lock)
{
    if (o->rate <= 0)
        return NULL;
    uint64_t tag = tag_of(q, o);
    size_t set = (tag & (QUOTA_SETS - 1)) * QUOTA_WAYS;
    *ret_lock = quota_lock(q, set);
    struct quota_place *p = find(q, o, tag, set, mono_us);
    bucket_fill(&p->bucket, part_of(q, o->rate), mono_us);
    p->rate = o->rate;
    p->asked = true;
    return p;
}

static void spend(struct quota_place *p, double tokens)
{
    p->bucket.tokens -= tokens;
    p->spent += tokens;
}

/* 0 where a token was taken, else the microseconds until there is one. */
static int64_t take(struct quota *q, const struct owner *o, int64_t mono_us)
{
    pthread_mutex_t *lock;
    struct quota_place *p = enter(q, o, mono_us, &lock);
    if (!p)
        return 0;
    int64_t wait_us = bucket_wait_us(&p->bucket, hope(q, o), 1);
    if (wait_us == 0)
        spend(p, 1);
    pthread_mutex_unlock(lock);
    return wait_us;
}

static void give_back(struct quota *q, const struct owner *o, int64_t mono_us)
{
    pthread_mutex_t *lock;
    struct quota_place *p = enter(q, o, mono_us, &lock);
    if (!p)
        return;
    spend(p, -1);
    pthread_mutex_unlock(lock);
}

static struct status exceeded(const struct owner *o, int64_t wait_us, struct arena *a)
{
    const char *whose = o->caller[0] ? o->caller : arena_printf(a, "workspaces/%s", o->workspace);
    metric_add(METRIC_quota_refused, 0, 1);
    struct status s = fail_field(a, REASON_QUOTA_EXCEEDED, whose ? whose : "workspace",
                                 "more than %g %s calls a second", o->rate, class_names[o->class_]);
    s.retry_after_ms = (uint32_t)MIN(wait_us / 1000 + 1, INT32_MAX);
    return s;
}

struct status quota_take(struct quota *q, const struct quota_call *call, int64_t mono_us, struct arena *a)
{
    const struct owner caller = owner_of(q, call, QUOTA_OF_CALLER);
    const struct owner workspace = owner_of(q, call, QUOTA_OF_WORKSPACE);
    int64_t wait_us = take(q, &caller, mono_us);
    if (wait_us)
        return exceeded(&caller, wait_us, a);
    wait_us = take(q, &workspace, mono_us);
    if (wait_us == 0)
        return ok();
    give_back(q, &caller, mono_us);
    return exceeded(&workspace, wait_us, a);
}
