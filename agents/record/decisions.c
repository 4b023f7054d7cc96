#include "agents/record/decisions.h"

#include "agents/record/checks.h"
#include "agents/record/decisions_sql.h"
#include "agents/record/times.h"
#include "base/ids.h"

static const struct str prefix = { "decisions/", 10 }, lead_prefix = { "leads/", 6 };

#define AFTER_ALL_IDS "z" /* ids are made of 0-9 and a-v */

struct status decision_name(struct ctx *c, Decision *d)
{
    char *name = arena_raw(c->arena, prefix.n + ID_TEXT);
    d->create_time = time_message(c->arena, c->now_us);
    if (!name || !d->create_time)
        return fail_memory();
    memcpy(name, prefix.p, prefix.n);
    id_new(name + prefix.n);
    d->name = name;
    return ok();
}

struct status decision_add(struct ctx *c, const Decision *d)
{
    ASSERT(str_starts(str_of(d->name), prefix) && str_starts(str_of(d->lead), lead_prefix));
    struct str data = pb_pack(c->arena, d);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &decision_sql[DECISION_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(d->name + prefix.n), v_text(d->lead + lead_prefix.n), v_int(time_us(d->create_time)),
             v_int(d->kind), v_int(d->destination), v_bytes(data));
    return ok();
}

static struct status decode(struct ctx *c, const char *id, struct str data, Decision **ret)
{
    *ret = PB_UNPACK(c->arena, Decision, data);
    if (*ret)
        return ok();
    return c->arena->overflow ? fail_memory()
                              : fail(c->arena, REASON_INTERNAL, "decision %s cannot be decoded", id);
}

struct status decision_get(struct ctx *c, const char *name, Decision **ret)
{
    const char *id;
    struct rows rows;
    TRY(name_id(c->arena, name, "decisions/", "name", &id));
    TRY(DB_QUERY(c, &decision_sql[DECISION_GET], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_DECISION_NOT_FOUND, "%s does not exist", name);
    return decode(c, id, row_at(&rows, 0)[0].s, ret);
}

/* Takes rows of (id, data). */
static struct status list_take(struct ctx *c, const struct rows *rows, struct decision_list *ret)
{
    ret->n = rows->n;
    ret->ids = ARENA_ARRAY(c->arena, rows->n + 1, const char *);
    ret->decisions = ARENA_ARRAY(c->arena, rows->n + 1, Decision *);
    if (!ret->ids || !ret->decisions)
        return fail_memory();
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *v = row_at(rows, i);
        ret->ids[i] = v[0].s.p;
        TRY(decode(c, v[0].s.p, v[1].s, &ret->decisions[i]));
    }
    return ok();
}

struct status decisions_after(struct ctx *c, const char *lead_id, const char *after, size_t limit,
                              struct decision_list *ret)
{
    struct rows rows;
    if (*lead_id)
        TRY(DB_QUERY(c, &decision_sql[DECISIONS_OF_LEAD], &rows, v_text(c->workspace), v_text(lead_id),
                     v_text(after), v_int((int64_t)limit)));
    else
        TRY(DB_QUERY(c, &decision_sql[DECISIONS_ALL], &rows, v_text(c->workspace), v_text(after),
                     v_int((int64_t)limit)));
    return list_take(c, &rows, ret);
}

struct status decisions_before(struct ctx *c, const char *before, size_t limit, struct decision_list *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &decision_sql[DECISIONS_NEWEST], &rows, v_text(c->workspace),
                 v_text(*before ? before : AFTER_ALL_IDS), v_int(DECISION__KIND_TRIAGE),
                 v_int((int64_t)limit)));
    return list_take(c, &rows, ret);
}
