#include "agents/engage/journey/plan_check.h"

#include "agents/engage/chooser/option.h"
#include "agents/record/checks.h"
#include "agents/record/lead_filter.h"
#include "base/clock.h"
#include "base/ids.h"

#include <stdio.h>

#define LABEL_MAX 256
#define EVENT_MAX 64
#define WAIT_MAX_S (INT64_C(366) * 86400)
#define EXPIRY_MIN_S 60
#define EXPIRY_MAX_S (INT64_C(30) * 86400)
#define AGAIN_MAX_S (INT64_C(3660) * 86400)

struct faults {
    struct checks k;
    const Journey *j;
    const char *field;
    char path[128]; /* of the step that is looked at */
};

#define FAULT(f, part, ...) check_fail(&(f)->k, REASON_JOURNEY_INVALID, (f)->path, (part), __VA_ARGS__)

/* ---- Steps by name ---- */

bool journey_step(const Journey *j, const char *name, size_t otherwise, size_t *ret)
{
    *ret = PLAN_END;
    if (strcmp(name, "end") == 0)
        return true;
    if (!*name) {
        *ret = otherwise;
        return true;
    }
    for (size_t i = 0; i < j->n_steps; i++)
        if (strcmp(j->steps[i]->id, name) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

size_t journey_next(const Journey *j, size_t i)
{
    size_t next;
    journey_step(j, j->steps[i]->next, i + 1 < j->n_steps ? i + 1 : PLAN_END, &next);
    return next;
}

static void check_step_name(struct faults *f, const char *part, const char *name, bool required)
{
    size_t at;
    if (!*name && required)
        FAULT(f, part, "name a step, or \"end\"");
    else if (!journey_step(f->j, name, PLAN_END, &at))
        FAULT(f, part, "there is no step \"%.63s\"", name);
}

/* ---- Parts ---- */

static void check_filter(struct faults *f, const char *part, const char *text, bool required)
{
    const struct filter *compiled;
    struct status s = filter_parse(f->k.a, "filter", str_of(text), &lead_filter_schema, &compiled);
    if (!is_ok(s))
        FAULT(f, part, "%s", s.violations ? s.violations->description : s.message);
    else if (required && filter_is_empty(compiled))
        FAULT(f, part, "must say something");
}

static bool is_event(const char *type)
{
    size_t n = strnlen(type, EVENT_MAX + 1);
    return n <= EVENT_MAX && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_.") == n;
}

static void check_event(struct faults *f, const char *part, const char *type, bool required)
{
    if (required && !*type)
        FAULT(f, part, "must be given");
    else if (!is_event(type))
        FAULT(f, part, "must be 1 to %d of [a-z0-9_.]", EVENT_MAX);
}

static void check_duration(struct faults *f, const char *part, const Duration *d, int64_t min_s,
                           int64_t max_s)
{
    if (d->nanos || d->seconds < min_s || d->seconds > max_s)
        FAULT(f, part, "must be whole seconds, %lld to %lld", (long long)min_s, (long long)max_s);
}

/* ---- One step ---- */

static void check_wait(struct faults *f, const JourneyWait *w)
{
    if (w->duration)
        check_duration(f, "wait.duration", w->duration, 1, WAIT_MAX_S);
    else
        FAULT(f, "wait.duration", "must be given");
    check_event(f, "wait.event", w->event, false);
    check_step_name(f, "wait.event_next", w->event_next, false);
    if (*w->event_next && !*w->event)
        FAULT(f, "wait.event_next", "there is no event that leads to it");
}

static void check_branch(struct faults *f, const JourneyBranch *b)
{
    if (b->n_arms < 1 || b->n_arms > PLAN_ARMS_MAX)
        FAULT(f, "branch.arms", "must be 1 to %d", PLAN_ARMS_MAX);
    for (size_t i = 0; i < MIN(b->n_arms, PLAN_ARMS_MAX); i++) {
        char part[48];
        snprintf(part, sizeof part, "branch.arms[%zu].filter", i);
        check_filter(f, part, b->arms[i]->filter, true);
        snprintf(part, sizeof part, "branch.arms[%zu].next", i);
        check_step_name(f, part, b->arms[i]->next, true);
    }
}

static void check_options(struct faults *f, const JourneySend *s)
{
    if (*s->template_)
        FAULT(f, "send.template", "does not go with options");
    if (s->medium)
        FAULT(f, "send.medium", "does not go with options");
    if (s->n_options > CHOOSER_OPTIONS_MAX)
        FAULT(f, "send.options", "at most %d", CHOOSER_OPTIONS_MAX);
    for (size_t i = 0; i < MIN(s->n_options, CHOOSER_OPTIONS_MAX); i++) {
        char part[48];
        const char *fault = option_fault(f->k.a, s->options, i);
        snprintf(part, sizeof part, "send.options[%zu]", i);
        if (fault)
            FAULT(f, part, "%s", fault);
    }
}

static void check_one_way(struct faults *f, const JourneySend *s)
{
    const char *id;
    if (!is_ok(name_id(f->k.a, s->template_, "templates/", "template", &id)))
        FAULT(f, "send.template", "must be templates/{template}");
    if (!s->medium)
        FAULT(f, "send.medium", "must be set");
}

static void check_send(struct faults *f, const JourneySend *s)
{
    if (s->n_options)
        check_options(f, s);
    else
        check_one_way(f, s);
    if (s->expiry)
        check_duration(f, "send.expiry", s->expiry, EXPIRY_MIN_S, EXPIRY_MAX_S);
}

static void check_handoff(struct faults *f, const JourneyHandoff *h)
{
    const char *id;
    if (!is_ok(name_id(f->k.a, h->queue, "queues/", "queue", &id)))
        FAULT(f, "handoff.queue", "must be queues/{queue}");
    if (strlen(h->reason) > LABEL_MAX)
        FAULT(f, "handoff.reason", "holds more than %d bytes", LABEL_MAX);
    if (h->duration)
        check_duration(f, "handoff.duration", h->duration, 1, WAIT_MAX_S);
    else
        FAULT(f, "handoff.duration", "must be given");
}

static void check_step(struct faults *f, size_t i)
{
    const JourneyStep *s = f->j->steps[i];
    snprintf(f->path, sizeof f->path, "%.80s.steps[%zu]", f->field, i);
    if (!id_valid(str_of(s->id)) || strcmp(s->id, "end") == 0)
        FAULT(f, "id", ID_RULE ", and not \"end\"");
    for (size_t k = 0; k < i; k++)
        if (strcmp(f->j->steps[k]->id, s->id) == 0) {
            FAULT(f, "id", "steps[%zu] has the same id", k);
            break;
        }
    check_step_name(f, "next", s->next, false);
    switch (s->action_case) {
    case JOURNEY_STEP__ACTION_WAIT:
        check_wait(f, s->wait);
        return;
    case JOURNEY_STEP__ACTION_BRANCH:
        check_branch(f, s->branch);
        return;
    case JOURNEY_STEP__ACTION_SEND:
        check_send(f, s->send);
        return;
    case JOURNEY_STEP__ACTION_HANDOFF:
        check_handoff(f, s->handoff);
        return;
    default:
        FAULT(f, "action", "must be set");
    }
}

/* ---- All steps together ---- */

/* Where a lead may go from a step. Needs sound steps. */
static size_t ways(const Journey *j, size_t i, size_t to[PLAN_ARMS_MAX + 1])
{
    const JourneyStep *s = j->steps[i];
    size_t n = 0;
    to[n++] = journey_next(j, i);
    if (s->action_case == JOURNEY_STEP__ACTION_WAIT && *s->wait->event)
        journey_step(j, s->wait->event_next, to[0], &to[n++]);
    for (size_t k = 0; s->action_case == JOURNEY_STEP__ACTION_BRANCH && k < s->branch->n_arms; k++)
        journey_step(j, s->branch->arms[k]->next, PLAN_END, &to[n++]);
    return n;
}

struct walk {
    const Journey *j;
    bool reached[PLAN_STEPS_MAX];
    bool ends[PLAN_STEPS_MAX]; /* from here on without a wait there is no circle */
};

static void reach(struct walk *w)
{
    size_t to[PLAN_ARMS_MAX + 1];
    w->reached[0] = true;
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < w->j->n_steps; i++)
            for (size_t n = w->reached[i] ? ways(w->j, i, to) : 0; n--;)
                if (to[n] != PLAN_END && !w->reached[to[n]])
                    more = w->reached[to[n]] = true;
    }
}

