/* The engagement axis of a workspace: which version is in service. */
#include "agents/model/model.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define AXIS_MAX (1024u * 1024)

/* ---- Reading ---- */

/* The prior as a message. */
static struct status prior_get(struct ctx *c, EngagementModel *m)
{
    const struct engagement_axis *e = &engagement_axis_prior;
    m->half_life_days = e->half_life_us / (double)US_PER_DAY;
    m->intercept = e->intercept;
    m->slope = e->slope;
    m->default_weight = e->default_weight;
    m->weights = ARENA_ARRAY(c->arena, e->n, EngagementModel__WeightsEntry *);
    if (!m->weights)
        return fail_memory();
    for (; m->n_weights < e->n; m->n_weights++) {
        EngagementModel__WeightsEntry *w = PB_NEW(c->arena, EngagementModel__WeightsEntry);
        if (!w || !(w->key = pb_str(c->arena, e->weights[m->n_weights].type)))
            return fail_memory();
        w->value = e->weights[m->n_weights].weight;
        m->weights[m->n_weights] = w;
    }
    return ok();
}

static struct status number_of(struct ctx *c, const char *version, int64_t *ret)
{
    if (str_to_i64(str_of(version), ret))
        return ok();
    return fail(c->arena, REASON_INTERNAL, "the engagement model in service has version \"%s\"", version);
}

struct status get_engagement_model(struct ctx *c, const GetEngagementModelRequest *req, EngagementModel *res)
{
    const char *id, *version;
    EngagementModel *m;
    int64_t number;
    TRY(active_read(c, ACTIVE_ENGAGEMENT, &id, &version));
    if (!*id)
        return prior_get(c, res);
    TRY(number_of(c, version, &number));
    TRY(engagement_model_get(c, number, &m));
    *res = *m;
    return ok();
}

/* ---- In service ---- */

/* An axis in an arena that lies inside itself. */
struct slot {
    struct engagement_axis axis; /* first: the slot is found by it */
    struct arena arena;
};

static struct status slot_make(const EngagementModel *m, void **ret)
{
    const struct engagement_axis *made;
    struct arena arena;
    arena_init(&arena, AXIS_MAX);
    struct slot *s = ARENA_NEW(&arena, struct slot);
    struct status st = s ? engagement_axis_make(&arena, m, &made) : fail_memory();
    if (!is_ok(st)) {
        arena_done(&arena);
        return st;
    }
    s->axis = *made;
    s->arena = arena;
    *ret = &s->axis;
    return ok();
}

struct status engagement_slot_load(struct ctx *c, const char *resource_id, const char *version, void **ret)
{
    EngagementModel *m;
    int64_t number;
    if (!*resource_id) {
        *ret = (void *)&engagement_axis_prior;
        return ok();
    }
    TRY(number_of(c, version, &number));
    TRY(engagement_model_get(c, number, &m));
    return slot_make(m, ret);
}

void engagement_slot_unload(void *axis)
{
    if (axis == &engagement_axis_prior)
        return;
    struct arena arena = ((struct slot *)axis)->arena;
    arena_done(&arena);
}
