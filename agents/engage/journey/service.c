/* Journeys on their way into service, and out of it. */
#include "agents/engage/contact/policy.h"
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/engage/template/templates.h"
#include "agents/record/active.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"

/* ---- What its steps need ---- */

/* The template may change later; that it fits now is what whoever publishes can see to. */
static struct status check_way(struct ctx *c, struct checks *k, const struct send_rules *rules,
                               const char *step, const SendOption *s)
{
    const char *id;
    const Template *t;
    if (!step)
        return fail_memory();
    TRY(name_id(c->arena, s->template_, "templates/", "template", &id));
    TRY(template_in_service(c, id, &t));
    if (!t)
        check_fail(k, REASON_JOURNEY_TEMPLATE, step, "template", "%s is not in service", s->template_);
    else if (!template_speaks(t, s->medium))
        check_fail(k, REASON_JOURNEY_TEMPLATE, step, "template", "%s has no contents for %s", s->template_,
                   protobuf_c_enum_descriptor_get_value(&Medium_descriptor, (int)s->medium)->name);
    else if (!send_rules_purpose(rules, t->purpose))
        check_fail(k, REASON_JOURNEY_TEMPLATE, step, "template",
                   "the send policy has no purpose \"%s\", which %s is for", t->purpose, s->template_);
    return ok();
}

static struct status check_send(struct ctx *c, struct checks *k, const struct send_rules *rules, size_t i,
                                const JourneySend *s)
{
    SendOption only = SEND_OPTION_INIT;
    only.template_ = s->template_;
    only.medium = s->medium;
    if (!s->n_options)
        return check_way(c, k, rules, arena_printf(c->arena, "steps[%zu].send", i), &only);
    for (size_t o = 0; o < s->n_options; o++)
        TRY(check_way(c, k, rules, arena_printf(c->arena, "steps[%zu].send.options[%zu]", i, o),
                      s->options[o]));
    return ok();
}

static struct status check_sends(struct ctx *c, const Journey *j)
{
    struct checks k = checks_start(c->arena);
    struct send_rules rules;
    TRY(send_rules_load(c, &rules));
    for (size_t i = 0; i < j->n_steps; i++)
        if (j->steps[i]->action_case == JOURNEY_STEP__ACTION_SEND)
            TRY(check_send(c, &k, &rules, i, j->steps[i]->send));
    return k.s;
}

/* ---- Moves ---- */

/* Every replica reads anew what is in service, and two changes of it cannot both be first. */
static struct status changed(struct ctx *c, const Journey *j, const char *action)
{
    const char *text = arena_printf(c->arena, "%lld", (long long)c->now_us);
    event_note(c, "engage", action, j->name);
    return text ? active_put(c, ACTIVE_JOURNEYS, "journeys", text) : fail_memory();
}

static struct status room_for_one_more(struct ctx *c)
{
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[JOURNEYS_SERVING], &rows, v_text(c->workspace)));
    return rows.n < JOURNEYS_MAX
               ? ok()
               : fail(c->arena, REASON_JOURNEY_STATE, "%d journeys are in service already", JOURNEYS_MAX);
}

struct status publish_journey(struct ctx *c, const PublishJourneyRequest *req, Journey *res)
{
    const char *id;
    int64_t version = req->version, now_serving;
    Journey__State state;
    Journey *j;
    TRY(name_id(c->arena, req->name, JOURNEYS, "name", &id));
    if (version == 0)
        TRY(journey_newest(c, id, &version));
    TRY(journey_stored(c, id, version, &j));
    *res = *j;
    if (j->state == JOURNEY__STATE_PUBLISHED)
        return ok();
    TRY(journey_in_service(c, id, &now_serving, &state));
    if (state == JOURNEY__STATE_PAUSED)
        return fail(c->arena, REASON_JOURNEY_STATE, "%s is paused: resume it first", req->name);
    TRY(check_sends(c, j));
    if (now_serving)
        versions_move(c, &journey_versions, id, now_serving, state, JOURNEY__STATE_RETIRED);
    else
        TRY(room_for_one_more(c));
    versions_move(c, &journey_versions, id, version, j->state, JOURNEY__STATE_PUBLISHED);
    if (j->entry && !*j->entry->event)
        TRY(backfill_begin(c, id, version));
    res->state = JOURNEY__STATE_PUBLISHED;
    return changed(c, res, "journey.published");
}

/* Brings the version in service from one state to another; *ret_done: it was there already. */
static struct status turn(struct ctx *c, const char *name, Journey__State to, const char **ret_id,
                          bool *ret_done, Journey *res)
{
    int64_t version;
    Journey__State state;
    Journey *j;
    TRY(name_id(c->arena, name, JOURNEYS, "name", ret_id));
    TRY(journey_in_service(c, *ret_id, &version, &state));
    if (!version) {
        TRY(journey_newest(c, *ret_id, &version));
        return fail(c->arena, REASON_JOURNEY_STATE, "%s is not in service", name);
    }
    TRY(journey_stored(c, *ret_id, version, &j));
    *res = *j;
    res->state = to;
    *ret_done = state == to;
    if (!*ret_done)
        versions_move(c, &journey_versions, *ret_id, version, state, to);
    return ok();
}

struct status pause_journey(struct ctx *c, const PauseJourneyRequest *req, Journey *res)
{
    const char *id;
    bool done;
    TRY(turn(c, req->name, JOURNEY__STATE_PAUSED, &id, &done, res));
    return done ? ok() : changed(c, res, "journey.paused");
}

static void release(struct ctx *c, const char *id)
{
    UNIT_ADD(c->unit, &journey_sql[ENROLLMENTS_RELEASE], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(id));
}

struct status resume_journey(struct ctx *c, const ResumeJourneyRequest *req, Journey *res)
{
    const char *id;
    bool done;
    TRY(turn(c, req->name, JOURNEY__STATE_PUBLISHED, &id, &done, res));
    if (done)
        return ok();
    release(c, id);
    return changed(c, res, "journey.resumed");
}

struct status retire_journey(struct ctx *c, const RetireJourneyRequest *req, Journey *res)
{
    const char *id;
    bool done;
    TRY(turn(c, req->name, JOURNEY__STATE_RETIRED, &id, &done, res));
    release(c, id);
    return changed(c, res, "journey.retired");
}
