/* The rows of a chunk become leads and rejects. */
#include "agents/lead/import.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/lead_set.h"
#include "agents/record/lead_text.h"
#include "agents/record/row_status.h"
#include "base/ids.h"

#define REJECT_TEXT_MAX 4096

/* ---- Rejects ---- */

/* As much of the row as is kept, with ? for what is not UTF-8. NULL over the budget. */
static char *reject_text(struct arena *a, struct str row)
{
    size_t n = MIN(row.n, REJECT_TEXT_MAX), at = 0;
    while (n < row.n && n && ((unsigned char)row.p[n] & 0xc0) == 0x80)
        n--; /* not within a character */
    char *text = arena_dup(a, str_make(row.p, n));
    while (text && at < n) {
        size_t k = 1;
        while (k < 4 && at + k < n && !str_is_utf8(str_make(text + at, k)))
            k++;
        if (!str_is_utf8(str_make(text + at, k))) {
            text[at] = '?';
            k = 1;
        }
        at += k;
    }
    return text;
}

static struct status reject(struct ctx *c, struct import_record *r, const struct import_row *row,
                            struct status why)
{
    LeadImportReject *m = PB_NEW(c->arena, LeadImportReject);
    if (!m)
        return fail_memory();
    m->line = (int64_t)row->line;
    m->status = row_status(c->arena, why);
    m->row = reject_text(c->arena, row->text);
    struct str data = m->status && m->row ? pb_pack(c->arena, m) : str_make(NULL, 0);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &lead_room_sql[REJECT_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(r->id),
             v_int(m->line), v_bytes(data));
    r->import->rejected_count++;
    return ok();
}

/* ---- Leads ---- */

static void put(struct buf *to, const char *name, const char *value)
{
    buf_puts(to, name);
    buf_putc(to, '\x1f');
    buf_puts(to, value);
    buf_putc(to, '\x1e');
}

/* A row without an identity is known by what it says: the same row always means the same lead. */
static struct status content_id(struct ctx *c, const Lead *l, const char **ret)
{
    struct buf text;
    char id[ID_TEXT];
    buf_init(&text, CSV_RECORD_MAX * 2);
    for (size_t i = LEAD_IDENTITIES; i < LEAD_TEXTS; i++)
        put(&text, lead_texts[i].name, lead_text(l, i));
    for (size_t i = 0; i < l->n_attributes; i++)
        put(&text, l->attributes[i]->key, l->attributes[i]->value);
    bool whole = !text.overflow;
    if (whole)
        id_derive(str_of(c->workspace), buf_str(&text), id);
    buf_done(&text);
    *ret = whole ? arena_dup(c->arena, str_of(id)) : NULL;
    return *ret ? ok() : fail_memory();
}

static bool has_identity(const Lead *l)
{
    return *l->email || *l->phone || *l->external_id;
}

static struct status resolve(struct lead_set *set, const struct import_row *row)
{
    struct lead_row *found;
    return row->id ? lead_set_put(set, row->lead, row->id, &found)
                   : lead_set_resolve(set, row->lead, "row", &found);
}

static void count(LeadImport *m, enum lead_effect effect)
{
    m->created_count += effect == LEAD_CREATED;
    m->updated_count += effect == LEAD_UPDATED;
    m->unchanged_count += effect == LEAD_UNCHANGED;
}

static struct status apply_row(struct ctx *c, struct import_record *r, struct lead_set *set,
                               const struct import_row *row)
{
    struct status s = row->lead ? resolve(set, row) : row->status;
    r->import->row_count++;
    if (is_ok(s)) {
        count(r->import, lead_set_effect(set));
        return s;
    }
    return row_is_at_fault(s) ? reject(c, r, row, s) : s;
}

static struct status triage_row(void *ctx, struct lead_row *row)
{
    struct ctx *c = ctx;
    Decision *d;
    return c->app->triage(c, row, false, &d);
}

/* Few statements for all rows. */
static struct status prefetch(struct ctx *c, struct lead_set *set, const struct import_rows *rows)
{
    Lead **leads = ARENA_ARRAY(c->arena, rows->n, Lead *);
    const char **ids = ARENA_ARRAY(c->arena, rows->n, const char *);
    size_t n = 0, n_ids = 0;
    if (!leads || !ids)
        return fail_memory();
    for (size_t i = 0; i < rows->n; i++) {
        struct import_row *row = &rows->rows[i];
        if (!row->lead)
            continue;
        if (has_identity(row->lead)) {
            leads[n++] = row->lead;
            continue;
        }
        TRY(content_id(c, row->lead, &row->id));
        ids[n_ids++] = row->id;
    }
    TRY(lead_set_prefetch(set, leads, n));
    return lead_set_prefetch_ids(set, ids, n_ids);
}

struct status import_apply(struct ctx *c, struct import_record *r, const struct import_rows *rows,
                           const struct lead_set *earlier, struct lead_set **ret)
{
    struct lead_set *set = *ret = lead_set_new(c, rows->n);
    if (!set)
        return fail_memory();
    lead_set_follow(set, earlier);
    TRY(prefetch(c, set, rows));
    for (size_t i = 0; i < rows->n; i++)
        TRY(apply_row(c, r, set, &rows->rows[i]));
    if (r->spec->triage && c->app->triage)
        TRY(lead_set_each(set, triage_row, c));
    return lead_set_save(set);
}
