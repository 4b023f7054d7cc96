#include "agents/orchestrator/orchestrator_private.h"

#include "agents/record/aside.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "store/committer.h"

#define SUBSCRIBERS_MAX 16
#define AT_ONCE 256
#define READ_MOST 100000 /* events that one read looks through: it is to end, however few are of use */
#define SEEN_MOST 4096   /* events without a reaction that may be read again after a restart */
#define TURNS 8          /* of a subscriber in a row */
#define TURN_BYTES (size_t)(64 * 1024 * 1024)
#define TRIES 5 /* of an event that fails for a reason of its own */

#define PARKED_COLUMNS                                                                                       \
    "SELECT p.subscriber, p.seq, p.create_time, p.reason, p.message, e.action, e.subject, e.create_time,"    \
    " p.dismiss_time, p.dismisser, p.dismiss_reason"                                                         \
    " FROM reaction_parked AS p JOIN event AS e ON e.seq = p.seq AND e.workspace = p.workspace"              \
    " WHERE p.workspace = $1"
#define PARKED_LETTERS "tiittttiitt"

const struct stmt reaction_sql[REACTION_STATEMENTS] = {
    [CURSOR_GET] = { "reaction_cursor_get", "t", "i", "SELECT seq FROM reaction_cursor WHERE subscriber = $1",
                     NULL, NULL },
    [CURSOR_MOVE] = { "reaction_cursor_move", "iti", "",
                      "UPDATE reaction_cursor SET seq = $1 WHERE subscriber = $2 AND seq = $3", NULL, NULL },
    [PARK] = { "reaction_park", "ttiitt", "",
               "INSERT INTO reaction_parked (workspace, subscriber, seq, create_time, reason, message)"
               " VALUES ($1, $2, $3, $4, $5, $6)",
               NULL, NULL },
    [PARKED_LIST] = { "reaction_parked_list", "titii", PARKED_LETTERS,
                      PARKED_COLUMNS
                      " AND (p.seq > $2 OR (p.seq = $2 AND p.subscriber > $3))"
                      " AND (p.dismiss_time = 0 OR $4 = 1) ORDER BY p.seq, p.subscriber LIMIT $5",
                      NULL, NULL },
    [PARKED_GET] = { "reaction_parked_get", "tti", PARKED_LETTERS,
                     PARKED_COLUMNS " AND p.subscriber = $2 AND p.seq = $3", NULL, NULL },
    [PARKED_DISMISS] = { "reaction_parked_dismiss", "itttti", "",
                         "UPDATE reaction_parked SET dismiss_time = $1, dismisser = $2, dismiss_reason = $3"
                         " WHERE workspace = $4 AND subscriber = $5 AND seq = $6 AND dismiss_time = 0",
                         NULL, NULL },
    [UNPARK] = { "reaction_unpark", "tti", "",
                 "DELETE FROM reaction_parked WHERE workspace = $1 AND subscriber = $2 AND seq = $3", NULL,
                 NULL },
};

const struct stmt_table orchestrator_statements = { reaction_sql, REACTION_STATEMENTS };

struct subscriber {
    const char *name;
    struct event_actions actions; /* that it reacts to */
    int64_t careful_to;           /* up to here events are taken one at a time, since one of them failed */
    int tries;                    /* of the event after the cursor */
    int64_t seen;                 /* up to here nothing needs a reaction, though the cursor may be behind */
};

struct orchestrator {
    const struct reaction *reactions;
    struct event_log log;
    struct subscriber subscribers[SUBSCRIBERS_MAX];
    size_t n;
};

/* ---- Opening ---- */

static struct subscriber *subscriber_of(struct orchestrator *o, const struct reaction *r)
{
    for (size_t i = 0; i < o->n; i++)
        if (strcmp(o->subscribers[i].name, r->subscriber) == 0)
            return &o->subscribers[i];
    if (o->n == SUBSCRIBERS_MAX)
        return NULL;
    struct subscriber *s = &o->subscribers[o->n++];
    s->name = r->subscriber;
    s->actions.slot = r->slot;
    return s;
}

