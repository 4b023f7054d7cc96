/* The journeys in service, as each replica keeps them in memory. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/active.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "base/pb.h"

#define USED_MAX 400 /* versions that were ever in service: with more, every lead event is looked at */

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
    TRY(versions_take(c, &journey_versions, v[0].s.p, v[1].i, v + 2, &j));
    TRY(plan_compile(c->arena, j, "journey", &all->plans[all->n]));
    all->n++;
    return ok();
}

/* ---- Lead events that matter ---- */

static void care(struct journeys *all, const char *type)
{
    char mark[ID_TEXT];
    if (!*type || all->cares_for_all)
        return;
    event_type_mark(str_of(type), mark);
    for (size_t i = 0; i < all->n_cares; i++)
        if (strcmp(all->cares[i], mark) == 0)
            return;
    all->cares_for_all = all->n_cares == CARES_MAX;
    if (!all->cares_for_all)
        memcpy(all->cares[all->n_cares++], mark, ID_TEXT);
}

static void care_for(struct journeys *all, const Journey *j)
{
    if (j->entry)
        care(all, j->entry->event);
    for (size_t i = 0; i < j->n_exit_events; i++)
        care(all, j->exit_events[i]);
    for (size_t i = 0; i < j->n_steps; i++) {
        all->hands_over |= j->steps[i]->action_case == JOURNEY_STEP__ACTION_HANDOFF;
        if (j->steps[i]->action_case == JOURNEY_STEP__ACTION_WAIT)
            care(all, j->steps[i]->wait->event);
    }
}

/* Retired versions too, for leads under way finish theirs. */
static struct status load_cares(struct ctx *c, struct journeys *all)
{
    struct rows rows;
    TRY(DB_QUERY(c, &journey_sql[JOURNEYS_USED], &rows, v_text(c->workspace), v_int(USED_MAX + 1)));
    all->used = rows.n > 0;
    all->cares_for_all = all->hands_over = rows.n > USED_MAX;
    for (size_t i = 0; i < rows.n && !all->cares_for_all; i++) {
        const Journey *j = PB_UNPACK(c->arena, Journey, row_at(&rows, i)[0].s);
        TRY(decoded(c, j, "a journey"));
        care_for(all, j);
    }
    return ok();
}

bool journeys_care(const struct journeys *all, const char *mark)
{
    if (all->cares_for_all || !*mark)
        return all->used;
    for (size_t i = 0; i < all->n_cares; i++)
        if (strcmp(all->cares[i], mark) == 0)
            return true;
    return false;
}

/* ---- Loading ---- */

struct status journeys_load(struct ctx *c, const char *resource_id, const char *version, void **ret)
{
    struct rows rows;
    (void)resource_id;
    (void)version;
    TRY(DB_QUERY(c, &journey_sql[JOURNEYS_SERVING], &rows, v_text(c->workspace)));
    struct journeys *all = journeys_new();
    struct status s = all ? load_cares(c, all) : fail_memory();
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
