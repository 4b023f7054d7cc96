/* Snapshots. A reader that goes idle keeps its snapshot: where nothing was committed since, the next call
 * takes it over and saves the locks, the look at the WAL's index and the pages already in its cache. A commit
 * makes all of them stale, and a stale one is let go at the next use or the next checkpoint. */
#include "store/sqlite.h"

#include "base/cond.h"

#define PROGRESS_STEPS 10000 /* of the virtual machine, between two looks at the clock */
#define FIRST_ROWS 8

static int past_deadline(void *arg)
{
    const struct lite_reader *r = arg;
    return r->deadline_us != INT64_MAX && clock_mono_us() > r->deadline_us;
}

/* Also while the reader is idle. */
static bool holds_snapshot(const struct lite_reader *r)
{
    return !sqlite3_get_autocommit(r->conn.h);
}

static void snapshot_close(struct lite_reader *r)
{
    if (holds_snapshot(r))
        lite_run(r->conn.commit);
}

/* The pool's lock is held. */
static struct status reader_new(struct lite_db *d, struct lite_reader **ret)
{
    struct arena_mark before = arena_mark(&d->memory);
    struct lite_reader *r = ARENA_NEW(&d->memory, struct lite_reader);
    if (!r)
        return fail_memory();
    r->base.db = &d->base;
    struct status s = lite_connect(d, LITE_READ, &r->conn, NULL);
    if (!is_ok(s)) {
        lite_disconnect(&r->conn);
        arena_rewind(&d->memory, before);
        return fail(NULL, REASON_STORE_UNAVAILABLE, "the database file cannot be opened for reading");
    }
    r->deadline_us = INT64_MAX;
    sqlite3_progress_handler(r->conn.h, PROGRESS_STEPS, past_deadline, r);
    d->all[d->readers++] = r;
    *ret = r;
    return ok();
}

/* The pool's lock is held. */
static struct status reader_take(struct lite_db *d, int64_t deadline_us, struct lite_reader **ret)
{
    while (!d->idle && d->readers == d->readers_max)
        if (!cond_wait_until(&d->freed, &d->lock, deadline_us))
            return fail(NULL, REASON_DEADLINE_PASSED, "no database reader became free in time");
    if (!d->idle)
        return reader_new(d, ret);
    *ret = d->idle;
    d->idle = (*ret)->next;
    return ok();
}

struct status lite_read_begin(struct db *db, int64_t deadline_us, struct db_read **ret)
{
    struct lite_db *d = (struct lite_db *)db;
    struct lite_reader *r = NULL;
    pthread_mutex_lock(&d->lock);
    struct status s = reader_take(d, deadline_us, &r);
    pthread_mutex_unlock(&d->lock);
    TRY(s);
    /* Counted before the snapshot opens: it is never older than `seen` says. */
    uint64_t commits = __atomic_load_n(&d->commits, __ATOMIC_SEQ_CST);
    if (r->seen != commits || d->read_only)
        snapshot_close(r);
    bool opened = holds_snapshot(r) ? r->seen == commits : lite_run(r->conn.begin) == SQLITE_DONE;
    if (!opened) {
        lite_read_end(&r->base);
        return fail(NULL, REASON_STORE_UNAVAILABLE, "a snapshot cannot be opened");
    }
    r->seen = commits;
    r->deadline_us = deadline_us;
    *ret = &r->base;
    return ok();
}

void lite_read_end(struct db_read *read)
{
    if (!read)
        return;
    struct lite_reader *r = (struct lite_reader *)read;
    struct lite_db *d = (struct lite_db *)read->db;
    r->deadline_us = INT64_MAX; /* it bounds the queries; letting go of a snapshot is not to be interrupted */
    if (r->seen != __atomic_load_n(&d->commits, __ATOMIC_SEQ_CST))
        snapshot_close(r);
    pthread_mutex_lock(&d->lock);
    r->next = d->idle;
    d->idle = r;
    pthread_cond_signal(&d->freed);
    pthread_mutex_unlock(&d->lock);
}

/* As if this process had committed something. */
void lite_read_renew(struct db *db)
{
    __atomic_fetch_add(&((struct lite_db *)db)->commits, 1, __ATOMIC_SEQ_CST);
}

