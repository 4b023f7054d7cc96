/* Snapshots. In pipeline mode the server runs all statements up to a sync in one implicit transaction, here a
 * repeatable read, so a snapshot needs neither BEGIN nor COMMIT: each statement is one round trip, and the
 * sync that ends it is sent without waiting for its answer, which the next use of the connection reads and
 * drops. */
#include "store/postgres.h"

#include "base/cond.h"

#include <endian.h>

/* Of an answer that is not there at its deadline: giving it up means giving the connection up. A new one
 * costs the server more than most answers, and it would work on for so long anyhow (postgres_conn.c, setup).
 */
#define GRACE_US (US_PER_SECOND / 10)
#define PING_US US_PER_SECOND         /* for who asks whether it is there */
#define PLACE_US (10 * US_PER_SECOND) /* for a server that starts, which needs a connection first */

static bool is_late(int64_t deadline_us)
{
    return deadline_us != INT64_MAX && clock_mono_us() >= deadline_us;
}

static struct status too_late(void)
{
    return fail(NULL, REASON_DEADLINE_PASSED, "the deadline passed before the database was asked");
}

/* The pool's lock is held. */
static struct status reader_new(struct pg_db *d, struct pg_reader **ret)
{
    struct pg_reader *r = ARENA_NEW(&d->memory, struct pg_reader);
    if (r)
        r->conn.prepared = ARENA_ARRAY(&d->memory, PG_STATEMENTS, struct pg_prepared);
    if (!r || !r->conn.prepared)
        return fail_memory();
    r->base.db = &d->base;
    d->all[d->readers++] = r;
    *ret = r;
    return ok();
}

/* The pool's lock is held. */
static struct status reader_take(struct pg_db *d, int64_t deadline_us, struct pg_reader **ret)
{
    while (!d->idle && d->readers == d->readers_max)
        if (!cond_wait_until(&d->freed, &d->lock, deadline_us))
            return fail(NULL, REASON_DEADLINE_PASSED, "no database connection became free in time");
    if (!d->idle)
        return reader_new(d, ret);
    *ret = d->idle;
    d->idle = (*ret)->next;
    return ok();
}

struct status pg_read_begin(struct db *db, int64_t deadline_us, struct db_read **ret)
{
    struct pg_db *d = (struct pg_db *)db;
    struct pg_reader *r = NULL;
    if (is_late(deadline_us))
        return too_late();
    pthread_mutex_lock(&d->lock);
    struct status s = reader_take(d, deadline_us, &r);
    pthread_mutex_unlock(&d->lock);
    TRY(s);
    r->ask_us = deadline_us;
    r->deadline_us = deadline_us == INT64_MAX ? INT64_MAX : deadline_us + GRACE_US;
    r->reach = "";
    r->reaches = NULL;
    if (!r->conn.h)
        s = pg_connect(d, PG_READ, r->deadline_us, &r->conn, NULL);
    if (!is_ok(s)) {
        pg_read_end(&r->base);
        return s;
    }
    *ret = &r->base;
    return ok();
}

void pg_read_end(struct db_read *read)
{
    if (!read)
        return;
    struct pg_reader *r = (struct pg_reader *)read;
    struct pg_db *d = (struct pg_db *)read->db;
    if (r->open && !r->conn.dead && (PQpipelineSync(r->conn.h) != 1 || PQflush(r->conn.h) < 0))
        pg_lost(&r->conn);
    if (r->conn.dead)
        pg_disconnect(&r->conn);
    r->open = false;
    pthread_mutex_lock(&d->lock);
    r->next = d->idle;
    d->idle = r;
    pthread_cond_signal(&d->freed);
    pthread_mutex_unlock(&d->lock);
}

static bool copy_value(const PGresult *r, int row, int col, char letter, struct arena *a, struct value *ret)
{
    const char *p = PQgetvalue(r, row, col);
    size_t n = (size_t)PQgetlength(r, row, col);
    uint64_t bits;
    *ret = v_null();
    if (PQgetisnull(r, row, col))
        return true;
    if (letter == 't' || letter == 'b') {
        ret->type = letter == 't' ? VALUE_TEXT : VALUE_BYTES;
        ret->s = str_make(p, n);
        ret->s.p = arena_dup(a, ret->s);
        return ret->s.p != NULL;
    }
    memcpy(&bits, p, sizeof bits);
    bits = be64toh(bits);
    ret->type = letter == 'i' ? VALUE_INT : VALUE_REAL;
    if (letter == 'i')
        memcpy(&ret->i, &bits, sizeof bits);
    else
        memcpy(&ret->d, &bits, sizeof bits);
    return true;
}

