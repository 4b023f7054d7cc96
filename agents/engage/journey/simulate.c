/* A journey tried on past leads: the plan runs over the record (plan_retrace.c), and the gate is asked what
 * it can say of the past. */
#include "agents/engage/journey/simulate.h"

#include "agents/engage/contact/admit.h"
#include "agents/engage/journey/stored.h"
#include "agents/engage/template/templates.h"
#include "agents/record/aside.h"
#include "agents/record/checks.h"
#include "agents/record/lead_filter.h"
#include "agents/record/times.h"
#include "base/clock.h"

#include <stdlib.h>

#define SAMPLE 1000
#define SAMPLE_MAX 10000
#define PERIOD_US (30 * US_PER_DAY)
#define PART 50 /* leads */
#define EVENTS_MAX 1000
#define LEAD_BYTES (32u << 20) /* to look at one lead; taken only when needed */
#define CAUSES (ENROLLMENT__EXIT_CAUSE_FAILED + 1)

struct tally {
    int64_t entered, passed, waiting, left[CAUSES], verdicts[SEND_VERDICT_REFUSE + 1];
};

struct simulation {
    const struct plan *plan;
    const char *purposes[PLAN_STEPS_MAX]; /* of its templates; "" where one is not in service */
    const struct filter *filter;
    int64_t start_us, end_us;
    int64_t wanted, looked, entered;
    char before[sizeof LEAD_ID_LAST]; /* the last lead looked at */
    bool done;
    struct tally steps[PLAN_STEPS_MAX];
};

/* ---- Opening ---- */

static struct status check_times(struct ctx *c, const SimulateJourneyRequest *req, struct simulation *s)
{
    if (!time_valid(req->start_time))
        return fail_field(c->arena, REASON_FIELD_INVALID, "start_time", TIME_INVALID);
    if (!time_valid(req->end_time))
        return fail_field(c->arena, REASON_FIELD_INVALID, "end_time", TIME_INVALID);
    s->end_us = req->end_time ? MIN(time_us(req->end_time), c->now_us) : c->now_us;
    s->start_us = req->start_time ? time_us(req->start_time) : s->end_us - PERIOD_US;
    if (s->start_us >= s->end_us)
        return fail_field(c->arena, REASON_FIELD_INVALID, "start_time", "must be before end_time and now");
    if (req->sample_size < 0 || req->sample_size > SAMPLE_MAX)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "sample_size", "must be 0 to %d", SAMPLE_MAX);
    s->wanted = req->sample_size ? req->sample_size : SAMPLE;
    return ok();
}

static struct status load_plan(struct ctx *c, const SimulateJourneyRequest *req, struct simulation *s)
{
    const char *id;
    int64_t version;
    Journey__State state;
    if (strcmp(req->journey, JOURNEYS "-") == 0)
        return req->draft ? journey_compile(c, req->draft, "draft", &s->plan)
                          : fail_field(c->arena, REASON_FIELD_REQUIRED, "draft", "must be given");
    if (req->draft)
        return fail_field(c->arena, REASON_FIELD_INVALID, "draft", "goes with " JOURNEYS "-");
    TRY(name_id(c->arena, req->journey, JOURNEYS, "journey", &id));
    TRY(journey_in_service(c, id, &version, &state));
    TRY(versions_chosen(c, &journey_versions, id, req->version, version, &version));
    return journey_plan(c, id, version, &s->plan);
}

static struct status load_purposes(struct ctx *c, struct simulation *s)
{
    for (size_t i = 0; i < s->plan->n; i++) {
        const struct plan_step *step = &s->plan->steps[i];
        const char *id;
        s->purposes[i] = "";
        if (step->kind != JOURNEY_STEP__ACTION_SEND)
            continue;
        TRY(name_id(c->arena, step->options[0]->template_, "templates/", "template", &id));
        TRY(template_purpose(c, id, &s->purposes[i]));
    }
    return ok();
}

