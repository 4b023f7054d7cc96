/* The key-value port over Redis: connections that are opened as they are needed and kept. */
#include "base/cond.h"
#include "base/ids.h"
#include "store/kv_backend.h"
#include "store/redis_conn.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CONNECTIONS_MAX 64
#define BACKOFF_FIRST_US 50000
#define BACKOFF_MOST_US 2000000
#define NUMBER_TEXT 32
#define WORDS_MAX 7
#define CHARGE_AT_ONCE 256

/* bucket_fill and the charge of kv.h, by Redis' own clock. A double has 53 bits, so microseconds stay exact.
 */
static const char charge_script[] =
    "local t = redis.call('TIME') "
    "local now = t[1] * 1000000 + t[2] "
    "local rate, burst, spent = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local b = redis.call('HMGET', KEYS[1], 'left', 'at') "
    "local left, at = tonumber(b[1]) or burst, tonumber(b[2]) or now "
    "left = math.min(burst, left + math.max(0, now - at) * rate / 1000000) "
    "left = math.max(left - spent, -burst) "
    "redis.call('HSET', KEYS[1], 'left', string.format('%.9g', left), 'at', string.format('%.0f', now)) "
    "redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) / rate * 1000) + 1000) "
    "return string.format('%.9g', left)";

struct redis {
    struct kv kv;
    struct redis_target target;
    unsigned most; /* connections */
    int64_t timeout_us;
    char charge_sha[2 * SHA_DIGEST_LENGTH + 1];
    pthread_mutex_t lock;
    pthread_cond_t came_back;
    struct redis_conn *idle[CONNECTIONS_MAX];
    unsigned n_idle, n_lent;
    int64_t retry_us, backoff_us;
};

static struct redis *redis(struct kv *kv)
{
    return (struct redis *)(void *)kv;
}

/* ---- Connections ---- */

/* Waits until there is an idle connection or room for another one. Under the lock. */
static struct status wait_for_place(struct redis *r, int64_t deadline_us)
{
    while (!r->n_idle && r->n_lent == r->most)
        if (!cond_wait_until(&r->came_back, &r->lock, deadline_us))
            return fail(NULL, REASON_KV_UNAVAILABLE, "all connections to Redis are in use");
    if (!r->n_idle && clock_mono_us() < r->retry_us)
        return fail(NULL, REASON_KV_UNAVAILABLE, "Redis cannot be reached; trying again soon");
    return ok();
}

/* An idle connection, or NULL and the right to open one. */
static struct status borrow(struct redis *r, int64_t deadline_us, struct redis_conn **ret)
{
    pthread_mutex_lock(&r->lock);
    struct status s = wait_for_place(r, deadline_us);
    if (is_ok(s)) {
        *ret = r->n_idle ? r->idle[--r->n_idle] : NULL;
        r->n_lent++;
    }
    pthread_mutex_unlock(&r->lock);
    return s;
}

/* Each replica waits another time, so that they do not all come back at once. */
static int64_t jitter(int64_t us)
{
    uint32_t r;
    random_bytes(&r, sizeof r);
    return us / 2 + (int64_t)(r % (uint64_t)us) / 2;
}

/* Where it failed: nothing that was idle is trusted any more. */
static void lost_one(struct redis *r)
{
    while (r->n_idle)
        redis_disconnect(r->idle[--r->n_idle]);
    r->backoff_us = MIN(MAX(r->backoff_us * 2, BACKOFF_FIRST_US), BACKOFF_MOST_US);
    r->retry_us = clock_mono_us() + jitter(r->backoff_us);
}

static void give_back(struct redis *r, struct redis_conn *c, bool good)
{
    pthread_mutex_lock(&r->lock);
    r->n_lent--;
    if (good) {
        r->idle[r->n_idle++] = c;
        r->backoff_us = 0;
    } else {
        lost_one(r);
    }
    pthread_cond_signal(&r->came_back);
    pthread_mutex_unlock(&r->lock);
    if (!good)
        redis_disconnect(c);
}

