#include "store/sqlite.h"

#include <errno.h>
#include <stdio.h>

#define BUSY_WAIT_MS 5000

/* Read-only SQLite text a connection starts with. The cache sizes (negative: KiB) bound the memory of an idle
 * server. */
static const char *const setup[] = {
    [LITE_READ] = "PRAGMA cache_size=-1024; PRAGMA temp_store=MEMORY; PRAGMA query_only=1;",
    [LITE_WRITE] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384; PRAGMA "
                   "temp_store=MEMORY; "
                   "PRAGMA journal_size_limit=67108864; PRAGMA secure_delete=1;",
};

struct status lite_error(sqlite3 *h, int code, const char *what, struct arena *a)
{
    enum reason r = REASON_INTERNAL;
    switch (code & 0xff) {
    case SQLITE_FULL:
        r = REASON_STORE_FULL;
        break;
    case SQLITE_IOERR:
        r = h && sqlite3_system_errno(h) == ENOSPC ? REASON_STORE_FULL : REASON_STORE_UNAVAILABLE;
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_NOMEM:
        r = REASON_STORE_UNAVAILABLE;
        break;
    case SQLITE_INTERRUPT:
        r = REASON_DEADLINE_PASSED;
        break;
    default:
        break;
    }
    return fail(a, r, "%s: %s", what, h ? sqlite3_errmsg(h) : sqlite3_errstr(code));
}

static struct status prepare_text(struct lite_conn *c, const char *sql, struct arena *a, sqlite3_stmt **ret)
{
    int rc = sqlite3_prepare_v3(c->h, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);
    return rc == SQLITE_OK ? ok() : lite_error(c->h, rc, sql, a);
}

static struct status prepare_control(struct lite_conn *c, enum lite_mode mode, struct arena *a)
{
    TRY(prepare_text(c, mode == LITE_WRITE ? "BEGIN IMMEDIATE" : "BEGIN", a, &c->begin));
    TRY(prepare_text(c, "COMMIT", a, &c->commit));
    return prepare_text(c, "ROLLBACK", a, &c->rollback);
}

static struct status set_up(struct lite_db *d, enum lite_mode mode, struct lite_conn *c, struct arena *a)
{
    char limit[64];
    sqlite3_extended_result_codes(c->h, 1);
    sqlite3_busy_timeout(c->h, BUSY_WAIT_MS);
    int rc = sqlite3_exec(c->h, setup[mode], NULL, NULL, NULL);
    if (rc == SQLITE_OK && d->at.max_page_count && mode == LITE_WRITE) {
        snprintf(limit, sizeof limit, "PRAGMA max_page_count=%lld", (long long)d->at.max_page_count);
        rc = sqlite3_exec(c->h, limit, NULL, NULL, NULL);
    }
    return rc == SQLITE_OK ? ok() : lite_error(c->h, rc, "opening the database", a);
}

struct status lite_connect(struct lite_db *d, enum lite_mode mode, struct lite_conn *c, struct arena *a)
{
    memset(c, 0, sizeof *c);
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | (mode == LITE_WRITE ? SQLITE_OPEN_CREATE : 0);
    int rc = sqlite3_open_v2(d->at.path, &c->h, flags, mode == LITE_WRITE ? lite_writing_vfs() : NULL);
    if (rc != SQLITE_OK)
        return lite_error(c->h, rc, d->at.path, a);
    TRY(set_up(d, mode, c, a));
    TRY(prepare_control(c, mode, a));
    c->prepared = ARENA_ARRAY(&d->memory, LITE_STATEMENTS, struct lite_prepared);
    return c->prepared ? ok() : fail_memory();
}

void lite_disconnect(struct lite_conn *c)
{
    for (size_t i = 0; c->prepared && i < LITE_STATEMENTS; i++)
        sqlite3_finalize(c->prepared[i].stmt);
    sqlite3_finalize(c->begin);
    sqlite3_finalize(c->commit);
    sqlite3_finalize(c->rollback);
    sqlite3_close(c->h);
    memset(c, 0, sizeof *c);
}

/* SQLite numbers parameters by first appearance; values are bound by number. */
static bool params_in_order(sqlite3_stmt *stmt, const struct stmt *s)
{
    int n = sqlite3_bind_parameter_count(stmt);
    char want[16];
    if ((size_t)n != strlen(s->params) || (size_t)sqlite3_column_count(stmt) != strlen(s->result))
        return false;
    for (int i = 1; i <= n; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt, i);
        snprintf(want, sizeof want, "$%d", i);
        if (!name || strcmp(name, want) != 0)
            return false;
    }
    return true;
}

static struct status prepare_new(struct lite_conn *c, const struct stmt *s, struct arena *a,
                                 sqlite3_stmt **ret)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v3(c->h, s->sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK)
        return lite_error(c->h, rc, s->name, a);
    if (!params_in_order(stmt, s)) {
        sqlite3_finalize(stmt);
        return fail(a, REASON_INTERNAL,
                    "%s: its columns are not those of the row, or its parameters not $1 .. $n in order",
                    s->name);
    }
    *ret = stmt;
    return ok();
}

struct status lite_prepare(struct lite_conn *c, const struct stmt *s, struct arena *a, sqlite3_stmt **ret)
{
    size_t i = stmt_hash(s) & (LITE_STATEMENTS - 1);
    while (c->prepared[i].key && c->prepared[i].key != s)
        i = (i + 1) & (LITE_STATEMENTS - 1);
    struct lite_prepared *p = &c->prepared[i];
    if (!p->key) {
        if (c->n == LITE_STATEMENTS / 4 * 3)
            return fail(a, REASON_INTERNAL, "%s: more statements than a connection holds", s->name);
        TRY(prepare_new(c, s, a, &p->stmt));
        p->key = s;
        c->n++;
    }
    *ret = p->stmt;
    return ok();
}

static int bind_one(sqlite3_stmt *stmt, int i, const struct value *v)
{
    const char *p = v->s.n ? v->s.p : ""; /* a NULL pointer would bind NULL */
    switch (v->type) {
    case VALUE_INT:
        return sqlite3_bind_int64(stmt, i, v->i);
    case VALUE_REAL:
        return sqlite3_bind_double(stmt, i, v->d);
    case VALUE_TEXT:
        return sqlite3_bind_text64(stmt, i, p, v->s.n, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BYTES:
        return sqlite3_bind_blob64(stmt, i, p, v->s.n, SQLITE_STATIC);
    case VALUE_NULL:
        break;
    }
    return sqlite3_bind_null(stmt, i);
}

int lite_bind(sqlite3_stmt *stmt, const struct value *args, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int rc = bind_one(stmt, (int)i + 1, &args[i]);
        if (rc != SQLITE_OK)
            return rc;
    }
    return SQLITE_OK;
}

int lite_run(sqlite3_stmt *stmt)
{
    int rc;
    do
        rc = sqlite3_step(stmt);
    while (rc == SQLITE_ROW);
    sqlite3_reset(stmt);
    return rc;
}
