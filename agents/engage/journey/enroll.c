/* Moves of leads in journeys. */
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/contact/owner.h"
#include "agents/engage/journey/stored.h"
#include "agents/engage/message/message.h"
#include "agents/engage/template/templates.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/fault.h"
#include "base/ids.h"

/* ---- Rows ---- */

struct status enrolled_take(struct ctx *c, const struct value *row, struct enrolled *ret)
{
    ret->id = row[COL_ID].s.p;
    ret->journey_id = row[COL_JOURNEY].s.p;
    ret->lead_id = row[COL_LEAD].s.p;
    ret->version = row[COL_VERSION].i;
    ret->journey_version = row[COL_JOURNEY_VERSION].i;
    ret->due_us = row[COL_DUE].i;
    ret->e = PB_UNPACK(c->arena, Enrollment, row[COL_DATA].s);
    return decoded(c, ret->e, "an enrollment");
}

/* The log holds where a lead is, not what it did to get there. */
static struct status announce(struct ctx *c, const Enrollment *e, const char *action)
{
    Enrollment told = *e;
    told.entry_event = (char *)protobuf_c_empty_string;
    const struct event v = { AGENT_TYPE_ENGAGE, "engage", action, e->lead, "", "", pb_pack(c->arena, &told) };
    if (!v.payload.p)
        return fail_memory();
    event_add(c, &v);
    return ok();
}

static struct status write_row(struct ctx *c, struct enrolled *x, int state)
{
    x->e->update_time = time_message(c->arena, c->now_us);
    struct str data = x->e->update_time ? pb_pack(c->arena, x->e) : str_make(NULL, 0);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &journey_sql[ENROLLMENT_UPDATE], 1, REASON_CONFLICT, v_int(state), v_int(x->due_us),
             v_int(c->now_us), v_bytes(data), v_text(c->workspace), v_text(x->id), v_int(x->version));
    return ok();
}

/* ---- Steps ---- */

struct walker {
    struct ctx *c;
    const struct lead_row *lead;
    const Enrollment *e;
};

/* Which way, and when. Whether the template is in service then is for the delivery to see. */
static struct status decide_way(struct walker *w, const struct plan_step *s, struct chosen *ret)
{
    const char *template_id;
    const struct choosing what = { .lead = w->lead,
                                   .options = s->options,
                                   .n = s->n_options,
                                   .hour = s->chooses_hour,
                                   .priority = s->priority,
                                   .from_us = w->c->because_us ? w->c->because_us : w->c->now_us,
                                   .expire_us = w->c->now_us + s->expiry_us };
    if (s->chooses)
        return choose(w->c, &what, ret);
    *ret = (struct chosen){ s->options[0], "", what.from_us, NULL };
    TRY(name_id(w->c->arena, s->options[0]->template_, "templates/", "template", &template_id));
    return template_purpose(w->c, template_id, &ret->purpose);
}

static struct status plan_message(struct walker *w, const struct plan_step *s)
{
    struct arena *a = w->c->arena;
    struct chosen chosen;
    TRY(decide_way(w, s, &chosen));
    Message *m = PB_NEW(a, Message);
    if (!m)
        return fail_memory();
    m->lead = w->lead->lead->name;
    m->medium = chosen.option->medium;
    m->purpose = (char *)chosen.purpose;
    m->priority = s->priority;
    m->template_ = pb_str(a, str_of(chosen.option->template_));
    m->enrollment = w->e->name;
    m->send_time = time_message(a, chosen.send_us);
    m->expire_time = time_message(a, MAX(chosen.send_us, w->c->now_us) + s->expiry_us);
    if (!m->template_ || !m->send_time || !m->expire_time)
        return fail_memory();
    if (chosen.decision)
        m->decision = chosen.decision->name;
    TRY(message_add(w->c, m));
    return chosen.decision ? choice_keep(w->c, w->lead, &chosen, m) : ok();
}

