/* ImportLeads: the stream. */
#include "agents/lead/import.h"

#include "agents/lead/lead.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define CHUNK_MAX (1024 * 1024)
#define TAIL_MAX (CSV_RECORD_MAX + CHUNK_MAX)
#define FIRST_ROWS 1024
#define ID_MAX 64

/* Changed by committed() only: an item may run again. */
struct lead_import {
    char id[ID_MAX];
    bool begun;
    int64_t version;  /* of the import's row, as this stream left it */
    int64_t received; /* bytes of the file; committed_bytes and the tail */
    struct buf tail;  /* received, but not a whole row yet */
    /* What the item under way leaves behind once it is committed. */
    int64_t next_version, next_received;
    struct buf next_tail;
};

static void import_release(void *p)
{
    struct lead_import *s = p;
    buf_done(&s->tail);
    buf_done(&s->next_tail);
}

struct status import_leads_open(struct ctx *c, struct lead_import **ret)
{
    struct lead_import *s = ARENA_NEW(c->arena, struct lead_import);
    if (!s)
        return fail_memory();
    buf_init(&s->tail, TAIL_MAX);
    buf_init(&s->next_tail, TAIL_MAX);
    if (!arena_on_reset(c->arena, import_release, s))
        return fail_memory();
    *ret = s;
    return ok();
}

void import_leads_committed(struct ctx *c, struct lead_import *s)
{
    struct buf old = s->tail;
    (void)c;
    s->begun = true;
    s->version = s->next_version;
    s->received = s->next_received;
    s->tail = s->next_tail;
    s->next_tail = old;
}

/* ---- Reading rows ---- */

struct reading {
    struct ctx *c;
    struct import_record *r;
    struct csv csv;
    struct str input; /* the bytes from committed_bytes on */
    uint64_t base;    /* committed_bytes */
    struct import_columns columns;
    struct import_row *rows;
    size_t n, cap;
};

static struct status take_header(struct reading *g, const struct csv_row *row)
{
    char separator[2] = { g->csv.separator, 0 };
    struct buf text;
    buf_init(&text, CSV_RECORD_MAX * 2);
    for (size_t i = 0; i < row->n; i++) {
        if (i)
            buf_putc(&text, separator[0]);
        csv_put(&text, row->cells[i], separator[0]);
    }
    buf_putc(&text, '\n');
    g->r->header.n = text.n;
    g->r->header.p = text.overflow ? NULL : arena_dup(g->c->arena, buf_str(&text));
    buf_done(&text);
    g->r->spec->separator = arena_dup(g->c->arena, str_of(separator));
    return g->r->header.p && g->r->spec->separator ? import_columns_make(g->c, row, g->r->spec, &g->columns)
                                                   : fail_memory();
}

/* The text of the last row ends where the next one begins. */
static void end_row(struct reading *g, uint64_t offset)
{
    if (g->n == 0)
        return;
    struct str *s = &g->rows[g->n - 1].text;
    s->n = (size_t)(g->input.p + (offset - g->base) - s->p);
    while (s->n && (s->p[s->n - 1] == '\n' || s->p[s->n - 1] == '\r'))
        s->n--;
}

static bool rows_grow(struct reading *g)
{
    size_t cap = g->cap ? g->cap * 2 : FIRST_ROWS;
    struct import_row *rows = ARENA_ARRAY(g->c->arena, cap, struct import_row);
    if (!rows)
        return false;
    if (g->n)
        memcpy(rows, g->rows, g->n * sizeof *rows);
    g->rows = rows;
    g->cap = cap;
    return true;
}

static struct status take_row(void *arg, const struct csv_row *row)
{
    struct reading *g = arg;
    if (row->index == 0)
        return g->r->header.n ? import_columns_make(g->c, row, g->r->spec, &g->columns) : take_header(g, row);
    if (g->n == g->cap && !rows_grow(g))
        return fail_memory();
    end_row(g, row->offset);
    struct import_row *to = &g->rows[g->n++];
    to->line = row->line;
    to->text = str_make(g->input.p + (row->offset - g->base), 0);
    to->lead = NULL;
    to->status = import_row_lead(g->c, &g->columns, row, &to->lead);
    return to->status.code == CODE_RESOURCE_EXHAUSTED ? to->status : ok();
}

/* The header was read by an earlier chunk: the reader goes on behind what is committed. */
static struct status resume(struct reading *g)
{
    TRY(csv_feed(&g->csv, g->r->header));
    g->csv.offset = g->base;
    g->csv.line = g->r->line;
    g->csv.after_cr = g->r->after_cr;
    return ok();
}

static struct status read_input(struct reading *g, bool at_end)
{
    if (g->r->header.n)
        TRY(resume(g));
    TRY(csv_feed(&g->csv, g->input));
    if (at_end)
        TRY(csv_end(&g->csv));
    if (at_end && !g->r->header.n)
        return fail(g->c->arena, REASON_CSV_INVALID, "the file has no header");
    return ok();
}

/* Moves the record's place behind the last whole row. */
static void advance(struct reading *g, bool at_end)
{
    const struct csv *v = &g->csv;
    bool within = v->in_record && !at_end;
    uint64_t place = g->r->header.n ? within ? v->row_offset : v->offset : 0;
    end_row(g, place);
    g->r->import->committed_bytes = (int64_t)place;
    g->r->line = g->r->header.n ? within ? v->row_line : v->line : 1;
    g->r->after_cr = g->r->header.n && !within && v->after_cr;
}