/* Redis forgets scripts when it starts, so each connection brings them. */
static struct status load_script(struct redis *r, struct redis_conn *c, int64_t deadline_us)
{
    const struct str words[] = { STR("SCRIPT"), STR("LOAD"), str_of(charge_script) };
    redisReply *reply;
    redis_command(c, words, COUNT(words));
    TRY(redis_exchange(c, deadline_us, &reply, 1));
    bool good =
        reply->type == REDIS_REPLY_STRING && str_eq(str_make(reply->str, reply->len), str_of(r->charge_sha));
    freeReplyObject(reply);
    return good ? ok() : fail(NULL, REASON_KV_UNAVAILABLE, "Redis takes no scripts from this user");
}

static struct status take(struct redis *r, int64_t deadline_us, struct redis_conn **ret)
{
    TRY(borrow(r, deadline_us, ret));
    if (*ret)
        return ok();
    struct status s = redis_connect(&r->target, deadline_us, ret);
    if (is_ok(s))
        s = load_script(r, *ret, deadline_us);
    if (!is_ok(s))
        give_back(r, *ret, false);
    return s;
}

/* ---- Exchanges ---- */

struct command {
    struct str words[WORDS_MAX];
    size_t n;
};

/* A value of another kind is the caller's fault; whatever else Redis refuses (it loads its data, it is a
 * replica, it is full, it forgot the script) may pass. */
static struct status judge(const redisReply *reply)
{
    struct str text = str_make(reply->str, reply->type == REDIS_REPLY_ERROR ? (size_t)reply->len : 0);
    if (reply->type != REDIS_REPLY_ERROR)
        return ok();
    if (str_starts(text, STR("WRONGTYPE")) || str_starts(text, STR("ERR value is not an integer")) ||
        str_starts(text, STR("ERR increment or decrement would overflow")))
        return fail(NULL, REASON_INTERNAL, "the key holds another kind of value");
    return fail(NULL, REASON_KV_UNAVAILABLE, "Redis refuses the command");
}

static void drop_replies(redisReply **replies, size_t n)
{
    for (size_t i = 0; i < n; i++)
        freeReplyObject(replies[i]);
}

/* Sends n commands at once. The replies, none of them an error, are the caller's. */
static struct status ask(struct redis *r, const struct command *commands, size_t n, redisReply **ret)
{
    int64_t deadline_us = clock_mono_us() + r->timeout_us;
    struct redis_conn *c = NULL;
    TRY(take(r, deadline_us, &c));
    for (size_t i = 0; i < n; i++)
        redis_command(c, commands[i].words, commands[i].n);
    struct status s = redis_exchange(c, deadline_us, ret, n);
    bool answered = is_ok(s);
    for (size_t i = 0; answered && is_ok(s) && i < n; i++)
        s = judge(ret[i]);
    give_back(r, c, s.reason != REASON_KV_UNAVAILABLE);
    if (answered && !is_ok(s))
        drop_replies(ret, n);
    return s;
}

static struct str number(char text[NUMBER_TEXT], int64_t n)
{
    return str_make(text, (size_t)snprintf(text, NUMBER_TEXT, "%lld", (long long)n));
}

static struct str real(char text[NUMBER_TEXT], double d)
{
    return str_make(text, (size_t)snprintf(text, NUMBER_TEXT, "%.9g", d));
}

static struct status redis_get(struct kv *kv, const char *key, struct arena *a, bool *ret_found,
                               struct str *ret)
{
    struct command c = { { STR("GET"), str_of(key) }, 2 };
    redisReply *reply;
    TRY(ask(redis(kv), &c, 1, &reply));
    bool found = reply->type == REDIS_REPLY_STRING;
    const char *copy = found ? arena_dup(a, str_make(reply->str, (size_t)reply->len)) : NULL;
    size_t n = found ? (size_t)reply->len : 0;
    freeReplyObject(reply);
    if (found && !copy)
        return fail_memory();
    *ret_found = found;
    *ret = str_make(copy, n);
    return ok();
}