struct status simulate_journey_open(struct ctx *c, const SimulateJourneyRequest *req, struct simulation **ret)
{
    struct simulation *s = ARENA_NEW(c->arena, struct simulation);
    if (!s)
        return fail_memory();
    TRY(check_times(c, req, s));
    TRY(filter_parse(c->arena, "filter", str_of(req->filter), &lead_filter_schema, &s->filter));
    TRY(load_plan(c, req, s));
    TRY(load_purposes(c, s));
    memcpy(s->before, LEAD_ID_LAST, sizeof LEAD_ID_LAST);
    *ret = s;
    return ok();
}

/* ---- One lead ---- */

struct walker {
    struct ctx *c;   /* what is told lies in its arena */
    struct ctx *own; /* what is only looked at, in memory of its own */
    struct simulation *s;
    SimulateJourneyResponse *res;
    const struct lead_row *lead;
    SimulatedPath *path;
    struct tally *at; /* of the step before; NULL: none */
};

/* A place behind the n that a list holds. */
static bool grow(struct arena *a, void ***list, size_t n)
{
    if (n & (n - 1) || (n > 0 && n < 8))
        return true;
    void **larger = ARENA_ARRAY(a, n ? 2 * n : 8, void *);
    if (larger && n)
        memcpy(larger, *list, n * sizeof *larger);
    *list = larger;
    return larger;
}

static struct status enter(void *arg, const struct past *why)
{
    struct walker *w = arg;
    struct arena *a = w->c->arena;
    SimulatedPath *path = PB_NEW(a, SimulatedPath);
    if (!path || !grow(a, (void ***)&w->res->paths, w->res->n_paths))
        return fail_memory();
    w->res->paths[w->res->n_paths++] = w->path = path;
    w->at = NULL;
    w->s->entered++;
    path->lead = pb_str(a, str_of(w->lead->lead->name));
    path->entry_event = pb_str(a, str_of(why->event));
    path->entry_time = time_message(a, why->time_us);
    return path->lead && path->entry_event && path->entry_time ? ok() : fail_memory();
}

/* ---- The gate, as far as it can speak of the past ---- */

/* What does not hang on other messages, or on who held the conversation then. */
static const enum gate_name known_gates[] = { GATE_PURPOSE, GATE_ADDRESS,  GATE_SUPPRESSION,
                                              GATE_CONSENT, GATE_HOLD_OUT, GATE_QUIET_HOURS };

static SendVerdict said(const struct gate_decision *d, enum gate_name *ret_by, int64_t *ret_until)
{
    SendVerdict verdict = SEND_VERDICT_PASS;
    *ret_by = GATE_NAMES;
    *ret_until = 0;
    for (size_t i = 0; i < COUNT(known_gates); i++) {
        const struct gate_line *line = &d->lines[known_gates[i]];
        if (line->answer == GATE_PASS ||
            (line->answer == GATE_DEFER && verdict == SEND_VERDICT_WAIT && line->until_us <= *ret_until))
            continue;
        *ret_by = known_gates[i];
        *ret_until = line->until_us;
        verdict = SEND_VERDICT_WAIT;
        if (line->answer == GATE_REFUSE)
            return SEND_VERDICT_REFUSE;
    }
    return verdict;
}

static void tell(SimulatedMove *m, SendVerdict verdict, enum gate_name by)
{
    m->verdict = verdict;
    m->decided_by = verdict == SEND_VERDICT_PASS ? SEND_GATE_UNSPECIFIED : (SendGate)(by + 1);
    m->reason = verdict == SEND_VERDICT_PASS ? (char *)protobuf_c_empty_string : (char *)gate_sentence(by);
}

/* Asked again where a wait would end, until all pass or the message is too old. */
static struct status ask(struct walker *w, const struct plan_step *step, const char *purpose, int64_t time_us,
                         SimulatedMove *m)
{
    int64_t expire_us = time_us + step->expiry_us, at_us = time_us, until_us;
    enum gate_name by;
    for (;;) {
        struct gate_result *g;
        const struct gate_request r = { purpose, step->options[0]->medium, step->priority, at_us,
                                        GATE_NEVER };
        TRY(gate_check(w->own, &r, w->lead, &g));
        SendVerdict verdict = said(&g->decision, &by, &until_us);
        if (verdict == SEND_VERDICT_REFUSE || at_us == time_us)
            tell(m, verdict, by);
        if (verdict == SEND_VERDICT_REFUSE)
            return ok();
        if (verdict == SEND_VERDICT_PASS)
            break;
        if (until_us >= expire_us) {
            tell(m, SEND_VERDICT_REFUSE, GATE_EXPIRY);
            return ok();
        }
        at_us = until_us;
    }
    m->leave_time = time_message(w->c->arena, at_us);
    return m->leave_time ? ok() : fail_memory();
}

