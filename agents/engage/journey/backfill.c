/* The leads that were there when a journey with a segment was published are let in piece by piece. What each
 * piece did and how far it came is one commit, so a lead is looked at once, whatever crashes. */
#include "agents/engage/journey/stored.h"
#include "agents/record/aside.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define BEGIN_US (2 * US_PER_SECOND)
#define LOOKS 200 /* leads of a piece */
#define ENTERS 20 /* of them who enter: a lead may hold 2 MiB */
#define LEAD_BYTES (32u << 20)

struct status backfill_begin(struct ctx *c, const char *journey_id, int64_t version)
{
    UNIT_ADD(c->unit, &journey_sql[BACKFILL_PUT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(journey_id), v_int(version), v_int(c->now_us + BEGIN_US), v_text(LEAD_ID_LAST),
             v_int(c->now_us));
    return ok();
}

struct status backfill_show(struct ctx *c, const char *journey_id, int64_t version, JourneyBackfill **ret)
{
    struct rows rows;
    *ret = NULL;
    TRY(DB_QUERY(c, &journey_sql[BACKFILL_GET], &rows, v_text(c->workspace), v_text(journey_id),
                 v_int(version)));
    if (rows.n == 0)
        return ok();
    const struct value *v = row_at(&rows, 0);
    JourneyBackfill *b = *ret = PB_NEW(c->arena, JourneyBackfill);
    if (!b)
        return fail_memory();
    b->lead_count = v[0].i;
    b->entered_count = v[1].i;
    b->done = v[2].i;
    b->update_time = time_message(c->arena, v[3].i);
    return b->update_time ? ok() : fail_memory();
}

struct status backfills_due(struct ctx *c, size_t limit, struct rows *ret)
{
    return DB_QUERY(c, &journey_sql[BACKFILLS_DUE], ret, v_int(c->now_us), v_int((int64_t)limit));
}

/* ---- A piece ---- */

/* Reads the lead and forgets it again: most are none that enters. */
static struct status admits(struct ctx *c, const struct plan *p, const char *name, bool *ret)
{
    struct aside own;
    struct lead_row lead;
    aside_begin(&own, c, LEAD_BYTES);
    struct status s = lead_load(&own.ctx, name, "lead", &lead);
    *ret = is_ok(s) && plan_admits(p, "lead.updated", lead.lead);
    s = aside_end(&own, c, s);
    return s.reason == REASON_LEAD_NOT_FOUND ? ok() : s;
}

/* *ret_entered grows by one where it did. */
static struct status let_in(struct ctx *c, const struct plan *p, const char *id, int64_t *ret_entered)
{
    struct lead_row lead;
    Enrollment *e;
    int64_t entry;
    bool may;
    const char *name = arena_printf(c->arena, "leads/%s", id);
    if (!name)
        return fail_memory();
    TRY(admits(c, p, name, &may));
    if (!may)
        return ok();
    TRY(lead_load(c, name, "lead", &lead));
    TRY(enroll_may(c, p, &lead, &may, &entry));
    *ret_entered += may;
    return may ? enroll_enter(c, p, &lead, entry, "segment", &e) : ok();
}

static struct status move_on(struct ctx *c, const struct value *row, const char *before, int64_t leads,
                             int64_t entered, bool done)
{
    UNIT_ADD(c->unit, &journey_sql[BACKFILL_MOVE], 1, REASON_CONFLICT, v_text(done ? "" : before),
             v_int(leads), v_int(entered), v_int(done), v_int(c->now_us), v_text(c->workspace),
             row[FILL_JOURNEY], row[FILL_VERSION], row[FILL_BEFORE]);
    return ok();
}

static struct status look_at_some(struct ctx *c, const struct plan *p, const struct value *row)
{
    struct rows rows;
    int64_t entered = 0, leads = 0;
    const char *before = row[FILL_BEFORE].s.p;
    TRY(lead_ids_before(c, before, LOOKS, &rows));
    for (; leads < (int64_t)rows.n && entered < ENTERS; leads++) {
        before = row_at(&rows, (size_t)leads)[0].s.p;
        TRY(let_in(c, p, before, &entered));
    }
    return move_on(c, row, before, leads, entered, rows.n < LOOKS && leads == (int64_t)rows.n);
}

struct status backfill_go_on(struct ctx *c, const struct value *row)
{
    const struct journeys *all;
    TRY(journeys_serving(c, &all));
    if (row[FILL_STATE].i != JOURNEY__STATE_PUBLISHED)
        return move_on(c, row, "", 0, 0, true); /* another version followed, or the journey was retired */
    const struct plan *p = journeys_find(all, row[FILL_JOURNEY].s.p);
    bool known = p && p->version == row[FILL_VERSION].i && !p->paused;
    return known ? look_at_some(c, p, row) : ok(); /* what is in service is read anew within a second */
}