static bool column_value(sqlite3_stmt *stmt, int i, struct arena *a, struct value *ret)
{
    *ret = v_null();
    switch (sqlite3_column_type(stmt, i)) {
    case SQLITE_INTEGER:
        *ret = v_int(sqlite3_column_int64(stmt, i));
        return true;
    case SQLITE_FLOAT:
        *ret = v_real(sqlite3_column_double(stmt, i));
        return true;
    case SQLITE_NULL:
        return true;
    case SQLITE_TEXT:
        ret->type = VALUE_TEXT;
        break;
    default:
        ret->type = VALUE_BYTES;
        break;
    }
    ret->s.p = sqlite3_column_blob(stmt, i); /* asked for text, SQLite copies it to put a NUL behind it */
    ret->s.n = (size_t)sqlite3_column_bytes(stmt, i);
    ret->s.p = arena_dup(a, ret->s);
    return ret->s.p != NULL;
}

struct row_list {
    struct value *v;
    size_t n, cap, cols;
};

static bool row_append(struct row_list *l, sqlite3_stmt *stmt, struct arena *a)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : FIRST_ROWS;
        struct value *v = arena_raw(a, cap * l->cols * sizeof *v);
        if (!v)
            return false;
        if (l->n)
            memcpy(v, l->v, l->n * l->cols * sizeof *v);
        l->v = v;
        l->cap = cap;
    }
    for (size_t i = 0; i < l->cols; i++)
        if (!column_value(stmt, (int)i, a, &l->v[l->n * l->cols + i]))
            return false;
    l->n++;
    return true;
}

struct status lite_query(struct db_read *read, const struct stmt *s, const struct value *args,
                         struct arena *a, struct rows *ret)
{
    struct lite_reader *r = (struct lite_reader *)read;
    struct row_list l = { NULL, 0, 0, strlen(s->result) };
    sqlite3_stmt *stmt;
    size_t n = stmt_check_args(s, args);
    TRY(lite_prepare(&r->conn, s, a, &stmt));
    int rc = lite_bind(stmt, args, n);
    bool fits = true;
    while (rc == SQLITE_OK && fits && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        fits = row_append(&l, stmt, a);
        rc = SQLITE_OK;
    }
    struct status failed = rc == SQLITE_DONE || !fits ? ok() : lite_error(r->conn.h, rc, s->name, a);
    sqlite3_reset(stmt);
    TRY(failed);
    if (!fits)
        return fail_memory();
    ret->n = l.n;
    ret->cols = l.cols;
    ret->v = l.v;
    return ok();
}

struct status lite_check(struct db *db, const struct stmt *s, struct arena *a)
{
    struct db_read *r = NULL;
    sqlite3_stmt *stmt;
    TRY(lite_read_begin(db, clock_mono_us() + 5 * US_PER_SECOND, &r));
    struct status st = lite_prepare(&((struct lite_reader *)r)->conn, s, a, &stmt);
    lite_read_end(r);
    return st;
}

struct status lite_ping(struct db *db)
{
    static const struct stmt count = { "ping", "", "i", "SELECT COUNT(*) FROM sqlite_schema", NULL, NULL };
    struct db_read *r = NULL;
    struct arena a;
    struct rows rows;
    arena_init(&a, 64 * 1024);
    struct status s = lite_read_begin(db, clock_mono_us() + US_PER_SECOND, &r);
    if (is_ok(s))
        s = lite_query(r, &count, NULL, &a, &rows);
    lite_read_end(r);
    arena_done(&a);
    return is_ok(s) ? s : fail(NULL, REASON_STORE_UNAVAILABLE, "the database file cannot be read");
}

void lite_readers_release(struct lite_db *d)
{
    pthread_mutex_lock(&d->lock);
    for (struct lite_reader *r = d->idle; r; r = r->next)
        snapshot_close(r);
    pthread_mutex_unlock(&d->lock);
}

void lite_readers_close(struct lite_db *d)
{
    for (unsigned i = 0; i < d->readers; i++) {
        snapshot_close(d->all[i]);
        lite_disconnect(&d->all[i]->conn);
    }
    d->readers = 0;
    d->idle = NULL;
}
