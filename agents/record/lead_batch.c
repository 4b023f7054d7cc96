#include "agents/record/lead_batch.h"

struct lead_batch_row {
    Lead *given;
    const char *field;
    struct status checked;
};

static struct status check_rows(struct ctx *c, struct lead_batch *b, lead_batch_check check)
{
    Lead **sound = ARENA_ARRAY(c->arena, b->n, Lead *);
    size_t n = 0;
    if (!sound)
        return fail_memory();
    for (size_t i = 0; i < b->n; i++) {
        struct lead_batch_row *r = &b->rows[i];
        r->field = arena_printf(c->arena, "leads[%zu]", i);
        if (!r->field)
            return fail_memory();
        r->checked = check(c, r->given, r->field);
        if (is_ok(r->checked))
            sound[n++] = r->given;
    }
    return lead_set_prefetch(b->set, sound, n);
}

struct status lead_batch_take(struct ctx *c, Lead **leads, size_t n, lead_batch_check check,
                              struct lead_batch *ret)
{
    if (n == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "leads", "give 1 to %d", LEAD_BATCH_MAX);
    if (n > LEAD_BATCH_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "leads", "at most %d", LEAD_BATCH_MAX);
    ret->n = n;
    ret->set = lead_set_new(c, n);
    ret->rows = ARENA_ARRAY(c->arena, n, struct lead_batch_row);
    if (!ret->set || !ret->rows)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        ret->rows[i].given = leads[i];
    return check_rows(c, ret, check);
}

struct status lead_batch_resolve(struct lead_batch *b, size_t i, struct lead_row **ret)
{
    const struct lead_batch_row *r = &b->rows[i];
    TRY(r->checked);
    return lead_set_resolve(b->set, r->given, r->field, ret);
}
