#include "base/csv.h"

#include <stdlib.h>

enum { PLAIN, SEPARATOR, LF, CR, QUOTE, NUL };         /* classes of bytes */
enum { CELL_START, IN_PLAIN, IN_QUOTES, AFTER_QUOTE }; /* states */

struct status csv_init(struct csv *c, char separator, csv_row_fn on_row, void *arg, struct arena *errors)
{
    memset(c, 0, sizeof *c);
    c->on_row = on_row;
    c->arg = arg;
    c->errors = errors;
    c->separator = separator;
    c->line = 1;
    buf_init(&c->text, CSV_RECORD_MAX);
    buf_init(&c->head, CSV_RECORD_MAX);
    c->ends = calloc(CSV_COLUMNS_MAX, sizeof *c->ends);
    c->cells = calloc(CSV_COLUMNS_MAX, sizeof *c->cells);
    if (c->ends && c->cells)
        return ok();
    csv_done(c);
    return fail_memory();
}

void csv_done(struct csv *c)
{
    buf_done(&c->text);
    buf_done(&c->head);
    free(c->ends);
    free(c->cells);
    c->ends = NULL;
    c->cells = NULL;
}

static struct status refuse(struct csv *c, uint64_t line, const char *what)
{
    return fail(c->errors, REASON_CSV_INVALID, "line %llu, column %zu: %s", (unsigned long long)line,
                c->n_cells + 1, what);
}

/* ---- Records ---- */

static struct status cell_end(struct csv *c)
{
    size_t from = c->n_cells ? c->ends[c->n_cells - 1] : 0;
    if (c->text.overflow)
        return refuse(c, c->row_line, "the record is longer than 4 MiB");
    if (c->text.n - from > CSV_CELL_MAX)
        return refuse(c, c->row_line, "the cell is longer than 64 KiB");
    if (c->n_cells == CSV_COLUMNS_MAX)
        return refuse(c, c->row_line, "the record has more than 1024 columns");
    c->ends[c->n_cells++] = c->text.n;
    c->state = CELL_START;
    return ok();
}

static struct status record_end(struct csv *c)
{
    TRY(cell_end(c));
    for (size_t i = 0; i < c->n_cells; i++) {
        size_t from = i ? c->ends[i - 1] : 0;
        c->cells[i] = str_make((c->text.p ? c->text.p : "") + from, c->ends[i] - from);
    }
    struct csv_row row = { c->cells, c->n_cells, c->row_line, c->row_offset, c->rows++ };
    c->n_cells = 0;
    c->in_record = false;
    struct status s = c->on_row(c->arg, &row);
    buf_clear(&c->text);
    return s;
}

/* A line end outside quotes. An empty line is no record. */
static struct status line_end(struct csv *c)
{
    c->line++;
    return c->in_record ? record_end(c) : ok();
}

/* ---- Bytes ---- */

/* Copies the run of ordinary bytes at p: in quotes only a quote, a line end and NUL are not ordinary. */
static size_t take_run(struct csv *c, const char *p, size_t n)
{
    size_t i = 0;
    if (c->state == IN_QUOTES)
        while (i < n && (c->classes[(unsigned char)p[i]] <= SEPARATOR))
            i++;
    else
        while (i < n && c->classes[(unsigned char)p[i]] == PLAIN)
            i++;
    buf_put(&c->text, p, i);
    return i;
}

static struct status take_quoted(struct csv *c, char byte, unsigned char class)
{
    if (class == QUOTE) {
        c->state = AFTER_QUOTE;
        return ok();
    }
    if (class == CR || (class == LF && !c->after_cr))
        c->line++;
    c->after_cr = class == CR;
    buf_putc(&c->text, byte);
    return c->text.overflow ? refuse(c, c->quote_line,
                                     "the quoted cell is never closed, or the record is longer than 4 MiB")
                            : ok();
}

static struct status take_quote(struct csv *c)
{
    if (c->state == CELL_START) {
        c->state = IN_QUOTES;
        c->quote_line = c->line;
        return ok();
    }
    buf_putc(&c->text, '"');
    c->state = c->state == AFTER_QUOTE ? IN_QUOTES : IN_PLAIN;
    return ok();
}

static struct status take_special(struct csv *c, char byte, unsigned char class)
{
    if (class == NUL)
        return refuse(c, c->line, "a NUL byte");
    if (c->state == IN_QUOTES)
        return take_quoted(c, byte, class);
    if (class == LF && c->after_cr && !c->in_record) {
        c->after_cr = false; /* the second half of a CRLF */
        return ok();
    }
    c->after_cr = class == CR;
    if (class == CR || class == LF)
        return line_end(c);
    if (!c->in_record) {
        c->in_record = true;
        c->row_line = c->line;
        c->row_offset = c->offset;
    }
    return class == QUOTE ? take_quote(c) : cell_end(c);
}

