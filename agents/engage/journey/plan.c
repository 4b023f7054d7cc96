/* Compiling a journey that is sound. */
#include "agents/engage/journey/plan.h"

#include "agents/engage/journey/plan_check.h"
#include "agents/record/lead_filter.h"
#include "base/clock.h"

#define COMPILED_MAX (1024u * 1024)
#define EXPIRY_US (3 * US_PER_DAY)

static int64_t duration_us(const Duration *d, int64_t otherwise)
{
    return d ? d->seconds * US_PER_SECOND : otherwise;
}

/* NULL where the filter says nothing. */
static struct status compile_filter(struct plan *p, const char *text, const struct filter **ret)
{
    TRY(filter_parse(&p->arena, "filter", str_of(text), &lead_filter_schema, ret));
    if (filter_is_empty(*ret))
        *ret = NULL;
    return ok();
}

static struct status keep_text(struct plan *p, const char *text, const char **ret)
{
    *ret = arena_dup(&p->arena, str_of(text));
    return *ret ? ok() : fail_memory();
}

static struct status compile_branch(struct plan *p, const Journey *j, const JourneyBranch *b,
                                    struct plan_step *to)
{
    for (; to->n_arms < b->n_arms; to->n_arms++) {
        struct plan_arm *arm = &to->arms[to->n_arms];
        TRY(compile_filter(p, b->arms[to->n_arms]->filter, &arm->filter));
        journey_step(j, b->arms[to->n_arms]->next, PLAN_END, &arm->next);
    }
    return ok();
}

static struct status compile_wait(struct plan *p, const Journey *j, const JourneyWait *w,
                                  struct plan_step *to)
{
    to->wait_us = duration_us(w->duration, 0);
    journey_step(j, w->event_next, to->next, &to->event_next);
    return *w->event ? keep_text(p, w->event, &to->event) : ok();
}

static struct status add_option(struct plan *p, const char *template_name, Medium medium,
                                struct plan_step *to)
{
    SendOption *o = PB_NEW(&p->arena, SendOption);
    if (!o)
        return fail_memory();
    o->medium = medium;
    o->template_ = pb_str(&p->arena, str_of(template_name));
    to->options[to->n_options++] = o;
    return o->template_ ? ok() : fail_memory();
}

static struct status compile_send(struct plan *p, const JourneySend *s, struct plan_step *to)
{
    to->priority = s->priority ? s->priority : PRIORITY_MEDIUM;
    to->expiry_us = duration_us(s->expiry, EXPIRY_US);
    to->chooses = s->n_options || s->choose_hour;
    to->chooses_hour = s->choose_hour;
    to->options = ARENA_ARRAY(&p->arena, MAX(s->n_options, 1), SendOption *);
    if (!to->options)
        return fail_memory();
    if (!s->n_options)
        TRY(add_option(p, s->template_, s->medium, to));
    for (size_t i = 0; i < s->n_options; i++)
        TRY(add_option(p, s->options[i]->template_, s->options[i]->medium, to));
    return ok();
}

static struct status compile_handoff(struct plan *p, const JourneyHandoff *h, struct plan_step *to)
{
    to->wait_us = duration_us(h->duration, 0);
    to->event = PLAN_RELEASED;
    to->event_next = to->next;
    TRY(keep_text(p, h->queue, &to->queue));
    return keep_text(p, h->reason, &to->reason);
}

static struct status compile_step(struct plan *p, const Journey *j, size_t i)
{
    const JourneyStep *from = j->steps[i];
    struct plan_step *to = &p->steps[i];
    to->kind = from->action_case;
    to->next = journey_next(j, i);
    TRY(keep_text(p, from->id, &to->id));
    switch (from->action_case) {
    case JOURNEY_STEP__ACTION_WAIT:
        return compile_wait(p, j, from->wait, to);
    case JOURNEY_STEP__ACTION_BRANCH:
        return compile_branch(p, j, from->branch, to);
    case JOURNEY_STEP__ACTION_HANDOFF:
        return compile_handoff(p, from->handoff, to);
    default:
        return compile_send(p, from->send, to);
    }
}

static struct status compile_ends(struct plan *p, const Journey *j)
{
    if (j->entry) {
        p->segment = !*j->entry->event;
        if (!p->segment)
            TRY(keep_text(p, j->entry->event, &p->entry_event));
        TRY(compile_filter(p, j->entry->filter, &p->entry_filter));
    }
    TRY(compile_filter(p, j->exit_filter, &p->exit_filter));
    for (; p->n_exit_events < j->n_exit_events; p->n_exit_events++)
        TRY(keep_text(p, j->exit_events[p->n_exit_events], &p->exit_events[p->n_exit_events]));
    p->again = j->re_entry == JOURNEY__RE_ENTRY_AFTER_EXIT;
    p->again_delay_us = duration_us(j->re_entry_delay, 0);
    return ok();
}

static struct status compile(struct plan *p, const Journey *j)
{
    static const char collection[] = "journeys/";
    bool named = str_starts(str_of(j->name), str_of(collection));
    TRY(keep_text(p, named ? j->name + sizeof collection - 1 : "", &p->id));
    p->version = j->version;
    p->paused = j->state == JOURNEY__STATE_PAUSED;
    TRY(compile_ends(p, j));
    p->n = j->n_steps;
    p->steps = ARENA_ARRAY(&p->arena, p->n, struct plan_step);
    if (!p->steps)
        return fail_memory();
    for (size_t i = 0; i < p->n; i++)
        TRY(compile_step(p, j, i));
    return ok();
}

struct status plan_compile(struct arena *errors, const Journey *j, const char *field, struct plan **ret)
{
    TRY(plan_check(errors, j, field));
    struct arena arena;
    arena_init(&arena, COMPILED_MAX);
    struct plan *p = ARENA_NEW(&arena, struct plan);
    if (!p)
        return fail_memory();
    p->arena = arena; /* from here on the arena lives inside itself */
    struct status s = compile(p, j);
    if (!is_ok(s)) {
        plan_free(p);
        return fail_memory(); /* everything else was found by plan_check */
    }
    *ret = p;
    return ok();
}

void plan_free(void *plan)
{
    if (!plan)
        return;
    struct arena arena = ((struct plan *)plan)->arena;
    arena_done(&arena);
}

size_t plan_step_of(const struct plan *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++)
        if (strcmp(p->steps[i].id, id) == 0)
            return i;
    return PLAN_END;
}