/* The values are read as the row of the statement says: its letters must be the columns' types. */
static bool columns_match(const PGresult *r, const struct stmt *s)
{
    int n = (int)strlen(s->result);
    if (PQnfields(r) != n)
        return false;
    for (int i = 0; i < n; i++)
        if (PQftype(r, i) != pg_oid(s->result[i]))
            return false;
    return true;
}

static struct status wrong_columns(const struct stmt *s, struct arena *a)
{
    return fail(a, REASON_INTERNAL, "%s: its columns are not of the types that the row of the statement says",
                s->name);
}

static struct status copy_rows(const PGresult *r, const struct stmt *s, struct arena *a, struct rows *ret)
{
    size_t n = (size_t)PQntuples(r), cols = strlen(s->result);
    if (!columns_match(r, s))
        return wrong_columns(s, a);
    struct value *v = arena_raw(a, n * cols * sizeof *v);
    if (!v)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < cols; k++)
            if (!copy_value(r, (int)i, (int)k, s->result[k], a, &v[i * cols + k]))
                return fail_memory();
    ret->n = n;
    ret->cols = cols;
    ret->v = v;
    return ok();
}

/* The next statement's result; those of earlier syncs are dropped. */
static bool next_result(struct pg_reader *r, PGresult **ret)
{
    while (pg_one(&r->conn, r->deadline_us, ret)) {
        if (PQresultStatus(*ret) != PGRES_PIPELINE_SYNC)
            return true;
        PQclear(*ret);
    }
    return false;
}

void pg_reach(struct db_read *read, const char *workspace)
{
    ((struct pg_reader *)read)->reach = workspace;
}

static bool reaches(const struct pg_reader *r)
{
    return r->reaches && strcmp(r->reaches, r->reach) == 0;
}

/* What goes before a statement, each with an answer of its own. */
struct before {
    bool wall, prepare;
};

static bool send_query(struct pg_reader *r, const struct stmt *s, const struct value *args, struct before b)
{
    struct pg_params p;
    pg_params_row(&p, s, args);
    return (!b.wall || pg_wall_send(&r->conn, r->reach)) &&
           (!b.prepare || pg_send_prepare(&r->conn, s, PG_ROW)) && pg_send(&r->conn, s, PG_ROW, &p);
}

/* What was sent is to be answered now. */
static bool send_flush(struct pg_reader *r)
{
    if (PQsendFlushRequest(r->conn.h) == 1)
        return true;
    pg_lost(&r->conn);
    return false;
}

/* False when the connection died; *failed says what the server refused. */
static bool take_answer(struct pg_reader *r, const char *what, struct arena *a, struct status *failed)
{
    PGresult *res = NULL;
    if (!next_result(r, &res))
        return false;
    if (is_ok(*failed) && pg_failed(res))
        *failed = pg_error(res, what, a);
    PQclear(res);
    return true;
}

static struct status query_once(struct pg_reader *r, const struct stmt *s, const struct value *args,
                                struct arena *a, struct rows *ret)
{
    PGresult *res = NULL;
    struct status failed = ok();
    struct before b = { !reaches(r), !pg_is_prepared(&r->conn, s, PG_ROW) };
    if (!send_query(r, s, args, b) || !send_flush(r) || (b.wall && !take_answer(r, "wall", a, &failed)) ||
        (b.prepare && !take_answer(r, s->name, a, &failed)) || !next_result(r, &res))
        return pg_dead(&r->conn);
    r->open = true;
    if (is_ok(failed)) {
        r->reaches = r->reach;
        pg_prepared_add(&r->conn, s, PG_ROW);
        failed = pg_failed(res) ? pg_error(res, s->name, a) : copy_rows(res, s, a, ret);
    }
    PQclear(res);
    return failed;
}

struct status pg_query(struct db_read *read, const struct stmt *s, const struct value *args, struct arena *a,
                       struct rows *ret)
{
    struct pg_reader *r = (struct pg_reader *)read;
    stmt_check_args(s, args);
    if (r->conn.dead)
        return pg_dead(&r->conn);
    if (is_late(r->ask_us))
        return too_late();
    struct status st = query_once(r, s, args, a, ret);
    /* A connection may have died while it was idle; before the first statement nothing was seen, so a new one
     * will do. */
    if (!r->conn.dead || r->open || r->conn.why == REASON_DEADLINE_PASSED)
        return st;
    pg_disconnect(&r->conn);
    struct status again = pg_connect((struct pg_db *)read->db, PG_READ, r->deadline_us, &r->conn, NULL);
    if (!is_ok(again)) {
        pg_lost(&r->conn);
        return again;
    }
    return query_once(r, s, args, a, ret);
}

static bool send_one(struct pg_reader *r, const struct question *q, struct before *ret)
{
    r->reach = q->reach;
    *ret = (struct before){ !reaches(r), !pg_is_prepared(&r->conn, q->stmt, PG_ROW) };
    if (!send_query(r, q->stmt, q->args, *ret))
        return false;
    r->reaches = r->reach;
    pg_prepared_add(&r->conn, q->stmt, PG_ROW);
    return true;
}

