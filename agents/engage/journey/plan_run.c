/* Running a plan. Every circle has a wait in it (plan_check.c), so a move ends. */
#include "agents/engage/journey/plan.h"

#include "agents/record/lead_filter.h"

static bool holds(const struct filter *f, const Lead *lead)
{
    return filter_match(f, lead_filter_look, (void *)lead);
}

bool plan_is_action(const char *event)
{
    static const char *const actions[] = { "lead.created", "lead.updated", "lead.triaged", PLAN_RELEASED };
    for (size_t i = 0; i < COUNT(actions); i++)
        if (strcmp(actions[i], event) == 0)
            return true;
    return false;
}

bool plan_waits_for(const struct plan *p, const char *event)
{
    return p->segment ? plan_is_action(event) : p->entry_event && strcmp(p->entry_event, event) == 0;
}

bool plan_admits(const struct plan *p, const char *event, const Lead *lead)
{
    return plan_waits_for(p, event) && (!p->entry_filter || holds(p->entry_filter, lead));
}

static void leave(struct place *place, Enrollment__ExitCause cause)
{
    place->left = true;
    place->cause = cause;
    place->due_us = 0;
}

static size_t branch(const struct plan_step *s, const Lead *lead)
{
    for (size_t i = 0; i < s->n_arms; i++)
        if (holds(s->arms[i].filter, lead))
            return s->arms[i].next;
    return s->next;
}

/* Whether a lead stays in a step until something happens. */
static bool stays(const struct plan_step *s)
{
    return s->kind == JOURNEY_STEP__ACTION_WAIT || s->kind == JOURNEY_STEP__ACTION_HANDOFF;
}

/* Takes steps from `at` on until one waits or the lead leaves. */
static struct status go_on(const struct plan *p, const Lead *lead, int64_t now_us, size_t at,
                           const struct plan_actor *actor, struct place *place)
{
    while (at != PLAN_END) {
        const struct plan_step *s = &p->steps[at];
        if (p->exit_filter && holds(p->exit_filter, lead)) {
            leave(place, ENROLLMENT__EXIT_CAUSE_FILTER);
            return ok();
        }
        place->step = at;
        place->taken++;
        TRY(actor->take(actor->arg, s));
        if (stays(s)) {
            place->due_us = now_us + s->wait_us;
            return ok();
        }
        at = s->kind == JOURNEY_STEP__ACTION_BRANCH ? branch(s, lead) : s->next;
    }
    leave(place, ENROLLMENT__EXIT_CAUSE_FINISHED);
    return ok();
}

struct status plan_begin(const struct plan *p, const Lead *lead, int64_t now_us,
                         const struct plan_actor *actor, struct place *ret)
{
    memset(ret, 0, sizeof *ret);
    return go_on(p, lead, now_us, 0, actor, ret);
}

bool plan_ends_by(const struct plan *p, const char *event)
{
    for (size_t i = 0; i < p->n_exit_events; i++)
        if (strcmp(p->exit_events[i], event) == 0)
            return true;
    return false;
}

bool plan_awaits(const struct plan *p, size_t step, const char *event)
{
    const char *awaited = p->steps[step].event;
    return awaited && strcmp(awaited, event) == 0;
}

struct status plan_push(const struct plan *p, const Lead *lead, int64_t now_us, const char *event,
                        const struct plan_actor *actor, struct place *place, bool *ret_moved)
{
    const struct plan_step *s = &p->steps[place->step];
    *ret_moved = true;
    if (event && plan_ends_by(p, event)) {
        leave(place, ENROLLMENT__EXIT_CAUSE_EVENT);
        return ok();
    }
    if (event && plan_awaits(p, place->step, event))
        return go_on(p, lead, now_us, s->event_next, actor, place);
    if (!event && now_us >= place->due_us)
        return go_on(p, lead, now_us, s->next, actor, place);
    *ret_moved = false;
    return ok();
}