static struct status send(struct walker *w, const struct plan_step *step, size_t i, int64_t time_us,
                          SimulatedMove *m)
{
    m->verdict = SEND_VERDICT_REFUSE;
    m->reason = (char *)"The template is not in service.";
    if (*w->s->purposes[i])
        TRY(ask(w, step, w->s->purposes[i], time_us, m));
    w->s->steps[i].verdicts[m->verdict]++;
    return ok();
}

/* ---- Steps ---- */

static struct status take(void *arg, const struct plan_step *step, int64_t time_us)
{
    struct walker *w = arg;
    struct arena *a = w->c->arena;
    size_t i = (size_t)(step - w->s->plan->steps);
    SimulatedMove *m = PB_NEW(a, SimulatedMove);
    if (!m || !grow(a, (void ***)&w->path->moves, w->path->n_moves))
        return fail_memory();
    w->path->moves[w->path->n_moves++] = m;
    if (w->at)
        w->at->passed++;
    w->at = &w->s->steps[i];
    w->at->entered++;
    m->step = (char *)step->id;
    m->time = time_message(a, time_us);
    if (!m->time)
        return fail_memory();
    return step->kind == JOURNEY_STEP__ACTION_SEND ? send(w, step, i, time_us, m) : ok();
}

static struct status end(void *arg, const struct place *at, int64_t time_us)
{
    struct walker *w = arg;
    struct tally *t = &w->s->steps[at->step];
    Timestamp **time = at->left ? &w->path->exit_time : &w->path->due_time;
    if (at->left)
        t->left[at->cause]++;
    else
        t->waiting++;
    w->path->exit_cause = at->cause;
    *time = time_message(w->c->arena, at->left ? time_us : at->due_us);
    return *time ? ok() : fail_memory();
}

/* ---- What is on record ---- */

static void add(struct simulation *s, struct past *to, size_t *n, const Timestamp *time, const char *event,
                bool action)
{
    int64_t us = time ? time_us(time) : 0;
    if (us >= s->start_us && us < s->end_us)
        to[(*n)++] = (struct past){ us, event, action };
}

static int by_time(const void *a, const void *b)
{
    const struct past *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return (int)y->action - (int)x->action;
}

/* The log's actions at the times that the lead itself tells: created, last changed, last triaged. */
static struct status record_of(struct walker *w, struct past **ret, size_t *ret_n, bool *ret_cut)
{
    struct ctx *c = w->own;
    struct simulation *s = w->s;
    const Lead *l = w->lead->lead;
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[LEAD_EVENTS_OF], &rows, v_text(c->workspace), v_text(w->lead->id),
                 v_int(s->start_us), v_int(s->end_us), v_int(EVENTS_MAX + 1)));
    struct past *all = ARENA_ARRAY(c->arena, rows.n + 4, struct past);
    if (!all)
        return fail_memory();
    *ret_n = 0;
    *ret_cut = rows.n > EVENTS_MAX;
    if (s->plan->segment && time_us(l->create_time) < s->start_us) /* it was there when the period began */
        all[(*ret_n)++] = (struct past){ s->start_us, "lead.created", true };
    add(s, all, ret_n, l->create_time, "lead.created", true);
    add(s, all, ret_n, l->update_time, "lead.updated", true);
    add(s, all, ret_n, l->triage ? l->triage->decide_time : NULL, "lead.triaged", true);
    for (size_t i = 0; i < MIN(rows.n, EVENTS_MAX); i++)
        if (!plan_is_action(row_at(&rows, i)[1].s.p))
            all[(*ret_n)++] = (struct past){ row_at(&rows, i)[0].i, row_at(&rows, i)[1].s.p, false };
    qsort(all, *ret_n, sizeof *all, by_time);
    *ret = all;
    return ok();
}

