#include "store/postgres.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>

#define BACKOFF_FIRST_US 50000
#define BACKOFF_MOST_US 2000000

/* What a session starts with. A server whose peer is gone stops working for it within
 * client_connection_check_interval, so a passed deadline only has to close the connection. Readers: a
 * snapshot is the implicit transaction of the pipeline, whose isolation comes from the default; a plan that
 * was made while a table was empty would read all of it for as long as the session lives, so plans use
 * indexes. The writer: all writes find their rows by key, so its plans are made once and only from index
 * look-ups; a server set to answer before the WAL is on the disk is overruled. */
static const char *const setup[] = {
    [PG_READ] =
        "SET client_connection_check_interval = '100ms'; SET jit = off; SET statement_timeout = '60s'; "
        "SET default_transaction_isolation = 'repeatable read'; SET default_transaction_read_only = on; "
        "SET enable_seqscan = off",
    [PG_WRITE] =
        "SET client_connection_check_interval = '100ms'; SET jit = off; SET statement_timeout = '30s'; "
        "SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s'; "
        "SET default_transaction_isolation = 'read committed'; SET plan_cache_mode = force_generic_plan; "
        "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; "
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = "
        "'off'",
    [PG_MIGRATE] = "SET client_min_messages = warning; SET marketing.workspace = '" EVERY_WORKSPACE "'",
};

/* By the longest prefix of the SQLSTATE: a row stands before shorter ones. */
static const struct {
    const char *state;
    enum reason reason;
} reasons[] = {
    { "53100", REASON_STORE_FULL },        /* disk_full */
    { "53", REASON_STORE_UNAVAILABLE },    /* other resources: connections, memory */
    { "40", REASON_CONFLICT },             /* deadlock, serialization */
    { "55P03", REASON_CONFLICT },          /* lock_timeout */
    { "57014", REASON_DEADLINE_PASSED },   /* statement_timeout */
    { "57P", REASON_STORE_UNAVAILABLE },   /* shutting down, starting up */
    { "08", REASON_STORE_UNAVAILABLE },    /* connection */
    { "25006", REASON_STORE_UNAVAILABLE }, /* a standby takes no writes */
    { "28", REASON_STORE_UNAVAILABLE },    /* may not log in */
    { "3D", REASON_STORE_UNAVAILABLE },    /* no such database */
    { "58", REASON_STORE_UNAVAILABLE },    /* I/O */
};

bool pg_failed(const PGresult *r)
{
    ExecStatusType s = PQresultStatus(r);
    return s == PGRES_FATAL_ERROR || s == PGRES_BAD_RESPONSE || s == PGRES_PIPELINE_ABORTED;
}

bool pg_unique_violation(const PGresult *r)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    return state && strcmp(state, "23505") == 0;
}

/* The server's words are passed on only where they speak of our SQL: elsewhere they may quote a row. */
struct status pg_error(const PGresult *r, const char *what, struct arena *a)
{
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    enum reason reason = REASON_INTERNAL;
    if (!state)
        return fail(a, REASON_STORE_UNAVAILABLE, "%s: the connection was lost", what);
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (str_starts(str_of(state), str_of(reasons[i].state))) {
            reason = reasons[i].reason;
            break;
        }
    bool ours = str_starts(str_of(state), STR("42")) || str_starts(str_of(state), STR("0A"));
    return fail(a, reason, "%s: SQLSTATE %s%s%s", what, state, ours && text ? ": " : "",
                ours && text ? text : "");
}

struct status pg_dead(const struct pg_conn *c)
{
    if (c->why == REASON_DEADLINE_PASSED)
        return fail(NULL, REASON_DEADLINE_PASSED, "the database did not answer before the deadline");
    return fail(NULL, REASON_STORE_UNAVAILABLE, "the connection to the database was lost");
}

static bool die(struct pg_conn *c, enum reason why)
{
    c->dead = true;
    c->why = why;
    return false;
}

void pg_lost(struct pg_conn *c)
{
    die(c, REASON_STORE_UNAVAILABLE);
}

/* True when the socket can be used; false when the deadline passed. */
static bool wait_socket(int fd, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left = deadline_us == INT64_MAX ? US_PER_DAY : deadline_us - clock_mono_us();
        struct pollfd p = { fd, events, 0 };
        int n = poll(&p, 1, left <= 0 ? 0 : (int)(MIN(left, US_PER_DAY) / 1000 + 1));
        if (n > 0)
            return true;
        if (n == 0 && left <= 0)
            return false;
        if (n < 0 && errno != EINTR)
            return true; /* the next call of libpq finds out why */
    }
}

/* The next thing from the server: a result, or NULL at the end of one statement. False like pg_one. */
static bool next_result(struct pg_conn *c, int64_t deadline_us, PGresult **ret)
{
    if (c->dead)
        return false;
    for (;;) {
        int unsent = PQflush(c->h);
        if (unsent < 0)
            return die(c, REASON_STORE_UNAVAILABLE);
        if (!PQisBusy(c->h))
            break;
        if (!wait_socket(PQsocket(c->h), unsent ? POLLIN | POLLOUT : POLLIN, deadline_us))
            return die(c, REASON_DEADLINE_PASSED);
        if (!PQconsumeInput(c->h))
            return die(c, REASON_STORE_UNAVAILABLE);
    }
    *ret = PQgetResult(c->h);
    if (PQstatus(c->h) == CONNECTION_OK)
        return true;
    PQclear(*ret);
    return die(c, REASON_STORE_UNAVAILABLE);
}

