/* Writing a group. First all units in one transaction and nothing else, since failing units are rare. Where
 * one fails, the transaction is undone and run again with a savepoint around each unit, so that it takes only
 * its own effects along. */
#include "store/sqlite.h"

#include "base/fault.h"

enum verdict {
    UNIT_GOOD,
    UNIT_BAD,  /* its outcome is set; the transaction lives */
    GROUP_BAD, /* the transaction is dead; the reason is in *failed */
};

static bool is_unique_violation(int rc)
{
    return rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY ||
           rc == SQLITE_CONSTRAINT_ROWID;
}

/* Errors of the statement itself leave the transaction as it was before the statement; all others end it. */
static bool spares_transaction(int rc)
{
    int kind = rc & 0xff;
    return kind == SQLITE_CONSTRAINT || kind == SQLITE_MISMATCH || kind == SQLITE_TOOBIG ||
           kind == SQLITE_RANGE || kind == SQLITE_ERROR;
}

static enum verdict run_one(struct lite_conn *c, struct unit *u, const struct write *w, struct status *failed)
{
    sqlite3_stmt *stmt;
    u->outcome = lite_prepare(c, w->stmt, u->arena, &stmt);
    if (!is_ok(u->outcome))
        return UNIT_BAD;
    int rc = lite_bind(stmt, w->args, (size_t)sqlite3_bind_parameter_count(stmt));
    if (rc == SQLITE_OK)
        rc = lite_run(stmt);
    if (rc == SQLITE_DONE && write_as_expected(w, sqlite3_changes64(c->h)))
        return UNIT_GOOD;
    if (rc == SQLITE_DONE || is_unique_violation(rc)) {
        unit_mismatch(u, w);
        return UNIT_BAD;
    }
    if (spares_transaction(rc)) {
        u->outcome = lite_error(c->h, rc, w->stmt->name, u->arena);
        return UNIT_BAD;
    }
    *failed = lite_error(c->h, rc, w->stmt->name, u->arena);
    return GROUP_BAD;
}

/* A large unit was made on another core and is not near this one any more: what the writes to come say is
 * asked for in time, first the values, then what they point at. */
static void fetch_early(const struct unit *u, size_t i)
{
    const struct write *later = i + 4 < u->n ? &u->writes[i + 4] : NULL;
    const struct write *next = i + 2 < u->n ? &u->writes[i + 2] : NULL;
    for (size_t k = 0, n = later ? strlen(later->stmt->params) : 0; k < n; k += 2)
        __builtin_prefetch(&later->args[k]);
    for (size_t k = 0; next && next->stmt->params[k]; k++)
        if (next->args[k].type >= VALUE_TEXT)
            __builtin_prefetch(next->args[k].s.p);
}

static enum verdict run_unit(struct lite_conn *c, struct unit *u, struct status *failed)
{
    for (size_t i = 0; i < u->n; i++) {
        fetch_early(u, i);
        enum verdict v = run_one(c, u, &u->writes[i], failed);
        if (v != UNIT_GOOD)
            return v;
    }
    u->outcome = ok();
    return UNIT_GOOD;
}

static enum verdict run_unit_apart(struct lite_conn *c, struct unit *u, struct status *failed)
{
    if (sqlite3_exec(c->h, "SAVEPOINT unit", NULL, NULL, NULL) != SQLITE_OK) {
        *failed = lite_error(c->h, sqlite3_errcode(c->h), "savepoint", u->arena);
        return GROUP_BAD;
    }
    enum verdict v = run_unit(c, u, failed);
    if (v == GROUP_BAD)
        return v;
    const char *end = v == UNIT_GOOD ? "RELEASE unit" : "ROLLBACK TO unit; RELEASE unit";
    if (sqlite3_exec(c->h, end, NULL, NULL, NULL) == SQLITE_OK)
        return v;
    *failed = lite_error(c->h, sqlite3_errcode(c->h), "savepoint", u->arena);
    return GROUP_BAD;
}

typedef enum verdict (*unit_runner)(struct lite_conn *, struct unit *, struct status *);

static void undo(struct lite_conn *c)
{
    if (!sqlite3_get_autocommit(c->h))
        lite_run(c->rollback);
}

/* A commit that ran out of room wrote no commit mark. After a failure of writing or syncing the mark may or
 * may not be on the disk when the file is opened next. */
static struct status commit(struct lite_db *d, struct arena *a)
{
    if (FAULT(store_before_commit)) {
        undo(&d->writer);
        return fail(a, REASON_STORE_UNAVAILABLE, "fault store_before_commit");
    }
    int rc = lite_run(d->writer.commit);
    if (rc == SQLITE_DONE) {
        __atomic_fetch_add(&d->commits, 1, __ATOMIC_SEQ_CST);
        return ok();
    }
    struct status s = lite_error(d->writer.h, rc, "commit", a);
    if ((rc & 0xff) == SQLITE_IOERR)
        s = fail(a, REASON_COMMIT_UNKNOWN, "%s", s.message);
    undo(&d->writer);
    return s;
}

/* One transaction over the group. UNIT_BAD: stopped at a failing unit without a trace, where the runner does
 * not set units apart. */
static enum verdict run_group(struct lite_db *d, struct unit **units, size_t n, unit_runner run,
                              struct status *failed)
{
    struct lite_conn *c = &d->writer;
    int rc = lite_run(c->begin);
    if (rc != SQLITE_DONE) {
        *failed = lite_error(c->h, rc, "begin", units[0]->arena);
        return GROUP_BAD;
    }
    for (size_t i = 0; i < n; i++) {
        enum verdict v = run(c, units[i], failed);
        if (v == UNIT_GOOD || (v == UNIT_BAD && run == run_unit_apart))
            continue;
        undo(c);
        return v;
    }
    *failed = commit(d, units[0]->arena);
    return is_ok(*failed) ? UNIT_GOOD : GROUP_BAD;
}

void lite_write(struct db *db, struct unit **units, size_t n)
{
    struct lite_db *d = (struct lite_db *)db;
    ASSERT(!d->read_only);
    if (!n)
        return;
    struct status failed = ok();
    enum verdict v = run_group(d, units, n, run_unit, &failed);
    if (v == UNIT_BAD && n > 1)
        v = run_group(d, units, n, run_unit_apart, &failed);
    if (v == GROUP_BAD && failed.reason == REASON_STORE_FULL)
        d->round_at = 0; /* a checkpoint now may give the WAL's room back */
    if (v == GROUP_BAD)
        units_fail(units, n, (enum reason)failed.reason, failed.message);
}
