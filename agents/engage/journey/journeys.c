/* Journeys: versions that never change once stored, and which of each journey is in service. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/versions.h"
#include "base/pb.h"

/* ---- Reading ---- */

const struct versions journey_versions = {
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
    return versions_get(c, &journey_versions, id, version, ret);
}

struct status journey_compile(struct ctx *c, const Journey *j, const char *field, const struct plan **ret)
{
    struct plan *p;
    TRY(plan_compile(c->arena, j, field, &p));
    if (!arena_on_reset(c->arena, plan_free, p)) {
        plan_free(p);
        return fail_memory();
    }
    *ret = p;
    return ok();
}

struct status journey_plan(struct ctx *c, const char *id, int64_t version, const struct plan **ret)
{
    Journey *j;
    TRY(journey_stored(c, id, version, &j));
    return journey_compile(c, j, "journey", ret);
}

struct status journey_newest(struct ctx *c, const char *id, int64_t *ret)
{
    TRY(versions_newest(c, &journey_versions, id, ret));
    return *ret ? ok() : fail(c->arena, REASON_JOURNEY_NOT_FOUND, "there is no " JOURNEYS "%s", id);
}

struct status journey_in_service(struct ctx *c, const char *id, int64_t *ret_version,
                                 Journey__State *ret_state)
{
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[JOURNEY_SERVING], &rows, v_text(c->workspace), v_text(id)));
    *ret_version = rows.n ? row_at(&rows, 0)[0].i : 0;
    *ret_state = rows.n ? (Journey__State)row_at(&rows, 0)[1].i : JOURNEY__STATE_UNSPECIFIED;
    return ok();
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
    res->backfill = NULL;
    TRY(versions_draft(c, &journey_versions, req->journey_id, JOURNEY__STATE_DRAFT, res));
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
    TRY(journey_in_service(c, id, &version, &state));
    TRY(versions_chosen(c, &journey_versions, id, req->version, version, &version));
    TRY(journey_stored(c, id, version, &j));
    *res = *j;
    return backfill_show(c, id, version, &res->backfill);
}

struct status list_journeys(struct ctx *c, const ListJourneysRequest *req, ListJourneysResponse *res)
{
    return versions_page(c, &journey_versions, req->page_size, req->page_token, &res->journeys,
                         &res->n_journeys, &res->next_page_token);
}
