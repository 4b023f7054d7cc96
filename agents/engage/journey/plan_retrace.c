/* A plan run over what is on record. */
#include "agents/engage/journey/plan.h"

struct walk {
    const struct plan *p;
    const Lead *lead;
    const struct retrace_actor *actor;
    struct plan_actor taker;
    int64_t now_us, left_us, taken;
    struct place at;
    bool in, ever;
};

static struct status take(void *arg, const struct plan_step *step)
{
    struct walk *w = arg;
    w->taken++;
    return w->actor->take(w->actor->arg, step, w->now_us);
}

static bool goes_on(const struct walk *w)
{
    return w->taken < RETRACE_STEPS_MAX;
}

static struct status look_whether_left(struct walk *w)
{
    w->in = !w->at.left;
    w->left_us = w->now_us;
    return w->in ? ok() : w->actor->end(w->actor->arg, &w->at, w->now_us);
}

/* Waits that end by then end, each at its time. */
static struct status pass_time(struct walk *w, int64_t until_us)
{
    bool moved;
    while (w->in && w->at.due_us <= until_us && goes_on(w)) {
        w->now_us = w->at.due_us;
        TRY(plan_push(w->p, w->lead, w->now_us, NULL, &w->taker, &w->at, &moved));
        TRY(look_whether_left(w));
    }
    return ok();
}

static bool may_enter(const struct walk *w)
{
    return !w->in && (!w->ever || (w->p->again && w->now_us >= w->left_us + w->p->again_delay_us));
}

static struct status happen(struct walk *w, const struct past *e)
{
    bool moved = false;
    w->now_us = e->time_us;
    if (w->in && !e->action)
        TRY(plan_push(w->p, w->lead, w->now_us, e->event, &w->taker, &w->at, &moved));
    if (moved)
        TRY(look_whether_left(w));
    if (!may_enter(w) || !plan_admits(w->p, e->event, w->lead))
        return ok();
    w->ever = true;
    TRY(w->actor->enter(w->actor->arg, e));
    TRY(plan_begin(w->p, w->lead, w->now_us, &w->taker, &w->at));
    return look_whether_left(w);
}

struct status plan_retrace(const struct plan *p, const Lead *lead, const struct past *events, size_t n,
                           int64_t end_us, const struct retrace_actor *actor, bool *ret_cut)
{
    struct walk w;
    memset(&w, 0, sizeof w);
    w.p = p;
    w.lead = lead;
    w.actor = actor;
    w.taker = (struct plan_actor){ take, &w };
    for (size_t i = 0; i < n && goes_on(&w); i++) {
        TRY(pass_time(&w, events[i].time_us));
        if (goes_on(&w))
            TRY(happen(&w, &events[i]));
    }
    TRY(pass_time(&w, end_us));
    *ret_cut = !goes_on(&w);
    return w.in ? actor->end(actor->arg, &w.at, end_us) : ok();
}
