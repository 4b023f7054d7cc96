#include "agents/record/engagement.h"
#include "agents/record/decoded.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "store/db.h"

#include <math.h>
#include <stdlib.h>

/* The documented prior (docs/scorecard.md), until FitEngagementModel has learnt from the workspace's own
 * outcomes. Sorted by type. */
#define WEIGHT(type, weight)                                                                                 \
    {                                                                                                        \
        { type, sizeof type - 1 }, weight                                                                    \
    }
static const struct engagement_weight prior_weights[] = {
    WEIGHT("call", 3),
    WEIGHT("complaint", 0),
    WEIGHT("demo_request", 8),
    WEIGHT("download", 2),
    WEIGHT("email_bounce", 0),
    WEIGHT("email_click", 2),
    WEIGHT("email_open", 0.5),
    WEIGHT("email_reply", 4),
    WEIGHT("form_submit", 4),
    WEIGHT("meeting", 6),
    WEIGHT("message.bounced", 0),
    WEIGHT("message.clicked", 2),
    WEIGHT("message.complained", 0),
    WEIGHT("message.delivered", 0),
    WEIGHT("message.opened", 0.5),
    WEIGHT("message.replied", 4),
    WEIGHT("page_view", 0.5),
    WEIGHT("pricing_view", 3),
    WEIGHT("trial_start", 8),
    WEIGHT("unsubscribe", 0),
    WEIGHT("webinar", 3),
};

const struct engagement_axis engagement_axis_prior = {
    0, 7 * (double)US_PER_DAY, -2.0, 1.5, 1.0, prior_weights, COUNT(prior_weights),
};

double engagement_weight(const struct engagement_axis *e, struct str type)
{
    size_t low = 0, high = e->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(e->weights[middle].type, type);
        if (order == 0)
            return e->weights[middle].weight;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return e->default_weight;
}

double engagement_value(const struct engagement_axis *e, const EngagementState *state, int64_t now_us)
{
    if (!state || !(state->value > 0))
        return 0;
    double age_us = (double)(now_us - time_us(state->as_of_time));
    return age_us > 0 ? state->value * exp2(-age_us / e->half_life_us) : state->value;
}

double engagement_axis_score(const struct engagement_axis *e, double value)
{
    return 1 / (1 + exp(-(e->intercept + e->slope * log1p(value))));
}

static int by_type(const void *a, const void *b)
{
    return str_cmp(((const struct engagement_weight *)a)->type, ((const struct engagement_weight *)b)->type);
}

struct status engagement_axis_make(struct arena *a, const EngagementModel *m,
                                   const struct engagement_axis **ret)
{
    struct engagement_axis *e = ARENA_NEW(a, struct engagement_axis);
    struct engagement_weight *w = ARENA_ARRAY(a, m->n_weights + 1, struct engagement_weight);
    if (!e || !w)
        return fail_memory();
    e->version = m->version;
    e->half_life_us = m->half_life_days * (double)US_PER_DAY;
    e->intercept = m->intercept;
    e->slope = m->slope;
    e->default_weight = m->default_weight;
    for (; e->n < m->n_weights; e->n++) {
        w[e->n].type = str_of(arena_dup(a, str_of(m->weights[e->n]->key)));
        w[e->n].weight = m->weights[e->n]->value;
        if (!w[e->n].type.p[0] && m->weights[e->n]->key[0])
            return fail_memory();
    }
    qsort(w, e->n, sizeof *w, by_type);
    e->weights = w;
    *ret = e;
    return ok();
}

/* ---- Versions kept ---- */

static const struct stmt sql[] = {
    { "engagement_model_get", "ti", "b",
      "SELECT data FROM engagement_model WHERE workspace = $1 AND version = $2", NULL, NULL },
    { "engagement_model_newest", "t", "i",
      "SELECT COALESCE(MAX(version), 0) FROM engagement_model WHERE workspace = $1", NULL, NULL },
    { "engagement_model_insert", "tiib", "",
      "INSERT INTO engagement_model (workspace, version, create_time, data) VALUES ($1, $2, $3, $4)", NULL,
      NULL },
};

enum { GET, NEWEST, INSERT };

const struct stmt_table engagement_statements = { sql, COUNT(sql) };

struct status engagement_model_get(struct ctx *c, int64_t version, EngagementModel **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[GET], &rows, v_text(c->workspace), v_int(version)));
    if (rows.n == 0)
        return fail(c->arena, REASON_SUBJECT_NOT_FOUND, "engagement model %lld does not exist",
                    (long long)version);
    *ret = PB_UNPACK(c->arena, EngagementModel, row_at(&rows, 0)[0].s);
    TRY(decoded(c, *ret, "engagement model %lld", (long long)version));
    return ok();
}

struct status engagement_model_add(struct ctx *c, EngagementModel *m)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[NEWEST], &rows, v_text(c->workspace)));
    m->version = row_at(&rows, 0)[0].i + 1;
    m->create_time = time_message(c->arena, c->now_us);
    struct str data = pb_pack(c->arena, m);
    if (!m->create_time || !data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &sql[INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_int(m->version),
             v_int(c->now_us), v_bytes(data));
    return ok();
}

struct status engagement_axis_load(struct ctx *c, int64_t version, const struct engagement_axis **ret)
{
    EngagementModel *m;
    if (version == 0) {
        *ret = &engagement_axis_prior;
        return ok();
    }
    TRY(engagement_model_get(c, version, &m));
    return engagement_axis_make(c->arena, m, ret);
}