static struct status subscribe(struct orchestrator *o, const struct reaction *r)
{
    struct subscriber *s = subscriber_of(o, r);
    if (!s || s->actions.n == EVENT_ACTIONS_MAX)
        return fail(NULL, REASON_INTERNAL, "the table of reactions is too long");
    if (strcmp(s->actions.slot, r->slot) != 0)
        return fail(NULL, REASON_INTERNAL, "two slots in the reactions of one subscriber");
    s->actions.names[s->actions.n++] = r->action;
    return ok();
}

struct status orchestrator_open(const struct reaction *reactions, struct arena *a, struct orchestrator **ret)
{
    struct orchestrator *o = ARENA_NEW(a, struct orchestrator);
    if (!o)
        return fail_memory();
    o->reactions = reactions;
    event_log_init(&o->log);
    for (const struct reaction *r = reactions; r->subscriber; r++)
        TRY(subscribe(o, r));
    *ret = o;
    return ok();
}

void orchestrator_close(struct orchestrator *o)
{
    if (o)
        event_log_done(&o->log);
}

/* ---- Events ---- */

/* What one commit reacts to. */
struct turn {
    const struct orchestrator *o;
    struct subscriber *s;
    struct aside own; /* its unit is the turn's */
    struct unit unit;
    int64_t from, to; /* the cursor, before and after */
    struct event_seen *events;
    size_t n;
};

struct status orchestrator_apply(const struct orchestrator *o, struct ctx *c, const char *subscriber,
                                 const struct event_seen *e)
{
    c->principal = arena_printf(c->arena, "agents/%s", subscriber);
    c->trace_id = e->trace_id;
    c->because_us = e->time_us;
    if (!c->principal)
        return fail_memory();
    for (const struct reaction *r = o->reactions; r->subscriber; r++)
        if (strcmp(r->subscriber, subscriber) == 0 && strcmp(r->action, e->action) == 0)
            TRY(r->react(c, e));
    return ok();
}

static struct status react_to(struct turn *t, const struct event_seen *e)
{
    t->own.ctx.workspace = e->workspace;
    db_reach_own(&t->own.ctx);
    return orchestrator_apply(t->o, &t->own.ctx, t->s->name, e);
}

static struct status commit(struct turn *t)
{
    struct ctx *c = &t->own.ctx;
    UNIT_ADD(&t->unit, &reaction_sql[CURSOR_MOVE], 1, REASON_CONFLICT, v_int(t->to), v_text(t->s->name),
             v_int(t->from));
    t->unit.workspace = EVERY_WORKSPACE; /* the cursor is in none, and the events are of several */
    (void)FAULT(reaction_before_commit);
    TRY(committer_run(c->app->committer, &t->unit));
    (void)FAULT(reaction_after_commit);
    if (c->after_commit)
        c->after_commit(c);
    t->s->tries = 0;
    return ok();
}

/* Where nothing followed the cursor stays behind, up to a point. */
static struct status react_to_all(struct turn *t)
{
    for (size_t i = 0; i < t->n; i++)
        TRY(react_to(t, &t->events[i]));
    if (t->unit.n || t->to - t->from > SEEN_MOST)
        TRY(commit(t));
    t->s->seen = t->to;
    return ok();
}

/* ---- Failures ---- */

/* Whether it has nothing to do with the event itself. */
static bool is_passing(struct status st)
{
    return st.code == CODE_UNAVAILABLE || st.code == CODE_DEADLINE_EXCEEDED || st.code == CODE_CANCELLED ||
           st.reason == REASON_OVERLOADED || st.reason == REASON_STORE_FULL || st.reason == REASON_CONFLICT;
}