static struct status follow(struct walker *w)
{
    const struct retrace_actor actor = { enter, take, end, w };
    struct past *events = NULL;
    size_t n = 0;
    bool cut = false, given_up;
    TRY(record_of(w, &events, &n, &cut));
    TRY(plan_retrace(w->s->plan, w->lead->lead, events, n, w->s->end_us, &actor, &given_up));
    if (w->path)
        w->path->cut = cut || given_up;
    return ok();
}

static struct status look_at(struct walker *w, const char *id)
{
    struct lead_row lead;
    const char *name = arena_printf(w->own->arena, "leads/%s", id);
    if (!name)
        return fail_memory();
    struct status s = lead_load(w->own, name, "lead", &lead);
    if (s.reason == REASON_LEAD_NOT_FOUND)
        return ok(); /* deleted since the ids were read */
    TRY(s);
    if (!filter_match(w->s->filter, lead_filter_look, lead.lead))
        return ok();
    w->s->looked++;
    w->lead = &lead;
    return follow(w);
}

static struct status look_aside(struct ctx *c, struct simulation *s, const char *id,
                                SimulateJourneyResponse *res)
{
    struct aside own;
    struct walker w = { .c = c, .own = &own.ctx, .s = s, .res = res };
    aside_begin(&own, c, LEAD_BYTES);
    own.ctx.unit = c->unit; /* stays as it is: who looks for suppressions looks there too */
    return aside_end(&own, c, look_at(&w, id));
}

/* ---- One part ---- */

static struct status show_exits(struct ctx *c, const struct tally *t, SimulatedStep *to)
{
    to->exits = ARENA_ARRAY(c->arena, CAUSES, SimulatedExit *);
    if (!to->exits)
        return fail_memory();
    for (int cause = 0; cause < CAUSES; cause++) {
        SimulatedExit *e = t->left[cause] ? PB_NEW(c->arena, SimulatedExit) : NULL;
        if (t->left[cause] && !e)
            return fail_memory();
        if (!e)
            continue;
        e->exit_cause = (Enrollment__ExitCause)cause;
        e->count = t->left[cause];
        to->exits[to->n_exits++] = e;
    }
    return ok();
}

static struct status show_step(struct ctx *c, const struct simulation *s, size_t i, SimulatedStep **ret)
{
    const struct tally *t = &s->steps[i];
    SimulatedStep *to = *ret = PB_NEW(c->arena, SimulatedStep);
    if (!to)
        return fail_memory();
    to->step = (char *)s->plan->steps[i].id;
    to->entered_count = t->entered;
    to->passed_count = t->passed;
    to->waiting_count = t->waiting;
    to->pass_count = t->verdicts[SEND_VERDICT_PASS];
    to->wait_count = t->verdicts[SEND_VERDICT_WAIT];
    to->refuse_count = t->verdicts[SEND_VERDICT_REFUSE];
    return show_exits(c, t, to);
}

static struct status show(struct ctx *c, const struct simulation *s, SimulateJourneyResponse *res)
{
    res->lead_count = s->looked;
    res->entered_count = s->entered;
    res->done = s->done;
    res->steps = ARENA_ARRAY(c->arena, s->plan->n, SimulatedStep *);
    if (!res->steps)
        return fail_memory();
    for (; res->n_steps < s->plan->n; res->n_steps++)
        TRY(show_step(c, s, res->n_steps, &res->steps[res->n_steps]));
    return ok();
}

struct status simulate_journey(struct ctx *c, struct simulation *s, SimulateJourneyResponse *res,
                               bool *ret_more)
{
    struct rows rows;
    *ret_more = !s->done;
    if (s->done)
        return ok();
    TRY(lead_ids_before(c, s->before, PART, &rows));
    for (size_t i = 0; i < rows.n && s->looked < s->wanted; i++) {
        struct str id = row_at(&rows, i)[0].s;
        TRY(look_aside(c, s, id.p, res));
        memcpy(s->before, id.p, id.n + 1);
    }
    s->done = rows.n < PART || s->looked == s->wanted;
    return show(c, s, res);
}
