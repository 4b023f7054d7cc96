/* The bytes of a file become rows. */
#include "agents/lead/import.h"

#define FIRST_ROWS 1024
/* What one unit takes, give or take a slice: enough that a commit is shared by many rows, and little enough
 * that the call's memory holds two units of the widest rows there are. */
#define ROWS_MAX 4096u
#define CELLS_MAX (64u * 1024)
#define SLICE ((size_t)4 * 1024)

struct reading {
    struct ctx *c;
    struct import_record *r;
    struct csv csv;
    struct str input; /* the bytes from committed_bytes on */
    uint64_t base;    /* committed_bytes */
    struct import_columns columns;
    struct import_row *rows;
    size_t n, cap;
    size_t cells; /* of all rows */
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
    g->r->header = buf_keep(&text, g->c->arena);
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
    g->cells += row->n;
    to->line = row->line;
    to->text = str_make(g->input.p + (row->offset - g->base), 0);
    to->lead = NULL;
    to->id = NULL;
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

static bool full(const struct reading *g)
{
    return g->n >= ROWS_MAX || g->cells >= CELLS_MAX;
}

static struct status read_input(struct reading *g, bool at_end)
{
    if (g->r->header.n)
        TRY(resume(g));
    for (size_t at = 0; at < g->input.n && (at_end || !full(g)); at += SLICE)
        TRY(csv_feed(&g->csv, str_make(g->input.p + at, MIN(SLICE, g->input.n - at))));
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

/* What is wrong with a file is wrong with the request's content. */
static struct status in_content(struct ctx *c, struct status s)
{
    return s.reason == REASON_CSV_INVALID && !s.violations
               ? fail_field(c->arena, REASON_CSV_INVALID, "content", "%s", s.message)
               : s;
}

struct status import_read(struct ctx *c, struct import_record *r, struct str input, bool at_end,
                          struct import_rows *ret)
{
    struct reading g = { .c = c, .r = r, .input = input, .base = (uint64_t)r->import->committed_bytes };
    TRY(csv_init(&g.csv, *r->spec->separator, take_row, &g, c->arena));
    struct status s = in_content(c, read_input(&g, at_end));
    if (is_ok(s))
        advance(&g, at_end);
    ret->rows = g.rows;
    ret->n = g.n;
    ret->more = full(&g);
    csv_done(&g.csv);
    return s;
}