bool pg_one(struct pg_conn *c, int64_t deadline_us, PGresult **ret)
{
    PGresult *end = NULL;
    if (!next_result(c, deadline_us, ret))
        return false;
    ASSERT(*ret); /* else more is waited for than was sent */
    if (PQresultStatus(*ret) == PGRES_PIPELINE_SYNC)
        return true; /* nothing follows a sync */
    if (!next_result(c, deadline_us, &end)) {
        PQclear(*ret);
        return false;
    }
    PQclear(end);
    return true;
}

struct status pg_simple(struct pg_conn *c, const char *sql, int64_t deadline_us, struct arena *a,
                        int64_t *ret_number)
{
    PGresult *r = NULL;
    struct status s = ok();
    if (PQsendQuery(c->h, sql) != 1)
        pg_lost(c);
    while (next_result(c, deadline_us, &r) && r) {
        if (pg_failed(r) && is_ok(s))
            s = pg_error(r, "setting up", a);
        if (ret_number && PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) == 1)
            *ret_number = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
        PQclear(r);
    }
    return c->dead ? pg_dead(c) : s;
}

static void no_notice(void *arg, const PGresult *r) {}

/* The url comes behind our defaults, and what it says wins. */
static PGconn *connect_start(const char *url)
{
    static const char *const keys[] = { "fallback_application_name",
                                        "keepalives_idle",
                                        "keepalives_interval",
                                        "keepalives_count",
                                        "tcp_user_timeout",
                                        "dbname",
                                        NULL };
    const char *values[] = { "marketing", "10", "5", "3", "15000", url, NULL };
    return PQconnectStartParams(keys, values, 1);
}

static bool connect_finish(PGconn *h, int64_t deadline_us)
{
    for (PostgresPollingStatusType p = PGRES_POLLING_WRITING;; p = PQconnectPoll(h)) {
        if (p == PGRES_POLLING_OK)
            return true;
        if (p == PGRES_POLLING_FAILED || PQsocket(h) < 0)
            return false;
        if (!wait_socket(PQsocket(h), p == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us))
            return false;
    }
}

/* libpq's text names host, port, user and database, never the password. */
static struct status connect_error(PGconn *h, struct arena *a)
{
    if (!a)
        return fail(NULL, REASON_STORE_UNAVAILABLE, "PostgreSQL cannot be reached");
    const char *text = h ? PQerrorMessage(h) : "";
    struct str rest = str_of(text), line = str_trim(str_split(&rest, '\n'));
    return fail(a, REASON_STORE_UNAVAILABLE, "PostgreSQL cannot be reached: %.*s", line.n ? (int)line.n : 9,
                line.n ? line.p : "no answer");
}

static struct status session_start(struct pg_conn *c, enum pg_mode mode, int64_t deadline_us, struct arena *a)
{
    PQsetNoticeReceiver(c->h, no_notice, NULL);
    if (PQsetnonblocking(c->h, 1))
        return connect_error(c->h, a);
    TRY(pg_simple(c, setup[mode], deadline_us, a, NULL));
    if (mode != PG_MIGRATE)
        TRY(pg_wall_enter(c, deadline_us, a));
    if (mode != PG_MIGRATE && PQenterPipelineMode(c->h) != 1)
        return connect_error(c->h, a);
    return ok();
}

static struct status connect_now(struct pg_db *d, enum pg_mode mode, int64_t deadline_us, struct pg_conn *c,
                                 struct arena *a)
{
    c->h = connect_start(d->url);
    c->dead = false;
    c->n = 0;
    if (c->prepared)
        memset(c->prepared, 0, PG_STATEMENTS * sizeof *c->prepared);
    struct status s =
        connect_finish(c->h, deadline_us) ? session_start(c, mode, deadline_us, a) : connect_error(c->h, a);
    if (!is_ok(s))
        pg_disconnect(c);
    return s;
}

static bool may_connect(struct pg_db *d)
{
    pthread_mutex_lock(&d->lock);
    bool may = clock_mono_us() >= d->retry_us;
    pthread_mutex_unlock(&d->lock);
    return may;
}

static void connected(struct pg_db *d, bool success)
{
    pthread_mutex_lock(&d->lock);
    d->backoff_us = success ? 0 : MIN(MAX(d->backoff_us * 2, BACKOFF_FIRST_US), BACKOFF_MOST_US);
    d->retry_us = success ? 0 : clock_mono_us() + d->backoff_us;
    pthread_mutex_unlock(&d->lock);
}

struct status pg_connect(struct pg_db *d, enum pg_mode mode, int64_t deadline_us, struct pg_conn *c,
                         struct arena *a)
{
    if (!may_connect(d))
        return fail(NULL, REASON_STORE_UNAVAILABLE, "PostgreSQL cannot be reached; trying again soon");
    int64_t until = clock_mono_us() + (mode == PG_MIGRATE ? PG_START_US : PG_CONNECT_US);
    bool ours = deadline_us > until;
    struct status s = connect_now(d, mode, ours ? until : deadline_us, c, a);
    /* A caller's short patience says nothing about the server. */
    if (is_ok(s) || ours || clock_mono_us() < deadline_us)
        connected(d, is_ok(s));
    else
        s = fail(NULL, REASON_DEADLINE_PASSED, "the database did not answer before the deadline");
    return s;
}

void pg_disconnect(struct pg_conn *c)
{
    if (c->h)
        PQfinish(c->h);
    c->h = NULL;
    c->dead = false;
    c->why = REASON_NONE;
}
