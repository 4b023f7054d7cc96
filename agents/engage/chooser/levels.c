/* What was learnt: a row for each level. */
#include "agents/engage/chooser/chooser_private.h"
#include "agents/engage/chooser/chooser_sql.h"

#define LEVEL_BYTES (64u * 1024)

/* How far the weights of a new level may lie from none. Hours differ less than templates do. */
static const double spreads[] = {
    [CHOOSER_FACTOR_COMMON] = 1,
    [CHOOSER_FACTOR_TEMPLATE] = 1,
    [CHOOSER_FACTOR_MEDIUM] = 1,
    [CHOOSER_FACTOR_HOUR] = 0.25,
};

/* ---- Names ---- */

const char *level_of_template(const char *template_name)
{
    return strchr(template_name, '/') + 1;
}

const char *level_of_medium(Medium medium)
{
    return protobuf_c_enum_descriptor_get_value(&Medium_descriptor, (int)medium)->name;
}

const char *level_of_hour(struct arena *a, int local_hour)
{
    return arena_printf(a, "%02d", local_hour);
}

/* ---- Reading ---- */

static struct status put(struct levels *s, ChooserFactor factor, const char *name, struct level **ret)
{
    if (s->n == LEVELS_MAX)
        return fail(NULL, REASON_INTERNAL, "more than %u levels of the chooser in hand", LEVELS_MAX);
    *ret = &s->all[s->n++];
    **ret = (struct level){ .factor = factor, .name = name };
    return ok();
}

struct status level_take(struct ctx *c, struct level *l, int64_t version, struct str data)
{
    l->version = version;
    l->state = bandit_level_read(c->arena, data);
    if (l->state && l->state->n_context == FEATURES)
        return ok();
    return c->arena->overflow
               ? fail_memory()
               : fail(c->arena, REASON_INTERNAL, "the chooser's level %s cannot be read", l->name);
}

struct status levels_open(struct ctx *c, struct levels **ret)
{
    struct rows rows;
    struct level *l = NULL;
    *ret = ARENA_NEW(c->arena, struct levels);
    if (!*ret)
        return fail_memory();
    TRY(DB_QUERY(c, &chooser_sql[LEVELS_SMALL], &rows, v_text(c->workspace)));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        TRY(put(*ret, (ChooserFactor)v[0].i, v[1].s.p, &l));
        TRY(level_take(c, l, v[2].i, v[3].s));
    }
    return ok();
}

static struct status read_template(struct ctx *c, struct level *l)
{
    struct rows rows;
    TRY(DB_QUERY(c, &chooser_sql[LEVEL_GET], &rows, v_text(c->workspace), v_int(l->factor), v_text(l->name)));
    return rows.n ? level_take(c, l, row_at(&rows, 0)[0].i, row_at(&rows, 0)[1].s) : ok();
}

struct status level_find(struct ctx *c, struct levels *s, ChooserFactor factor, const char *name,
                         struct level **ret)
{
    for (size_t i = 0; i < s->n; i++) {
        *ret = &s->all[i];
        if ((*ret)->factor == factor && strcmp((*ret)->name, name) == 0)
            return ok();
    }
    TRY(put(s, factor, name, ret));
    if (factor == CHOOSER_FACTOR_TEMPLATE)
        TRY(read_template(c, *ret));
    if (!(*ret)->state)
        (*ret)->state = bandit_level_new(c->arena, FEATURES, spreads[factor]);
    return (*ret)->state ? ok() : fail_memory();
}

/* ---- Saving ---- */

static struct status save(struct ctx *c, const struct level *l)
{
    struct buf b;
    buf_init(&b, LEVEL_BYTES);
    bandit_level_write(l->state, &b);
    struct str data = buf_keep(&b, c->arena);
    if (!data.p)
        return fail_memory();
    if (l->version)
        UNIT_ADD(c->unit, &chooser_sql[LEVEL_UPDATE], 1, REASON_CONFLICT, v_bytes(data), v_text(c->workspace),
                 v_int(l->factor), v_text(l->name), v_int(l->version));
    else
        UNIT_ADD(c->unit, &chooser_sql[LEVEL_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
                 v_int(l->factor), v_text(l->name), v_bytes(data));
    return ok();
}

struct status levels_save(struct ctx *c, const struct levels *s)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->all[i].learnt)
            TRY(save(c, &s->all[i]));
    return ok();
}
