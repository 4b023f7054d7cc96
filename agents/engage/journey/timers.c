/* Work whose time has come: waits that have ended, and leads that wait to be let in. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/aside.h"
#include "base/fault.h"
#include "store/committer.h"

#define DUE_AT_ONCE 64
#define ROUNDS 16
#define ROUND_BYTES (size_t)(256 * 1024 * 1024) /* a lead may hold 2 MiB; taken only when needed */

static struct status on_time(struct ctx *c, const struct value *row)
{
    const struct journeys *all;
    struct enrolled x;
    struct lead_row lead;
    TRY(enrolled_take(c, row, &x));
    c->because_us = x.due_us;
    TRY(journeys_serving(c, &all));
    if (journey_is_held(all, &x))
        return enroll_hold(c, &x);
    const char *name = arena_printf(c->arena, "leads/%s", x.lead_id);
    if (!name)
        return fail_memory();
    struct status s = lead_load(c, name, "lead", &lead);
    if (s.reason == REASON_LEAD_NOT_FOUND)
        return enroll_leave(c, &x, ENROLLMENT__EXIT_CAUSE_LEAD_GONE);
    TRY(s);
    return enroll_push(c, all, &lead, &x, *x.e->arrived_event ? x.e->arrived_event : NULL);
}

static struct status waits_due(struct ctx *c, size_t limit, struct rows *ret)
{
    return DB_QUERY(c, &journey_sql[ENROLLMENTS_DUE], ret, v_int(c->now_us), v_int((int64_t)limit));
}

/* Each row begins with its workspace. */
static const struct work {
    struct status (*due)(struct ctx *c, size_t limit, struct rows *ret);
    struct status (*move)(struct ctx *c, const struct value *row);
} works[] = { { waits_due, on_time }, { backfills_due, backfill_go_on } };

/* Several rows, each in a unit of its own, so that one that loses against an event does not hold the others
 * back. */
struct round {
    struct unit units[DUE_AT_ONCE];
    size_t n;
};

static struct status add_move(struct ctx *c, const struct work *w, struct round *r, const struct value *row)
{
    struct unit *u = &r->units[r->n];
    struct ctx own = *c;
    memset(u, 0, sizeof *u);
    u->arena = c->arena;
    own.unit = u;
    own.workspace = u->workspace = row[0].s.p;
    db_reach_own(&own);
    struct status s = w->move(&own, row);
    c->read = own.read;
    r->n += is_ok(s) && u->n;
    return s;
}

/* *ret_more: there may be more that are due. */
static struct status move_some(struct ctx *c, const struct work *w, bool *ret_more)
{
    struct rows rows;
    struct round *r = ARENA_NEW(c->arena, struct round);
    struct status failed = ok();
    if (!r)
        return fail_memory();
    db_reach_all(c);
    TRY(w->due(c, DUE_AT_ONCE, &rows));
    for (size_t i = 0; i < rows.n; i++) {
        struct status s = add_move(c, w, r, row_at(&rows, i));
        failed = is_ok(s) ? failed : s;
    }
    db_read_done(c);
    if (r->n)
        (void)FAULT(timer_before_commit);
    size_t done = committer_run_all(c->app->committer, r->units, r->n);
    if (done)
        (void)FAULT(timer_after_commit);
    *ret_more = done > 0;
    return failed;
}

static struct status do_work(struct ctx *c, const struct work *w)
{
    bool more = true;
    for (int i = 0; more && i < ROUNDS; i++) {
        struct aside own;
        aside_begin(&own, c, ROUND_BYTES);
        struct status s = move_some(&own.ctx, w, &more);
        db_read_done(&own.ctx);
        TRY(aside_end(&own, c, s));
    }
    return ok();
}

struct status journeys_on_time(struct ctx *c)
{
    struct status failed = ok();
    for (size_t i = 0; i < COUNT(works); i++) {
        struct status s = do_work(c, &works[i]);
        failed = is_ok(s) ? failed : s;
    }
    return failed;
}