/* Reads the input as far as it goes and applies its rows. */
static struct status import_input(struct ctx *c, struct import_record *r, struct str input, bool at_end)
{
    struct reading g = { .c = c, .r = r, .input = input, .base = (uint64_t)r->import->committed_bytes };
    TRY(csv_init(&g.csv, *r->spec->separator, take_row, &g, c->arena));
    struct status s = read_input(&g, at_end);
    if (is_ok(s))
        advance(&g, at_end);
    csv_done(&g.csv);
    TRY(s);
    return import_apply(c, r, g.rows, g.n);
}

/* ---- The record ---- */

static struct status new_record(struct ctx *c, const LeadImportSpec *spec, struct import_record *r)
{
    static const char separators[] = ",;\t|";
    size_t n = strlen(spec->separator);
    if (n > 1 || (n == 1 && !strchr(separators, *spec->separator)))
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec.separator", "must be one of , ; tab |");
    r->spec = arena_raw(c->arena, sizeof *r->spec);
    r->import = PB_NEW(c->arena, LeadImport);
    if (!r->spec || !r->import)
        return fail_memory();
    *r->spec = *spec;
    r->line = 1;
    r->import->name = arena_printf(c->arena, "leadImports/%s", r->id);
    r->import->state = LEAD_IMPORT__STATE_RUNNING;
    r->import->create_time = time_message(c->arena, c->now_us);
    return r->import->name && r->import->create_time ? ok() : fail_memory();
}

/* The first message names the import. */
static struct status named_id(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req)
{
    if (s->begun && req->spec)
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec", "only in the first message");
    if (s->begun)
        return ok();
    if (!req->spec || !*req->spec->import_id)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "spec.import_id",
                          "the first message names the import");
    struct str id = str_of(req->spec->import_id);
    if (!id_valid(id))
        return fail_field(c->arena, REASON_FIELD_INVALID, "spec.import_id", "must be 1 to 63 of [a-z0-9-]");
    memcpy(s->id, id.p, id.n + 1);
    return ok();
}

static struct status mismatch(struct ctx *c, const struct lead_import *s, const char *why)
{
    return fail(c->arena, REASON_IMPORT_MISMATCH, "leadImports/%s: %s", s->id, why);
}

static struct status find_record(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req,
                                 struct import_record *r)
{
    TRY(import_load(c, s->id, r));
    if (s->begun && r->version != s->version)
        return mismatch(c, s, "another stream goes on with it");
    if (!r->import)
        TRY(new_record(c, req->spec, r));
    else if (r->import->state == LEAD_IMPORT__STATE_DONE)
        return mismatch(c, s, "it is done");
    return ok();
}

static struct status check_chunk(struct ctx *c, const struct lead_import *s, const ImportLeadsRequest *req,
                                 const struct import_record *r)
{
    int64_t expected = s->begun ? s->received : r->import->committed_bytes;
    if (req->content.len > CHUNK_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "content", "at most 1 MiB");
    if (req->offset == expected)
        return ok();
    return mismatch(c, s,
                    arena_printf(c->arena, "the next chunk's offset is %lld, not %lld", (long long)expected,
                                 (long long)req->offset));
}

/* What has not been committed yet: the stream's tail and the new bytes. */
static struct status join(struct ctx *c, const struct lead_import *s, struct str content, struct str *ret)
{
    *ret = content;
    if (s->tail.n == 0)
        return ok();
    char *p = arena_raw(c->arena, s->tail.n + content.n);
    if (!p)
        return fail_memory();
    memcpy(p, s->tail.p, s->tail.n);
    if (content.n)
        memcpy(p + s->tail.n, content.p, content.n);
    *ret = str_make(p, s->tail.n + content.n);
    return ok();
}

static struct status announce(struct ctx *c, const LeadImport *m)
{
    struct str payload = pb_pack(c->arena, m);
    const struct event e = { AGENT_TYPE_UNSPECIFIED, "lead", "lead.imported", m->name, "", "", payload };
    if (!payload.p)
        return fail_memory();
    event_add(c, &e);
    return ok();
}

static struct status save(struct ctx *c, struct import_record *r)
{
    TRY(import_save(c, r));
    return announce(c, r->import);
}

/* Sets aside what committed() takes over. */
static struct status set_aside(struct lead_import *s, const struct import_record *r, struct str input,
                               int64_t from)
{
    size_t read = (size_t)(r->import->committed_bytes - from);
    buf_clear(&s->next_tail);
    buf_put(&s->next_tail, input.p + read, input.n - read);
    s->next_version = r->version + 1;
    s->next_received = from + (int64_t)input.n;
    return s->next_tail.overflow ? fail_memory() : ok();
}

struct status import_leads_item(struct ctx *c, struct lead_import *s, const ImportLeadsRequest *req)
{
    struct import_record r;
    struct str input;
    TRY(named_id(c, s, req));
    TRY(find_record(c, s, req, &r));
    TRY(check_chunk(c, s, req, &r));
    TRY(join(c, s, str_make((char *)req->content.data, req->content.len), &input));
    int64_t from = r.import->committed_bytes;
    TRY(import_input(c, &r, input, false));
    TRY(set_aside(s, &r, input, from));
    return save(c, &r);
}

struct status import_leads_finish(struct ctx *c, struct lead_import *s, LeadImport *res)
{
    struct import_record r;
    if (!s->begun)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "spec", "the first message names the import");
    TRY(find_record(c, s, NULL, &r));
    TRY(import_input(c, &r, buf_str(&s->tail), true));
    r.import->state = LEAD_IMPORT__STATE_DONE;
    TRY(save(c, &r));
    *res = *r.import;
    return ok();
}