static struct status hand_over(struct walker *w, const struct plan_step *s)
{
    HandoffRequested told = HANDOFF_REQUESTED_INIT;
    told.lead = w->lead->lead->name;
    told.queue = (char *)s->queue;
    told.reason = (char *)s->reason;
    told.enrollment = w->e->name;
    told.step = (char *)s->id;
    const struct event e = {
        AGENT_TYPE_ENGAGE, "engage", "lead.handoff_requested", told.lead, "", "", pb_pack(w->c->arena, &told)
    };
    if (!e.payload.p)
        return fail_memory();
    event_add(w->c, &e);
    return owner_hand_over(w->c, w->lead, s->queue);
}

static struct status take_step(void *arg, const struct plan_step *s)
{
    switch (s->kind) {
    case JOURNEY_STEP__ACTION_SEND:
        return plan_message(arg, s);
    case JOURNEY_STEP__ACTION_HANDOFF:
        return hand_over(arg, s);
    default:
        return ok();
    }
}

/* The enrollment says where the lead is now. */
static struct status put_place(struct ctx *c, const struct plan *p, const struct place *at,
                               struct enrolled *x)
{
    Enrollment *e = x->e;
    (void)FAULT(journey_before_move);
    e->state = at->left ? ENROLLMENT__STATE_EXITED : ENROLLMENT__STATE_ACTIVE;
    e->exit_cause = at->cause;
    e->step_count = at->taken;
    e->arrived_event = (char *)protobuf_c_empty_string;
    e->step = pb_str(c->arena, str_of(p->steps[at->step].id));
    e->due_time = at->left ? NULL : time_message(c->arena, at->due_us);
    x->due_us = at->due_us;
    return e->step && (at->left || e->due_time) ? ok() : fail_memory();
}

static const char *what_happened(const struct place *at)
{
    return at->left ? "journey.exited" : "journey.moved";
}

/* ---- Entering ---- */

struct status enroll_may(struct ctx *c, const struct plan *p, const struct lead_row *lead, bool *ret,
                         int64_t *ret_entry)
{
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[ENROLLMENT_PAST], &rows, v_text(c->workspace), v_text(lead->id),
                 v_text(p->id)));
    const struct value *past = row_at(&rows, 0);
    bool again = p->again && past[1].i == 0 && c->now_us >= past[2].i + p->again_delay_us;
    *ret_entry = past[0].i + 1;
    *ret = past[0].i == 0 || again;
    return ok();
}

static struct status new_enrollment(struct ctx *c, const struct plan *p, const struct lead_row *lead,
                                    const char *why, struct enrolled *ret)
{
    char id[ID_TEXT];
    id_new(id);
    Enrollment *e = PB_NEW(c->arena, Enrollment);
    ret->id = arena_dup(c->arena, str_of(id));
    if (!e || !ret->id)
        return fail_memory();
    e->name = arena_printf(c->arena, JOURNEYS "%s/enrollments/%s", p->id, id);
    e->lead = lead->lead->name;
    e->journey_version = p->version;
    e->entry_event = pb_str(c->arena, str_of(why));
    e->create_time = e->update_time = time_message(c->arena, c->now_us);
    ret->e = e;
    return e->name && e->entry_event && e->create_time ? ok() : fail_memory();
}

struct status enroll_enter(struct ctx *c, const struct plan *p, const struct lead_row *lead, int64_t entry,
                           const char *why, Enrollment **ret)
{
    struct enrolled x;
    struct place at;
    TRY(new_enrollment(c, p, lead, why, &x));
    struct walker w = { c, lead, x.e };
    const struct plan_actor actor = { take_step, &w };
    TRY(plan_begin(p, lead->lead, c->now_us, &actor, &at));
    TRY(put_place(c, p, &at, &x));
    struct str data = pb_pack(c->arena, x.e);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &journey_sql[ENROLLMENT_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(x.id),
             v_text(p->id), v_int(p->version), v_text(lead->id), v_int(entry),
             v_int(at.left ? HAS_LEFT : UNDER_WAY), v_int(x.due_us), v_int(c->now_us), v_bytes(data));
    *ret = x.e;
    TRY(announce(c, x.e, "journey.entered"));
    return at.left ? announce(c, x.e, "journey.exited") : ok();
}

/* ---- Going on ---- */

/* A queue that the step gave the conversation to loses it; a person who took it keeps it. */
static struct status end_handoff(struct ctx *c, const struct lead_row *lead, const struct plan_step *from)
{
    return from->kind == JOURNEY_STEP__ACTION_HANDOFF ? owner_take_back(c, lead, from->queue) : ok();
}

