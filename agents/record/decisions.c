#include "agents/record/decisions.h"

#include "agents/record/checks.h"
#include "agents/record/decisions_sql.h"
#include "agents/record/decoded.h"
#include "agents/record/subject_key.h"
#include "agents/record/times.h"
#include "base/ids.h"

static const struct str prefix = { "decisions/", 10 };

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

/* ---- What is personal, and the rest ---- */

static void move_personal(Decision *from, Decision *to)
{
    to->inputs = from->inputs;
    to->contributions = from->contributions;
    to->n_contributions = from->n_contributions;
    to->justification = from->justification;
    from->inputs = NULL;
    from->contributions = NULL;
    from->n_contributions = 0;
    from->justification = (char *)protobuf_c_empty_string;
}

/* The decision's two columns: in plain, and under the key. */
static struct status split(struct ctx *c, struct str key, const Decision *d, struct str *ret_data,
                           struct str *ret_sealed)
{
    Decision rest = *d, personal = DECISION_INIT;
    move_personal(&rest, &personal);
    struct str text = pb_pack(c->arena, &personal);
    *ret_data = pb_pack(c->arena, &rest);
    if (!text.p || !ret_data->p)
        return fail_memory();
    return subject_seal(c, key, d->name + prefix.n, text, ret_sealed);
}

/* A row of (id, data, sealed, key). */
enum { ROW_ID, ROW_DATA, ROW_SEALED, ROW_KEY };

static struct status take(struct ctx *c, const struct value *row, struct listed_decision *ret)
{
    ret->id = row[ROW_ID].s.p;
    ret->sealed = row[ROW_SEALED].s;
    ret->key = row[ROW_KEY].s;
    ret->decision = PB_UNPACK(c->arena, Decision, row[ROW_DATA].s);
    return decoded(c, ret->decision, "decision %s", ret->id);
}

struct status decision_open(struct ctx *c, struct listed_decision *l)
{
    struct str text;
    TRY(subject_open(c, l->key, l->id, l->sealed, &text));
    if (!text.p)
        return ok(); /* in plain, or erased */
    Decision *personal = PB_UNPACK(c->arena, Decision, text);
    TRY(decoded(c, personal, "decision %s", l->id));
    move_personal(personal, l->decision);
    return ok();
}

/* ---- Adding, reading ---- */

struct status decision_add(struct ctx *c, const struct lead_row *row, const Decision *d)
{
    struct str data, sealed;
    ASSERT(str_starts(str_of(d->name), prefix) && strcmp(d->lead, row->lead->name) == 0);
    TRY(split(c, row->key, d, &data, &sealed));
    UNIT_ADD(c->unit, &decision_sql[DECISION_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(d->name + prefix.n), v_text(row->id), v_int(time_us(d->create_time)), v_int(d->kind),
             v_int(d->destination), v_bytes(data), v_bytes(sealed));
    return ok();
}

struct status decision_get(struct ctx *c, const char *name, Decision **ret)
{
    const char *id;
    struct rows rows;
    struct listed_decision found;
    TRY(name_id(c->arena, name, "decisions/", "name", &id));
    TRY(DB_QUERY(c, &decision_sql[DECISION_GET], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_DECISION_NOT_FOUND, "%s does not exist", name);
    TRY(take(c, row_at(&rows, 0), &found));
    *ret = found.decision;
    return decision_open(c, &found);
}

static struct status list_take(struct ctx *c, const struct rows *rows, struct decision_list *ret)
{
    ret->n = rows->n;
    ret->at = ARENA_ARRAY(c->arena, rows->n + 1, struct listed_decision);
    if (!ret->at)
        return fail_memory();
    for (size_t i = 0; i < rows->n; i++)
        TRY(take(c, row_at(rows, i), &ret->at[i]));
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
