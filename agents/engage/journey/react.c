/* What events do to leads in journeys. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/ids.h"

/* ---- Entering ---- */

static bool somebody_waits_for(const struct journeys *all, const char *event)
{
    for (size_t i = 0; i < all->n; i++)
        if (plan_waits_for(all->plans[i], event))
            return true;
    return false;
}

static struct status enter_all(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                               const char *event)
{
    for (size_t i = 0; i < all->n; i++) {
        const struct plan *p = all->plans[i];
        bool may;
        int64_t entry;
        Enrollment *e;
        if (p->paused || !plan_admits(p, event, lead->lead))
            continue;
        TRY(enroll_may(c, p, lead, &may, &entry));
        if (may)
            TRY(enroll_enter(c, p, lead, entry, event, &e));
    }
    return ok();
}

/* The lead of the event; *ret_gone: there is none any more. */
static struct status find_lead(struct ctx *c, const struct event_seen *e, struct lead_row *ret,
                               bool *ret_gone)
{
    struct status s = lead_load(c, e->subject, "lead", ret);
    *ret_gone = s.reason == REASON_LEAD_NOT_FOUND;
    return *ret_gone ? ok() : s;
}

struct status journeys_on_lead(struct ctx *c, const struct event_seen *e)
{
    const struct journeys *all;
    struct lead_row lead;
    bool gone;
    TRY(journeys_serving(c, &all));
    if (!somebody_waits_for(all, e->action))
        return ok();
    TRY(find_lead(c, e, &lead, &gone));
    return gone ? ok() : enter_all(c, all, &lead, e->action);
}

/* ---- Lead events ---- */

static struct status read_told(struct ctx *c, const struct event_seen *e, const LeadEvent **ret)
{
    *ret = PB_UNPACK(c->arena, LeadEvent, e->payload);
    return decoded(c, *ret, "an event's payload");
}

/* The type of the lead event that the log tells of by the hash of its id; NULL where it is gone. */
static struct status find_type(struct ctx *c, const struct event_seen *e, const LeadEvent *told,
                               const char *lead_id, const char **ret)
{
    struct rows rows;
    *ret = NULL;
    TRY(DB_QUERY(c, &journey_sql[LEAD_EVENTS_AT], &rows, v_text(c->workspace), v_text(lead_id),
                 v_int(time_us(told->event_time)), v_int(e->time_us)));
    for (size_t i = 0; i < rows.n && !*ret; i++) {
        char mark[ID_TEXT];
        event_id_mark(row_at(&rows, i)[0].s, mark);
        if (strcmp(mark, told->event_id) == 0)
            *ret = row_at(&rows, i)[1].s.p;
    }
    return ok();
}

static struct status push_all(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                              const char *event)
{
    struct rows rows;
    struct enrolled x;
    TRY(DB_QUERY(c, &journey_sql[ENROLLMENTS_OF_LEAD], &rows, v_text(c->workspace), v_text(lead->id)));
    for (size_t i = 0; i < rows.n; i++) {
        TRY(enrolled_take(c, row_at(&rows, i), &x));
        TRY(journey_is_held(all, &x) ? enroll_push_held(c, all, lead, &x, event)
                                     : enroll_push(c, all, lead, &x, event));
    }
    return ok();
}

struct status journeys_on_lead_event(struct ctx *c, const struct event_seen *e)
{
    const struct journeys *all;
    const LeadEvent *told;
    struct lead_row lead;
    const char *type;
    bool gone;
    TRY(journeys_serving(c, &all));
    TRY(read_told(c, e, &told));
    if (!journeys_care(all, told->type))
        return ok();
    TRY(find_lead(c, e, &lead, &gone));
    if (gone)
        return ok();
    TRY(find_type(c, e, told, lead.id, &type));
    if (!type || plan_is_action(type))
        return ok();
    TRY(push_all(c, all, &lead, type));
    return enter_all(c, all, &lead, type);
}

/* ---- Conversations that are given back ---- */

struct status journeys_on_released(struct ctx *c, const struct event_seen *e)
{
    const struct journeys *all;
    struct lead_row lead;
    bool gone;
    TRY(journeys_serving(c, &all));
    if (!all->hands_over)
        return ok();
    TRY(find_lead(c, e, &lead, &gone));
    return gone ? ok() : push_all(c, all, &lead, PLAN_RELEASED);
}

/* ---- Leads that end ---- */

/* Of two enrollments in one journey, which a merge brought together, the older one goes on. */
static bool is_second(const struct rows *rows, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(row_at(rows, k)[COL_JOURNEY].s.p, row_at(rows, i)[COL_JOURNEY].s.p) == 0)
            return true;
    return false;
}

struct status journeys_on_lead_gone(struct ctx *c, const struct event_seen *e)
{
    const struct journeys *all;
    struct lead_row lead;
    struct rows rows;
    struct enrolled x;
    bool gone;
    TRY(journeys_serving(c, &all));
    if (!all->used)
        return ok();
    TRY(find_lead(c, e, &lead, &gone));
    const char *id = gone ? e->subject + strlen("leads/") : lead.id;
    TRY(DB_QUERY(c, &journey_sql[ENROLLMENTS_OF_LEAD], &rows, v_text(c->workspace), v_text(id)));
    for (size_t i = 0; i < rows.n; i++) {
        TRY(enrolled_take(c, row_at(&rows, i), &x));
        if (gone || is_second(&rows, i))
            TRY(enroll_leave(c, &x, ENROLLMENT__EXIT_CAUSE_LEAD_GONE));
    }
    return ok();
}
