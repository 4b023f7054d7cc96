/* How a lead ends: deleted, or merged into another. */
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "agents/record/leads_sql.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"

struct status lead_identities(struct ctx *c, const struct lead_row *row, struct lead_identity **ret,
                              size_t *ret_n)
{
    struct rows rows;
    size_t n = 0;
    TRY(DB_QUERY(c, &lead_sql[LEAD_MOVED_OF], &rows, v_text(c->workspace), v_text(row->id)));
    struct lead_identity *all = ARENA_ARRAY(c->arena, LEAD_IDENTITIES + rows.n, struct lead_identity);
    if (!all)
        return fail_memory();
    for (size_t i = 0; i < LEAD_IDENTITIES; i++)
        if (*lead_text(row->before, i))
            all[n++] =
                (struct lead_identity){ v_int((int64_t)i + 1), v_text(lead_text(row->before, i)), false };
    for (size_t i = 0; i < rows.n; i++)
        all[n++] = (struct lead_identity){ row_at(&rows, i)[0], row_at(&rows, i)[1], true };
    *ret = all;
    *ret_n = n;
    return ok();
}

static void forget_moved(struct ctx *c, const struct lead_row *row, const struct lead_identity *o)
{
    UNIT_ADD(c->unit, &lead_sql[LEAD_MOVED_DELETE], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row->id),
             o->kind, o->text);
}

static void delete_row(struct ctx *c, const struct lead_row *row)
{
    UNIT_ADD(c->unit, &lead_sql[LEAD_DELETE], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row->id),
             v_int(row->version));
}

struct status lead_remove(struct ctx *c, struct lead_row *row)
{
    struct lead_identity *all;
    size_t n;
    TRY(lead_identities(c, row, &all, &n));
    for (size_t i = 0; i < n; i++) {
        UNIT_ADD(c->unit, &lead_sql[LEAD_IDENTITY_DELETE], 1, REASON_CONFLICT, v_text(c->workspace),
                 all[i].kind, all[i].text, v_text(row->id));
        if (all[i].moved)
            forget_moved(c, row, &all[i]);
    }
    UNIT_ADD(c->unit, &lead_sql[LEAD_ALIASES_DELETE], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(row->id));
    delete_row(c, row);
    return ok();
}

/* subject: the lead that lives, or the one that ends. */
static void keep_key(struct ctx *c, const struct lead_row *row, const char *subject)
{
    UNIT_ADD(c->unit, &lead_sql[LEAD_ENDED_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row->id),
             v_text(subject), v_bytes(row->key));
}

struct status lead_retain(struct ctx *c, const struct lead_row *row)
{
    struct lead_identity *all;
    size_t n;
    TRY(lead_identities(c, row, &all, &n));
    keep_key(c, row, row->id);
    return suppression_keep(c, row->id, all, n);
}

/* One identity of the duplicate goes to the lead: into its field where that is free, else beside it. */
static void move_identity(struct ctx *c, struct lead_row *row, const struct lead_row *duplicate,
                          const struct lead_identity *o)
{
    size_t i = (size_t)o->kind.i - 1;
    bool in_field = !o->moved && !*lead_text(row->before, i);
    UNIT_ADD(c->unit, &lead_sql[LEAD_IDENTITY_GIVE], 1, REASON_CONFLICT, v_text(row->id),
             v_text(c->workspace), o->kind, o->text, v_text(duplicate->id));
    if (o->moved)
        forget_moved(c, duplicate, o);
    if (in_field)
        row->owned |= 1u << i;
    else
        UNIT_ADD(c->unit, &lead_sql[LEAD_MOVED_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
                 v_text(row->id), o->kind, o->text);
}

/* The duplicate's activity is one event of that weight, of its own time; only the count is its own too. */
static struct status add_engagement(struct ctx *c, Lead *lead, const EngagementState *other,
                                    double half_life_us)
{
    if (!other)
        return ok();
    TRY(lead_engage(c, lead, time_us(other->as_of_time), other->value, half_life_us));
    lead->engagement->event_count += other->event_count - 1;
    return ok();
}

struct status lead_absorb(struct ctx *c, struct lead_row *row, struct lead_row *duplicate,
                          double half_life_us)
{
    struct value workspace = v_text(c->workspace), id = v_text(row->id), old = v_text(duplicate->id);
    struct lead_identity *all;
    size_t n;
    TRY(lead_identities(c, duplicate, &all, &n));
    for (size_t i = 0; i < n; i++)
        move_identity(c, row, duplicate, &all[i]);
    UNIT_ADD(c->unit, &lead_sql[LEAD_ALIASES_GIVE], -1, REASON_CONFLICT, id, workspace, old);
    UNIT_ADD(c->unit, &lead_sql[LEAD_ALIAS_INSERT], 1, REASON_CONFLICT, workspace, old, id);
    UNIT_ADD(c->unit, &lead_sql[LEAD_ENDED_GIVE], -1, REASON_CONFLICT, id, workspace, old);
    keep_key(c, duplicate, row->id);
    delete_row(c, duplicate);
    TRY(lead_fill(c, row->lead, duplicate->before));
    if (!row->lead->triage)
        row->lead->triage = duplicate->before->triage;
    return add_engagement(c, row->lead, duplicate->before->engagement, half_life_us);
}