static struct status take_plain(struct csv *c, const char *p, size_t n, size_t *ret_taken)
{
    if (c->state == AFTER_QUOTE)
        return refuse(c, c->line, "text after a closing quote");
    if (c->state == CELL_START)
        c->state = IN_PLAIN;
    if (!c->in_record) {
        c->in_record = true;
        c->row_line = c->line;
        c->row_offset = c->offset;
    }
    c->after_cr = false;
    *ret_taken = take_run(c, p, n);
    return c->text.overflow ? refuse(c, c->row_line, "the record is longer than 4 MiB") : ok();
}

static struct status parse(struct csv *c, const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        unsigned char class = c->classes[(unsigned char)p[i]];
        size_t taken = 1;
        if (class == PLAIN || (class == SEPARATOR && c->state == IN_QUOTES))
            TRY(take_plain(c, p + i, n - i, &taken));
        else
            TRY(take_special(c, p[i], class));
        i += taken;
        c->offset += taken;
    }
    return ok();
}

/* ---- The first record ---- */

static void find_separator(struct csv *c)
{
    static const char candidates[] = ",;\t|";
    size_t counts[4] = { 0 }, best = 0;
    bool quoted = false;
    for (size_t i = 0; i < c->head.n; i++) {
        const char *at = c->head.p[i] ? strchr(candidates, c->head.p[i]) : NULL;
        quoted ^= c->head.p[i] == '"';
        if (at && !quoted)
            counts[at - candidates]++;
    }
    for (size_t k = 1; k < 4; k++)
        if (counts[k] > counts[best])
            best = k;
    c->separator = candidates[best];
}

static struct status head_finish(struct csv *c)
{
    struct str head = buf_str(&c->head);
    c->head_done = true;
    if (!c->separator)
        find_separator(c);
    c->classes[(unsigned char)c->separator] = SEPARATOR;
    c->classes['\n'] = LF;
    c->classes['\r'] = CR;
    c->classes['"'] = QUOTE;
    c->classes[0] = NUL;
    size_t mark = str_starts(head, STR("\xef\xbb\xbf")) ? 3 : 0;
    c->offset = mark;
    struct status s = parse(c, head.p + mark, head.n - mark);
    buf_done(&c->head);
    return s;
}

/* Bytes up to and with the first line end outside quotes that has something before it. */
static size_t head_take(struct csv *c, struct str bytes, bool *ret_complete)
{
    for (size_t i = 0; i < bytes.n; i++) {
        char b = bytes.p[i];
        bool line_ends = (b == '\n' || b == '\r') && !c->head_quoted;
        c->head_quoted ^= b == '"';
        if (line_ends && c->in_record) {
            *ret_complete = true;
            return i + 1;
        }
        c->in_record |= !line_ends;
    }
    return bytes.n;
}

static struct status head_feed(struct csv *c, struct str bytes, size_t *ret_taken)
{
    bool complete = false;
    *ret_taken = head_take(c, bytes, &complete);
    buf_put(&c->head, bytes.p, *ret_taken);
    if (c->head.overflow)
        return refuse(c, 1, "the header is longer than 4 MiB, or has a quote that is never closed");
    if (!complete)
        return ok();
    c->in_record = false;
    return head_finish(c);
}

struct status csv_feed(struct csv *c, struct str bytes)
{
    size_t taken = 0;
    if (!c->head_done)
        TRY(head_feed(c, bytes, &taken));
    return c->head_done ? parse(c, bytes.p + taken, bytes.n - taken) : ok();
}

struct status csv_end(struct csv *c)
{
    if (!c->head_done) {
        c->in_record = false;
        TRY(head_finish(c));
    }
    if (c->state == IN_QUOTES)
        return refuse(c, c->quote_line, "the quote opened here is never closed");
    return c->in_record ? record_end(c) : ok();
}

/* ---- Writing ---- */

void csv_put(struct buf *b, struct str cell, char separator)
{
    bool quote = cell.n && (cell.p[0] == ' ' || cell.p[cell.n - 1] == ' ');
    for (size_t i = 0; i < cell.n && !quote; i++)
        quote = cell.p[i] == separator || cell.p[i] == '"' || cell.p[i] == '\n' || cell.p[i] == '\r';
    if (!quote) {
        buf_put(b, cell.p, cell.n);
        return;
    }
    buf_putc(b, '"');
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '"')
            buf_putc(b, '"');
        buf_putc(b, cell.p[i]);
    }
    buf_putc(b, '"');
}