static void tell_parked(const struct subscriber *s, const struct event_seen *e, struct status st)
{
    struct log_line l;
    log_begin(&l, LEVEL_ERROR, "event_parked");
    log_text(&l, "subscriber", s->name);
    log_int(&l, "seq", e->seq);
    log_text(&l, "action", e->action);
    log_text(&l, "reason", reason_name((enum reason)st.reason));
    log_text(&l, "msg", st.message);
    log_end(&l);
    metric_add(METRIC_events_parked, 0, 1);
}

/* The event stands in the way no longer; what its reactions had added is dropped. */
static struct status park(struct turn *t, struct status why)
{
    const struct event_seen *e = &t->events[0];
    memset(&t->unit, 0, sizeof t->unit);
    t->unit.arena = t->own.ctx.arena;
    t->own.ctx.after_commit = NULL;
    UNIT_ADD(&t->unit, &reaction_sql[PARK], 1, REASON_CONFLICT, v_text(e->workspace), v_text(t->s->name),
             v_int(e->seq), v_int(t->own.ctx.now_us), v_text(reason_name((enum reason)why.reason)),
             v_text(why.message));
    TRY(commit(t));
    t->s->seen = t->to;
    tell_parked(t->s, e, why);
    return ok();
}

/* Of several events nobody knows which one it was: they are taken one by one. */
static struct status settle(struct turn *t, struct status failed)
{
    if (is_ok(failed))
        return failed;
    t->s->careful_to = MAX(t->s->careful_to, t->to);
    if (is_passing(failed) || t->n == 0)
        return failed;
    if (t->n > 1 || ++t->s->tries < TRIES)
        return ok();
    return park(t, failed);
}

/* ---- Turns ---- */

static struct status cursor(struct ctx *c, const char *subscriber, int64_t *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &reaction_sql[CURSOR_GET], &rows, v_text(subscriber)));
    if (rows.n == 0)
        return fail(c->arena, REASON_INTERNAL, "reaction_cursor has no row for %s", subscriber);
    *ret = row_at(&rows, 0)[0].i;
    return ok();
}

/* Reads the events behind the cursor; t->to is where it goes. */
static struct status turn_begin(struct turn *t)
{
    struct ctx *c = &t->own.ctx;
    db_reach_all(c);
    TRY(cursor(c, t->s->name, &t->from));
    int64_t after = t->to = MAX(t->from, t->s->seen);
    int64_t end = MIN(t->o->log.complete, after + READ_MOST);
    if (end <= after)
        return ok();
    size_t limit = after < t->s->careful_to ? 1 : AT_ONCE;
    TRY(event_log_read(c, after, end, &t->s->actions, limit, &t->events, &t->n));
    t->to = t->n == limit ? t->events[t->n - 1].seq : end;
    return ok();
}

static struct status turn_run(struct turn *t, bool *ret_more)
{
    TRY(turn_begin(t));
    int64_t seen = t->s->seen;
    if (t->to > MAX(t->from, seen))
        TRY(settle(t, react_to_all(t)));
    *ret_more = t->s->seen > seen && t->s->seen < t->o->log.complete;
    return ok();
}

/* *ret_more: there is more to do at once. */
static struct status take_turn(struct ctx *c, struct orchestrator *o, struct subscriber *s, bool *ret_more)
{
    struct turn t;
    memset(&t, 0, sizeof t);
    t.o = o;
    t.s = s;
    aside_begin(&t.own, c, TURN_BYTES);
    t.own.ctx.unit = &t.unit;
    t.unit.arena = &t.own.memory;
    *ret_more = false;
    struct status st = turn_run(&t, ret_more);
    db_read_done(&t.own.ctx);
    return aside_end(&t.own, c, st);
}

struct status orchestrator_react(struct ctx *c)
{
    struct orchestrator *o = c->app->orchestrator;
    struct status failed = ok();
    db_reach_all(c);
    TRY(event_log_follow(c, &o->log));
    for (size_t i = 0; i < o->n; i++) {
        bool more = true;
        for (int turns = 0; more && turns < TURNS; turns++) {
            struct status st = take_turn(c, o, &o->subscribers[i], &more);
            if (!is_ok(st))
                failed = st;
        }
    }
    return failed;
}
