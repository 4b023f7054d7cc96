/* Journeys: versions that never change once stored, and which of each journey is in service. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/active.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/versions.h"
#include "base/pb.h"

/* ---- Reading ---- */

static const struct versions versions = {
    .what = "journey",
    .collection = JOURNEYS,
    .not_found = REASON_JOURNEY_NOT_FOUND,
    VERSIONS_OF(Journey),
    .get = &journey_sql[JOURNEY_GET],
    .newest = &journey_sql[JOURNEY_NEWEST],
    .list = &journey_sql[JOURNEY_LIST],
    .move = &journey_sql[JOURNEY_MOVE],
};

struct status journey_stored(struct ctx *c, const char *id, int64_t version, Journey **ret)
{
    return versions_get(c, &versions, id, version, ret);
}

struct status journey_plan(struct ctx *c, const char *id, int64_t version, const struct plan **ret)
{
    Journey *j;
    struct plan *p;
    TRY(journey_stored(c, id, version, &j));
    TRY(plan_compile(c->arena, j, "journey", &p));
    if (!arena_on_reset(c->arena, plan_free, p)) {
        plan_free(p);
        return fail_memory();
    }
    *ret = p;
    return ok();
}

struct status journey_newest(struct ctx *c, const char *id, int64_t *ret)
{
    TRY(versions_newest(c, &versions, id, ret));
    return *ret ? ok() : fail(c->arena, REASON_JOURNEY_NOT_FOUND, "there is no " JOURNEYS "%s", id);
}

/* The version in service and its state; 0 where none is. */
static struct status serving(struct ctx *c, const char *id, int64_t *ret_version, Journey__State *ret_state)
{
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[JOURNEY_SERVING], &rows, v_text(c->workspace), v_text(id)));
    *ret_version = rows.n ? row_at(&rows, 0)[0].i : 0;
    *ret_state = rows.n ? (Journey__State)row_at(&rows, 0)[1].i : JOURNEY__STATE_UNSPECIFIED;
    return ok();
}

/* ---- In service ---- */

static struct journeys *journeys_new(void)
{
    struct arena arena;
    arena_init(&arena, sizeof(struct journeys) + 4096);
    struct journeys *all = ARENA_NEW(&arena, struct journeys);
    if (all)
        all->arena = arena; /* from here on the arena lives inside itself */
    return all;
}

void journeys_unload(void *journeys)
{
    struct journeys *all = journeys;
    for (size_t i = 0; i < all->n; i++)
        plan_free(all->plans[i]);
    struct arena arena = all->arena;
    arena_done(&arena);
}

static struct status add_plan(struct ctx *c, const struct value *v, struct journeys *all)
{
    Journey *j;
    TRY(versions_take(c, &versions, v[0].s.p, v[1].i, v + 2, &j));
    TRY(plan_compile(c->arena, j, "journey", &all->plans[all->n]));
    all->n++;
    return ok();
}

struct status journeys_load(struct ctx *c, const char *resource_id, const char *version, void **ret)
{
    struct rows rows;
    (void)resource_id;
    (void)version;
    TRY(DB_QUERY(c, &journey_sql[JOURNEYS_SERVING], &rows, v_text(c->workspace)));
    struct journeys *all = journeys_new();
    struct status s = all ? ok() : fail_memory();
    for (size_t i = 0; is_ok(s) && i < MIN(rows.n, JOURNEYS_MAX); i++)
        s = add_plan(c, row_at(&rows, i), all);
    if (all && !is_ok(s))
        journeys_unload(all);
    *ret = all;
    return s;
}

struct status journeys_serving(struct ctx *c, const struct journeys **ret)
{
    void *all;
    TRY(active_get(c, ACTIVE_JOURNEYS, &all));
    *ret = all;
    return ok();
}

const struct plan *journeys_find(const struct journeys *all, const char *id)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->plans[i]->id, id) == 0)
            return all->plans[i];
    return NULL;
}

/* ---- Create ---- */

static struct status check_create(struct ctx *c, const CreateJourneyRequest *req)
{
    struct plan *p;
    TRY(id_check(c->arena, req->journey_id, "journey_id"));
    if (!req->journey)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "journey", "must be given");
    TRY(plan_compile(c->arena, req->journey, "journey", &p));
    plan_free(p);
    return ok();
}

struct status create_journey(struct ctx *c, const CreateJourneyRequest *req, Journey *res)
{
    TRY(check_create(c, req));
    *res = *req->journey;
    TRY(versions_draft(c, &versions, req->journey_id, JOURNEY__STATE_DRAFT, res));
    struct str data = pb_pack(c->arena, res);
    if (!data.p)
        return fail_memory();
    if (req->validate_only)
        return ok();
    UNIT_ADD(c->unit, &journey_sql[JOURNEY_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(req->journey_id), v_int(res->version), v_int(res->state), v_int(c->now_us),
             v_bytes(data));
    event_note(c, "engage", "journey.created", res->name);
    return ok();
}

/* ---- Get and list ---- */

struct status get_journey(struct ctx *c, const GetJourneyRequest *req, Journey *res)
{
    const char *id;
    int64_t version;
    Journey__State state;
    Journey *j;
    TRY(name_id(c->arena, req->name, JOURNEYS, "name", &id));
    TRY(serving(c, id, &version, &state));
    TRY(versions_chosen(c, &versions, id, req->version, version, &version));
    TRY(journey_stored(c, id, version, &j));
    *res = *j;
    return ok();
}

struct status list_journeys(struct ctx *c, const ListJourneysRequest *req, ListJourneysResponse *res)
{
    return versions_page(c, &versions, req->page_size, req->page_token, &res->journeys, &res->n_journeys,
                         &res->next_page_token);
}

/* ---- Into service, and out of it ---- */

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
    TRY(serving(c, id, &now_serving, &state));
    if (state == JOURNEY__STATE_PAUSED)
        return fail(c->arena, REASON_JOURNEY_STATE, "%s is paused: resume it first", req->name);
    if (now_serving)
        versions_move(c, &versions, id, now_serving, state, JOURNEY__STATE_RETIRED);
    else
        TRY(room_for_one_more(c));
    versions_move(c, &versions, id, version, j->state, JOURNEY__STATE_PUBLISHED);
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
    TRY(serving(c, *ret_id, &version, &state));
    if (!version) {
        TRY(journey_newest(c, *ret_id, &version));
        return fail(c->arena, REASON_JOURNEY_STATE, "%s is not in service", name);
    }
    TRY(journey_stored(c, *ret_id, version, &j));
    *res = *j;
    res->state = to;
    *ret_done = state == to;
    if (!*ret_done)
        versions_move(c, &versions, *ret_id, version, state, to);
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