static struct status push_by(struct ctx *c, const struct plan *p, const struct lead_row *lead,
                             struct enrolled *x, const char *event)
{
    bool moved;
    struct walker w = { c, lead, x->e };
    const struct plan_actor actor = { take_step, &w };
    struct place at = { .step = plan_step_of(p, x->e->step), .due_us = x->due_us, .taken = x->e->step_count };
    if (at.step == PLAN_END)
        return enroll_leave(c, x, ENROLLMENT__EXIT_CAUSE_FAILED);
    const struct plan_step *from = &p->steps[at.step];
    TRY(plan_push(p, lead->lead, c->now_us, event, &actor, &at, &moved));
    if (!moved)
        return ok();
    TRY(end_handoff(c, lead, from));
    TRY(put_place(c, p, &at, x));
    TRY(write_row(c, x, at.left ? HAS_LEFT : UNDER_WAY));
    return announce(c, x->e, what_happened(&at));
}

struct status enroll_leave(struct ctx *c, struct enrolled *x, Enrollment__ExitCause cause)
{
    x->e->state = ENROLLMENT__STATE_EXITED;
    x->e->exit_cause = cause;
    x->e->arrived_event = (char *)protobuf_c_empty_string;
    x->e->due_time = NULL;
    x->due_us = 0;
    TRY(write_row(c, x, HAS_LEFT));
    return announce(c, x->e, "journey.exited");
}

struct status enroll_hold(struct ctx *c, struct enrolled *x)
{
    UNIT_ADD(c->unit, &journey_sql[JOURNEY_IS_HELD], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(x->journey_id));
    return write_row(c, x, HELD);
}

/* ---- By the version that it entered ---- */

/* The plan that an enrollment runs by. A version that cannot be run any more: NULL. */
static struct status plan_of(struct ctx *c, const struct journeys *all, const struct enrolled *x,
                             const struct plan **ret)
{
    *ret = journeys_find(all, x->journey_id);
    if (*ret && (*ret)->version == x->journey_version)
        return ok();
    struct status s = journey_plan(c, x->journey_id, x->journey_version, ret);
    if (s.reason != REASON_JOURNEY_INVALID && s.reason != REASON_JOURNEY_NOT_FOUND)
        return s;
    *ret = NULL;
    return ok();
}

bool journey_is_held(const struct journeys *all, const struct enrolled *x)
{
    const struct plan *p = journeys_find(all, x->journey_id);
    return p && p->paused;
}

struct status enroll_push(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                          struct enrolled *x, const char *event)
{
    const struct plan *p;
    TRY(plan_of(c, all, x, &p));
    return p ? push_by(c, p, lead, x, event) : enroll_leave(c, x, ENROLLMENT__EXIT_CAUSE_FAILED);
}

/* Its wait is over now, by this event. */
static struct status keep_for_later(struct ctx *c, struct enrolled *x, const char *event)
{
    x->due_us = c->now_us;
    x->e->due_time = time_message(c->arena, c->now_us);
    x->e->arrived_event = pb_str(c->arena, str_of(event));
    return x->e->due_time && x->e->arrived_event ? write_row(c, x, UNDER_WAY) : fail_memory();
}

struct status enroll_push_held(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                               struct enrolled *x, const char *event)
{
    const struct plan *p;
    TRY(plan_of(c, all, x, &p));
    if (p && plan_ends_by(p, event))
        return push_by(c, p, lead, x, event);
    size_t at = p ? plan_step_of(p, x->e->step) : PLAN_END;
    bool ends = at != PLAN_END && x->due_us > c->now_us && plan_awaits(p, at, event);
    return ends ? keep_for_later(c, x, event) : ok();
}

struct status enroll_take_out(struct ctx *c, const struct journeys *all, const struct lead_row *lead,
                              struct enrolled *x)
{
    const struct plan *p;
    TRY(plan_of(c, all, x, &p));
    size_t at = p ? plan_step_of(p, x->e->step) : PLAN_END;
    if (at != PLAN_END)
        TRY(end_handoff(c, lead, &p->steps[at]));
    return enroll_leave(c, x, ENROLLMENT__EXIT_CAUSE_UNENROLLED);
}