static bool take_one(struct pg_reader *r, struct question *q, struct before b, struct arena *a,
                     struct status *failed)
{
    PGresult *res = NULL;
    if ((b.wall && !take_answer(r, "wall", a, failed)) ||
        (b.prepare && !take_answer(r, q->stmt->name, a, failed)) || !next_result(r, &res))
        return false;
    if (is_ok(*failed) && pg_failed(res))
        *failed = pg_error(res, q->stmt->name, a);
    q->answered = is_ok(*failed) && is_ok(copy_rows(res, q->stmt, a, &q->rows)); /* else it is asked again */
    PQclear(res);
    return true;
}

/* Where one fails those behind it were not prepared, and the connection is given up. */
struct status pg_query_all(struct db_read *read, struct question *const *all, size_t n, struct arena *a)
{
    struct pg_reader *r = (struct pg_reader *)read;
    struct before *before = ARENA_ARRAY(a, n, struct before);
    struct status failed = ok();
    bool lives = !r->conn.dead;
    if (!before)
        return ok();
    r->open = true;
    for (size_t i = 0; lives && i < n; i++)
        lives = send_one(r, all[i], &before[i]);
    lives = lives && send_flush(r);
    for (size_t i = 0; lives && i < n; i++)
        lives = take_one(r, all[i], before[i], a, &failed);
    if (!is_ok(failed))
        pg_lost(&r->conn);
    return lives ? failed : pg_dead(&r->conn);
}

/* Two results: of the Parse, and the columns. */
static struct status check_text(struct pg_reader *r, const struct stmt *s, enum pg_text text, struct arena *a)
{
    struct status st = ok();
    PGresult *res = NULL;
    if (!pg_send_prepare(&r->conn, s, text) || !pg_send_describe(&r->conn, s, text) || !send_flush(r))
        return pg_dead(&r->conn);
    for (int i = 0; i < 2; i++) {
        if (!next_result(r, &res))
            return pg_dead(&r->conn);
        if (is_ok(st) && pg_failed(res))
            st = pg_error(res, s->name, a);
        else if (is_ok(st) && i == 0)
            pg_prepared_add(&r->conn, s, text);
        else if (is_ok(st) && text == PG_ROW && !columns_match(res, s))
            st = wrong_columns(s, a);
        PQclear(res);
    }
    return st;
}

struct status pg_check(struct db *db, const struct stmt *s, struct arena *a)
{
    struct db_read *read = NULL;
    TRY(pg_read_begin(db, clock_mono_us() + 5 * US_PER_SECOND, &read));
    struct pg_reader *r = (struct pg_reader *)read;
    r->open = true; /* so that the end syncs, and an error ends with it */
    struct status st = pg_is_prepared(&r->conn, s, PG_ROW) ? ok() : check_text(r, s, PG_ROW, a);
    if (is_ok(st) && s->pg_bulk && !pg_is_prepared(&r->conn, s, PG_BULK))
        st = check_text(r, s, PG_BULK, a);
    pg_read_end(read);
    return st;
}

/* One row of a statement that names no workspace, on a snapshot of its own. */
static struct status ask(struct db *db, const struct stmt *stmt, int64_t within_us, struct arena *a,
                         struct rows *ret)
{
    struct db_read *r = NULL;
    struct status s = pg_read_begin(db, clock_mono_us() + within_us, &r);
    if (is_ok(s))
        s = pg_query(r, stmt, NULL, a, ret);
    pg_read_end(r);
    return s;
}

struct status pg_ping(struct db *db)
{
    static const struct stmt one = { "ping", "", "i", "SELECT 1::bigint", NULL, NULL };
    struct arena a;
    struct rows rows;
    arena_init(&a, 64 * 1024);
    struct status s = ask(db, &one, PING_US, &a, &rows);
    arena_done(&a);
    return is_ok(s) ? s : fail(NULL, REASON_STORE_UNAVAILABLE, "PostgreSQL does not answer");
}

struct status pg_place(struct db *db, struct arena *a, const char **ret)
{
    static const struct stmt where = { "place",
                                       "",
                                       "ii",
                                       "SELECT system_identifier, oid::bigint FROM pg_control_system(),"
                                       " pg_database WHERE datname = current_database()",
                                       NULL,
                                       NULL };
    struct rows rows;
    TRY(ask(db, &where, PLACE_US, a, &rows));
    *ret = arena_printf(a, "cluster %llu, database %lld", (unsigned long long)row_at(&rows, 0)[0].i,
                        (long long)row_at(&rows, 0)[1].i);
    return *ret ? ok() : fail_memory();
}
