/* Writing a group. First all of it in two round trips: BEGIN and the steps of the plan, then, when every
 * count is right, COMMIT. Where one is not, the transaction is undone and the group run again unit by unit, a
 * savepoint around each. */
#include "store/postgres.h"

#include "base/clock.h"
#include "base/fault.h"

static const struct stmt begin = { "store_begin", "", "", "BEGIN", NULL, NULL };
static const struct stmt commit = { "store_commit", "", "", "COMMIT", NULL, NULL };
static const struct stmt rollback = { "store_rollback", "", "", "ROLLBACK", NULL, NULL };
static const struct stmt savepoint = { "store_savepoint", "", "", "SAVEPOINT unit", NULL, NULL };
static const struct stmt release = { "store_release", "", "", "RELEASE unit", NULL, NULL };
static const struct stmt undo = { "store_undo", "", "", "ROLLBACK TO unit", NULL, NULL };
static const struct stmt *const control[] = { &begin, &commit, &rollback, &savepoint, &release, &undo };

enum verdict {
    GROUP_GOOD,
    GROUP_CAREFUL, /* undone; to be run unit by unit */
    GROUP_LOST,    /* the connection died, no COMMIT was sent */
    GROUP_UNKNOWN, /* the connection died behind a COMMIT */
    GROUP_REFUSED  /* nothing was committed: group.failed says why */
};

struct group {
    struct pg_db *d;
    struct pg_conn *c;
    struct unit **units;
    size_t n;
    int64_t deadline_us;
    struct status failed;
};

static bool sync_send(struct pg_conn *c)
{
    if (PQpipelineSync(c->h) == 1)
        return true;
    pg_lost(c);
    return false;
}

static bool control_send(struct pg_conn *c, const struct stmt *s)
{
    static const struct pg_params none;
    return pg_send(c, s, PG_ROW, &none);
}

/* Reads up to and including the answer of a sync. */
static bool sync_read(struct group *g)
{
    PGresult *r;
    bool synced = false;
    while (!synced && pg_one(g->c, g->deadline_us, &r)) {
        synced = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
        PQclear(r);
    }
    return synced;
}

/* Prepares a statement outside of a transaction, where a mistake in it hurts nothing else. False when the
 * connection died; a statement that the server refuses stays unprepared, and *failed says why. */
static bool prepare(struct group *g, const struct stmt *s, enum pg_text text, struct status *failed)
{
    PGresult *r;
    if (pg_is_prepared(g->c, s, text))
        return true;
    if (!pg_send_prepare(g->c, s, text) || !sync_send(g->c) || !pg_one(g->c, g->deadline_us, &r))
        return false;
    if (pg_failed(r))
        *failed = pg_error(r, s->name, g->units[0]->arena);
    else
        pg_prepared_add(g->c, s, text);
    PQclear(r);
    return sync_read(g);
}

static bool prepare_control(struct group *g)
{
    struct status failed = ok();
    for (size_t i = 0; i < COUNT(control); i++)
        if (!prepare(g, control[i], PG_ROW, &failed) || !is_ok(failed))
            return false;
    return true;
}

static int64_t changed_rows(PGresult *r)
{
    int64_t n = 0;
    return str_to_i64(str_of(PQcmdTuples(r)), &n) ? n : 0;
}

/* Sends one step. */
static bool step_send(struct group *g, const struct pg_step *s)
{
    struct pg_params p;
    if (s->enters && !pg_wall_send(g->c, s->workspace))
        return false;
    if (s->text == PG_BULK)
        return pg_params_bulk(&p, s->stmt, s->writes, s->n, &g->d->scratch) &&
               pg_send(g->c, s->stmt, PG_BULK, &p);
    for (size_t i = 0; i < s->n; i++) {
        pg_params_row(&p, s->stmt, s->writes[i]->args);
        if (!pg_send(g->c, s->stmt, PG_ROW, &p))
            return false;
    }
    return true;
}

/* Reads the results of one step. False when the connection died; *good is cleared by any failure or wrong
 * count. */
