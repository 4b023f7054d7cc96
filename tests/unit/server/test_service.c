#include "tests/unit/server/test_service.h"

#include "base/clock.h"
#include "base/pb.h"
#include "server/rpc/idem.h"
#include "tests/unit/server/testdata/test.pb-c.h"

#include <time.h>

typedef Test__V1__Everything Everything;
typedef Test__V1__SleepRequest SleepRequest;
typedef Test__V1__SleepResponse SleepResponse;
typedef Test__V1__AddRequest AddRequest;
typedef Test__V1__AddResponse AddResponse;
typedef Test__V1__GetRequest GetRequest;
typedef Test__V1__CountRequest CountRequest;
typedef Test__V1__CountResponse CountResponse;

extern const unsigned char test_descriptor_set[];
extern const size_t test_descriptor_set_size;

struct str test_descriptors(void)
{
    return str_make((const char *)test_descriptor_set, test_descriptor_set_size);
}

static struct test_seen seen;

static void see(int *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

struct test_seen test_seen_now(void)
{
    struct test_seen now;
    __atomic_load(&seen.slept, &now.slept, __ATOMIC_RELAXED);
    __atomic_load(&seen.cancelled, &now.cancelled, __ATOMIC_RELAXED);
    __atomic_load(&seen.add_runs, &now.add_runs, __ATOMIC_RELAXED);
    __atomic_load(&seen.committed, &now.committed, __ATOMIC_RELAXED);
    __atomic_load(&seen.went_ahead, &now.went_ahead, __ATOMIC_RELAXED);
    __atomic_load(&seen.held, &now.held, __ATOMIC_RELAXED);
    return now;
}

/* ---- counters in the database ---- */

enum { COUNTER_GET, COUNTER_INSERT, COUNTER_UPDATE };

static const struct stmt counter_sql[] = {
    [COUNTER_GET] = { "test_counter_get", "tt", "ii",
                      "SELECT total, version FROM counter WHERE workspace = $1 AND name = $2", NULL, NULL },
    [COUNTER_INSERT] = { "test_counter_insert", "tti", "",
                         "INSERT INTO counter (workspace, name, version, total) VALUES ($1, $2, 1, $3) ON "
                         "CONFLICT DO NOTHING",
                         NULL, NULL },
    [COUNTER_UPDATE] = { "test_counter_update", "itti", "",
                         "UPDATE counter SET version = version + 1, total = $1 WHERE workspace = $2 AND name "
                         "= $3 AND version = $4",
                         NULL, NULL },
};

const struct stmt_table test_statements = { counter_sql, COUNT(counter_sql) };

const struct migration test_migrations[] = {
    { 1, "counter",
      "CREATE TABLE counter (workspace TEXT NOT NULL, name TEXT NOT NULL, version BIGINT NOT NULL, total "
      "BIGINT NOT NULL,"
      " PRIMARY KEY (workspace, name));"
      "CREATE TABLE idempotency (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workspace TEXT NOT "
      "NULL,"
      " key BYTEA NOT NULL UNIQUE, fingerprint BYTEA NOT NULL, create_time BIGINT NOT NULL, response BYTEA "
      "NOT NULL);" },
    { 0, NULL, NULL },
};

static struct status read_total(struct ctx *c, const char *name, int64_t *total, int64_t *version)
{
    struct rows rows;
    TRY(DB_QUERY(c, &counter_sql[COUNTER_GET], &rows, v_text(c->workspace), v_text(name)));
    *total = rows.n ? row_at(&rows, 0)[0].i : 0;
    *version = rows.n ? row_at(&rows, 0)[1].i : 0;
    return ok();
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

static int released;

void test_release(void)
{
    see(&released);
}

/* The version to state: one that is wrong in the first run. */
static int64_t lose(struct ctx *c, int64_t ms, int64_t version)
{
    int64_t until = clock_mono_us() + ms * 1000;
    int before = __atomic_load_n(&released, __ATOMIC_RELAXED);
    if (c->attempt == 0)
        return version + 1000;
    see(&seen.held);
    while (clock_mono_us() < until && __atomic_load_n(&released, __ATOMIC_RELAXED) == before)
        sleep_ms(1);
    return version;
}

static struct status prepare_add(struct ctx *c, const AddRequest *req, int64_t *ret_total)
{
    int64_t total, version;
    see(&seen.add_runs);
    if (!req->name[0])
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "name", "is required");
    TRY(read_total(c, req->name, &total, &version));
    total += req->amount;
    *ret_total = total;
    if (!req->amount)
        return ok();
    c->unit->news = true;
    if (req->lose_ms)
        version = lose(c, req->lose_ms, version);
    if (version)
        UNIT_ADD(c->unit, &counter_sql[COUNTER_UPDATE], 1, REASON_CONFLICT, v_int(total),
                 v_text(c->workspace), v_text(req->name), v_int(version));
    else
        UNIT_ADD(c->unit, &counter_sql[COUNTER_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
                 v_text(req->name), v_int(total));
    if (req->refuse)
        return fail_field(c->arena, REASON_FIELD_INVALID, "refuse", "was asked for");
    return ok();
}

/* ---- handlers ---- */

static struct status echo(struct ctx *c, const Everything *req, Everything *res)
{
    (void)c;
    ProtobufCMessage base = res->base;
    *res = *req;
    res->base = base;
    return ok();
}

static struct status sleep_a_while(struct ctx *c, const SleepRequest *req, SleepResponse *res)
{
    int64_t until = clock_mono_us() + req->ms * 1000;
    see(&seen.slept);
    while (clock_mono_us() < until && !res->cancelled) {
        sleep_ms(1);
        res->cancelled = __atomic_load_n(c->cancelled, __ATOMIC_SEQ_CST);
    }
    if (res->cancelled)
        see(&seen.cancelled);
    return ok();
}

static struct status add(struct ctx *c, const AddRequest *req, AddResponse *res)
{
    res->attempt = c->attempt;
    return prepare_add(c, req, &res->total);
}

static struct status get(struct ctx *c, const GetRequest *req, AddResponse *res)
{
    int64_t version;
    return read_total(c, req->name, &res->total, &version);
}

struct count {
    int next, end, bytes;
};

static struct status count_open(struct ctx *c, const CountRequest *req, struct count **ret)
{
    struct count *s = ARENA_NEW(c->arena, struct count);
    if (!s)
        return fail_memory();
    if (req->count < 0)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "count", "is negative");
    s->end = req->count;
    s->bytes = req->bytes;
    *ret = s;
    return ok();
}

static struct status count_next(struct ctx *c, struct count *s, CountResponse *res, enum rpc_next *ret)
{
    *ret = s->next < s->end ? RPC_SEND : RPC_END;
    res->index = s->next++;
    res->data.len = (size_t)s->bytes;
    res->data.data = arena_alloc(c->arena, (size_t)s->bytes);
    return ok();
}

struct watch {
    const char *name;
    int64_t told;
};

static struct status watch_open(struct ctx *c, const GetRequest *req, struct watch **ret)
{
    struct watch *s = ARENA_NEW(c->arena, struct watch);
    if (!s)
        return fail_memory();
    s->name = req->name;
    *ret = s;
    return ok();
}

static struct status watch_next(struct ctx *c, struct watch *s, AddResponse *res, enum rpc_next *ret)
{
    int64_t version;
    TRY(read_total(c, s->name, &res->total, &version));
    *ret = version == s->told ? RPC_WAIT : RPC_SEND;
    s->told = version;
    return ok();
}

struct part {
    char name[64];
    int64_t amount;
    int left; /* items that the message still holds */
};

/* parts[at] is the last that is durable, the next two are under way. */
struct sum {
    int64_t total;
    unsigned at;
    struct part parts[3];
};

static struct status sum_open(struct ctx *c, struct sum **ret)
{
    *ret = ARENA_NEW(c->arena, struct sum);
    return *ret ? ok() : fail_memory();
}

static struct status sum_item(struct ctx *c, struct sum *s, const AddRequest *req)
{
    struct part *from = &s->parts[(s->at + c->ahead) % 3], *to = &s->parts[(s->at + c->ahead + 1) % 3];
    AddRequest add = TEST__V1__ADD_REQUEST__INIT;
    int64_t total;
    *to = *from;
    if (req) {
        memcpy(to->name, req->name, strnlen(req->name, sizeof to->name - 1) + 1);
        to->amount = req->amount;
        to->left = MAX(req->items, 1);
    }
    c->more = --to->left > 0;
    if (c->ahead) {
        see(&seen.went_ahead);
        c->too_early = strcmp(from->name, to->name) == 0; /* its total is being committed */
    }
    if (req)
        add = *req;
    add.name = to->name;
    add.amount = to->amount;
    return prepare_add(c, &add, &total);
}

static void sum_committed(struct ctx *c, struct sum *s)
{
    (void)c;
    see(&seen.committed);
    s->at++;
    s->total += s->parts[s->at % 3].amount;
}

static struct status sum_finish(struct ctx *c, struct sum *s, AddResponse *res)
{
    (void)c;
    res->total = s->total;
    return ok();
}

static struct status chat_open(struct ctx *c, struct sum **ret)
{
    return sum_open(c, ret);
}

static struct status chat_item(struct ctx *c, struct sum *s, const AddRequest *req, AddResponse *res)
{
    (void)s;
    return add(c, req, res);
}

static void chat_committed(struct ctx *c, struct sum *s)
{
    (void)c;
    (void)s;
    see(&seen.committed);
}

/* Only what the message itself is guilty of lets the conversation go on. */
static struct status chat_refused(struct ctx *c, struct sum *s, const AddRequest *req, struct status why,
                                  AddResponse *res)
{
    (void)s;
    (void)req;
    if (why.code != CODE_INVALID_ARGUMENT)
        return why;
    res->error = arena_dup(c->arena, str_of(reason_name((enum reason)why.reason)));
    return ok();
}

static struct status chat_finish(struct ctx *c, struct sum *s)
{
    (void)c;
    (void)s;
    return ok();
}

RPC_UNARY(echo, Everything, Everything)
RPC_UNARY(sleep_a_while, SleepRequest, SleepResponse)
RPC_UNARY(add, AddRequest, AddResponse)
RPC_UNARY(get, GetRequest, AddResponse)
RPC_SERVER_STREAM(count, CountRequest, CountResponse, struct count)
RPC_SERVER_STREAM(watch, GetRequest, AddResponse, struct watch)
RPC_CLIENT_STREAM(sum, AddRequest, AddResponse, struct sum)
RPC_BIDI(chat, AddRequest, AddResponse, struct sum)

#define TEST &test__v1__test_service__descriptor

const struct rpc_method test_methods[] = {
    { TEST, "Echo", &echo_rpc, LANE_INLINE, "test", 0, 0, 64, 60000 },
    { TEST, "Sleep", &sleep_a_while_rpc, LANE_SLOW, "test", 0, 0, 16, 60000 },
    { TEST, "Add", &add_rpc, LANE_READ, "test", 0, RPC_MUTATES, 64, 60000 },
    { TEST, "Get", &get_rpc, LANE_READ, "test", 0, 0, 64, 60000 },
    { TEST, "Count", &count_rpc, LANE_INLINE, "test", 0, 0, 2048, 60000 },
    { TEST, "Watch", &watch_rpc, LANE_READ, "test", 0, 0, 64, 0 },
    { TEST, "Sum", &sum_rpc, LANE_DB, "test", 0, RPC_MUTATES | RPC_AHEAD, 64, 60000 },
    { TEST, "Chat", &chat_rpc, LANE_READ, "test", 0, RPC_MUTATES, 64, 60000 },
};
const size_t test_methods_n = COUNT(test_methods);