/* A step ends where it waits, or all that follows it ends. */
static void find_ends(struct walk *w)
{
    size_t to[PLAN_ARMS_MAX + 1];
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < w->j->n_steps; i++) {
            bool ends = true;
            for (size_t n = ways(w->j, i, to); n--;)
                ends &= to[n] == PLAN_END || w->ends[to[n]];
            ends |= w->j->steps[i]->action_case == JOURNEY_STEP__ACTION_WAIT ||
                    w->j->steps[i]->action_case == JOURNEY_STEP__ACTION_HANDOFF;
            more |= ends && !w->ends[i];
            w->ends[i] |= ends;
        }
    }
}

static void check_ways(struct faults *f)
{
    struct walk w;
    memset(&w, 0, sizeof w);
    w.j = f->j;
    reach(&w);
    find_ends(&w);
    for (size_t i = 0; i < f->j->n_steps; i++) {
        snprintf(f->path, sizeof f->path, "%.80s.steps[%zu]", f->field, i);
        if (!w.reached[i])
            FAULT(f, "id", "no way leads to this step");
        if (!w.ends[i])
            FAULT(f, "next", "leads into a circle without a wait");
    }
}

/* ---- The journey ---- */

static void check_journey(struct faults *f)
{
    const Journey *j = f->j;
    snprintf(f->path, sizeof f->path, "%.80s", f->field);
    if (strlen(j->display_name) > LABEL_MAX)
        FAULT(f, "display_name", "holds more than %d bytes", LABEL_MAX);
    if (j->entry) {
        check_event(f, "entry.event", j->entry->event, false);
        check_filter(f, "entry.filter", j->entry->filter, !*j->entry->event);
    }
    check_filter(f, "exit_filter", j->exit_filter, false);
    if (j->n_exit_events > PLAN_EXIT_EVENTS_MAX)
        FAULT(f, "exit_events", "at most %d", PLAN_EXIT_EVENTS_MAX);
    for (size_t i = 0; i < MIN(j->n_exit_events, PLAN_EXIT_EVENTS_MAX); i++)
        check_event(f, "exit_events", j->exit_events[i], true);
    if (j->re_entry_delay)
        check_duration(f, "re_entry_delay", j->re_entry_delay, 0, AGAIN_MAX_S);
    if (j->n_steps < 1 || j->n_steps > PLAN_STEPS_MAX)
        FAULT(f, "steps", "must be 1 to %d", PLAN_STEPS_MAX);
}

struct status plan_check(struct arena *a, const Journey *j, const char *field)
{
    struct faults f;
    memset(&f, 0, sizeof f);
    f.k = checks_start(a);
    f.j = j;
    f.field = field;
    check_journey(&f);
    TRY(f.k.s);
    for (size_t i = 0; i < j->n_steps; i++)
        check_step(&f, i);
    TRY(f.k.s);
    check_ways(&f);
    return f.k.s;
}