static bool step_read(struct group *g, const struct pg_step *s, bool *good)
{
    size_t results = s->text == PG_BULK ? 1 : s->n;
    PGresult *r;
    if (s->enters) {
        if (!pg_one(g->c, g->deadline_us, &r))
            return false;
        PQclear(r); /* where it fails, so does what follows */
    }
    for (size_t i = 0; i < results; i++) {
        if (!pg_one(g->c, g->deadline_us, &r))
            return false;
        if (pg_failed(r))
            *good = false;
        else if (s->text == PG_BULK && s->writes[0]->expect == 1)
            *good &= changed_rows(r) == (int64_t)s->n;
        else if (s->text == PG_ROW)
            *good &= write_as_expected(s->writes[i], changed_rows(r));
        PQclear(r);
    }
    return true;
}

static bool undo_group(struct group *g)
{
    return control_send(g->c, &rollback) && sync_send(g->c) && sync_read(g);
}

/* COMMIT is on its way, perhaps behind the end of a savepoint: from here on a lost connection leaves the
 * outcome unknown. */
static enum verdict commit_read(struct group *g, bool after_savepoint)
{
    PGresult *r = NULL;
    if (!sync_send(g->c) || (after_savepoint && !pg_one(g->c, g->deadline_us, &r)))
        return GROUP_UNKNOWN;
    PQclear(r);
    if (!pg_one(g->c, g->deadline_us, &r))
        return GROUP_UNKNOWN;
    bool committed = strcmp(PQcmdStatus(r), "COMMIT") == 0;
    if (pg_failed(r))
        g->failed = pg_error(r, "commit", g->units[0]->arena);
    else if (!committed)
        g->failed = fail(NULL, REASON_INTERNAL, "the database rolled the transaction back at the commit");
    PQclear(r);
    if (!committed)
        return sync_read(g) ? GROUP_REFUSED : GROUP_UNKNOWN;
    if (!sync_read(g))
        g->c->dead = true; /* the commit was confirmed all the same */
    return GROUP_GOOD;
}

static enum verdict commit_group(struct group *g, bool after_savepoint)
{
    if (FAULT(store_before_commit)) {
        pg_lost(g->c); /* the server undoes what it has when the connection closes */
        g->failed = fail(NULL, REASON_STORE_UNAVAILABLE, "fault store_before_commit");
        return GROUP_REFUSED;
    }
    return control_send(g->c, &commit) ? commit_read(g, after_savepoint) : GROUP_LOST;
}

static bool prepare_plan(struct group *g, const struct pg_plan *p, bool *all)
{
    for (size_t i = 0; i < p->n; i++) {
        struct status failed = ok();
        if (!prepare(g, p->steps[i].stmt, p->steps[i].text, &failed))
            return false;
        *all &= is_ok(failed);
    }
    return true;
}

static enum verdict write_together(struct group *g)
{
    struct pg_plan p;
    bool good = true;
    if (!pg_plan_make(&p, g->units, g->n, &g->d->scratch))
        return GROUP_CAREFUL;
    if (!prepare_plan(g, &p, &good))
        return GROUP_LOST;
    if (!good)
        return GROUP_CAREFUL;
    if (!control_send(g->c, &begin))
        return GROUP_LOST;
    for (size_t i = 0; i < p.n && good; i++) {
        good = step_send(g, &p.steps[i]);
        p.n = good ? p.n : i; /* memory is out: what was sent is read and undone */
    }
    PGresult *r;
    if (!sync_send(g->c) || !pg_one(g->c, g->deadline_us, &r))
        return GROUP_LOST;
    good &= !pg_failed(r);
    PQclear(r);
    for (size_t i = 0; i < p.n; i++)
        if (!step_read(g, &p.steps[i], &good))
            return GROUP_LOST;
    if (!sync_read(g))
        return GROUP_LOST;
    if (!good)
        return undo_group(g) ? GROUP_CAREFUL : GROUP_LOST;
    return commit_group(g, false);
}

static bool unit_prepare(struct group *g, struct unit *u)
{
    u->outcome = ok();
    for (size_t i = 0; i < u->n; i++)
        if (!prepare(g, u->writes[i].stmt, PG_ROW, &u->outcome))
            return false;
    return true;
}

static bool unit_send(struct group *g, const struct unit *u)
{
    for (size_t i = 0; i < u->n; i++) {
        struct pg_step one = {
            .stmt = u->writes[i].stmt, .text = PG_ROW, .writes = &(struct write *){ &u->writes[i] }, .n = 1
        };
        if (!step_send(g, &one))
            return false;
    }
    return true;
}