static struct status redis_set(struct kv *kv, const char *key, struct str value, int64_t ttl_ms)
{
    char ttl[NUMBER_TEXT];
    struct command c = { { STR("SET"), str_of(key), value, STR("PX"), number(ttl, ttl_ms) }, 5 };
    redisReply *reply;
    TRY(ask(redis(kv), &c, 1, &reply));
    freeReplyObject(reply);
    return ok();
}

static struct status redis_add(struct kv *kv, const char *key, int64_t n, int64_t ttl_ms, int64_t *ret)
{
    char by[NUMBER_TEXT], ttl[NUMBER_TEXT];
    const struct command c[] = {
        { { STR("INCRBY"), str_of(key), number(by, n) }, 3 },
        { { STR("PEXPIRE"), str_of(key), number(ttl, ttl_ms), STR("NX") }, 4 },
    };
    redisReply *replies[COUNT(c)];
    TRY(ask(redis(kv), c, COUNT(c), replies));
    *ret = replies[0]->integer;
    drop_replies(replies, COUNT(c));
    return ok();
}

static struct status charge_some(struct redis *r, struct kv_bucket *buckets, size_t n)
{
    struct command commands[CHARGE_AT_ONCE];
    char numbers[CHARGE_AT_ONCE][3][NUMBER_TEXT];
    redisReply *replies[CHARGE_AT_ONCE];
    bool good = true;
    ASSERT(n > 0);
    for (size_t i = 0; i < n; i++) {
        const struct kv_bucket *b = &buckets[i];
        const struct command c = { { STR("EVALSHA"), str_of(r->charge_sha), STR("1"), str_of(b->key),
                                     real(numbers[i][0], b->limit.rate), real(numbers[i][1], b->limit.burst),
                                     real(numbers[i][2], b->spent) },
                                   WORDS_MAX };
        commands[i] = c;
    }
    TRY(ask(r, commands, n, replies));
    for (size_t i = 0; i < n; i++)
        good &= replies[i]->type == REDIS_REPLY_STRING &&
                str_to_f64(str_make(replies[i]->str, (size_t)replies[i]->len), &buckets[i].left);
    drop_replies(replies, n);
    return good ? ok() : fail(NULL, REASON_INTERNAL, "Redis answers a charge with no number");
}

static struct status redis_charge(struct kv *kv, struct kv_bucket *buckets, size_t n)
{
    for (size_t done = 0; done < n; done += CHARGE_AT_ONCE)
        TRY(charge_some(redis(kv), buckets + done, MIN(n - done, CHARGE_AT_ONCE)));
    return ok();
}

/* ---- Start and end ---- */

static void redis_close(struct kv *kv)
{
    struct redis *r = redis(kv);
    ASSERT(!r->n_lent);
    while (r->n_idle)
        redis_disconnect(r->idle[--r->n_idle]);
    pthread_cond_destroy(&r->came_back);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static const struct kv_ops redis_ops = {
    "redis", redis_get, redis_set, redis_add, redis_charge, redis_close,
};

struct status redis_open(const struct kv_options *o, struct arena *a, struct kv **ret)
{
    struct redis_target target;
    unsigned char digest[SHA_DIGEST_LENGTH];
    TRY(redis_target_read(o->url, o->ca_file, a, &target));
    struct redis *r = calloc(1, sizeof *r);
    if (!r)
        return fail_memory();
    r->kv.ops = &redis_ops;
    r->target = target;
    r->most = MIN(o->connections, CONNECTIONS_MAX);
    r->timeout_us = o->timeout_us;
    SHA1((const unsigned char *)charge_script, sizeof charge_script - 1, digest);
    hex_text(digest, sizeof digest, r->charge_sha);
    pthread_mutex_init(&r->lock, NULL);
    cond_init(&r->came_back);
    *ret = &r->kv;
    return ok();
}