static void unit_judge(struct unit *u, const struct write *w, PGresult *r)
{
    if (PQresultStatus(r) == PGRES_PIPELINE_ABORTED)
        return; /* an earlier write of the unit failed */
    if (pg_failed(r) && !pg_unique_violation(r))
        u->outcome = pg_error(r, w->stmt->name, u->arena);
    else if (pg_failed(r) || !write_as_expected(w, changed_rows(r)))
        unit_mismatch(u, w);
}

/* Sends what ends the unit before and starts this one: a savepoint that was rolled back to is still there.
 * Returns the number of statements, 0 when the connection died. */
static int unit_start(struct group *g, const struct unit *u, const struct stmt *before)
{
    bool again = before == &undo;
    bool sent = (!before || control_send(g->c, before)) && (again || control_send(g->c, &savepoint)) &&
                pg_wall_send(g->c, u->workspace);
    return sent ? (before != NULL) + !again + 1 : 0;
}

/* One unit in one round trip, in its savepoint. */
static bool unit_run(struct group *g, struct unit *u, const struct stmt *before)
{
    PGresult *r;
    int started = unit_start(g, u, before);
    if (!started || !unit_send(g, u) || !sync_send(g->c))
        return false;
    for (; started > 0; started--) {
        if (!pg_one(g->c, g->deadline_us, &r))
            return false;
        PQclear(r);
    }
    for (size_t i = 0; i < u->n; i++) {
        if (!pg_one(g->c, g->deadline_us, &r))
            return false;
        if (is_ok(u->outcome))
            unit_judge(u, &u->writes[i], r);
        PQclear(r);
    }
    return sync_read(g);
}

static enum verdict write_apart(struct group *g)
{
    const struct stmt *before = NULL;
    for (size_t i = 0; i < g->n; i++)
        if (!unit_prepare(g, g->units[i]))
            return GROUP_LOST;
    if (!control_send(g->c, &begin) || !sync_send(g->c) || !sync_read(g))
        return GROUP_LOST;
    for (size_t i = 0; i < g->n; i++) {
        struct unit *u = g->units[i];
        if (!is_ok(u->outcome))
            continue; /* a statement of it does not exist */
        if (!unit_run(g, u, before))
            return GROUP_LOST;
        before = is_ok(u->outcome) ? &release : &undo;
    }
    if (before && !control_send(g->c, before))
        return GROUP_LOST;
    return commit_group(g, before != NULL);
}

static enum verdict write_once(struct group *g)
{
    arena_reset(&g->d->scratch);
    g->deadline_us = clock_mono_us() + PG_WRITE_US;
    if (!g->c->h) {
        g->failed = pg_connect(g->d, PG_WRITE, INT64_MAX, g->c, g->units[0]->arena);
        if (!is_ok(g->failed))
            return GROUP_REFUSED;
    }
    enum verdict v = prepare_control(g) ? write_together(g) : GROUP_LOST;
    if (v == GROUP_GOOD)
        units_ok(g->units, g->n);
    if (v == GROUP_CAREFUL)
        v = write_apart(g);
    if (v == GROUP_LOST && g->c->why == REASON_DEADLINE_PASSED) {
        g->failed = fail(NULL, REASON_STORE_UNAVAILABLE, "the database did not answer in time");
        v = GROUP_REFUSED;
    }
    if (g->c->dead || v == GROUP_LOST || v == GROUP_UNKNOWN)
        pg_disconnect(g->c);
    return v;
}

void pg_write(struct db *db, struct unit **units, size_t n)
{
    struct pg_db *d = (struct pg_db *)db;
    struct group g = { d, &d->writer, units, n, 0, ok() };
    ASSERT(!d->read_only);
    if (!n)
        return;
    enum verdict v = write_once(&g);
    if (v == GROUP_LOST) /* perhaps it died while idle: nothing was committed, so once more */
        v = write_once(&g);
    if (v == GROUP_LOST)
        units_fail(units, n, REASON_STORE_UNAVAILABLE, "the connection to the database was lost");
    if (v == GROUP_UNKNOWN)
        units_fail(units, n, REASON_COMMIT_UNKNOWN,
                   "the connection to the database was lost during the commit");
    if (v == GROUP_REFUSED)
        units_fail(units, n, (enum reason)g.failed.reason, g.failed.message);
}
