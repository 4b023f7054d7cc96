#include "ml/frame.h"

#include <stdlib.h>

size_t frame_column(const struct frame *f, struct str name)
{
    for (size_t i = 0; i < f->n_columns; i++)
        if (str_eq(f->names[i], name))
            return i;
    return FRAME_NONE;
}

static struct status take_header(struct frame *f, const struct csv_row *row)
{
    f->names = ARENA_ARRAY(&f->text, row->n, struct str);
    if (!f->names)
        return fail_memory();
    for (size_t i = 0; i < row->n; i++) {
        struct str name = str_trim(row->cells[i]);
        if (name.n == 0)
            return fail(f->csv.errors, REASON_CSV_INVALID, "line %llu: column %zu of the header has no name",
                        (unsigned long long)row->line, i + 1);
        if (frame_column(f, name) != FRAME_NONE)
            return fail(f->csv.errors, REASON_CSV_INVALID, "line %llu: the header names %.*s twice",
                        (unsigned long long)row->line, (int)MIN(name.n, 80), name.p);
        const char *copy = arena_dup(&f->text, name);
        if (!copy)
            return fail_memory();
        f->names[i] = str_make(copy, name.n);
        f->n_columns = i + 1;
    }
    return ok();
}

static bool grow(struct frame *f)
{
    if (f->n_rows < f->cap_rows)
        return true;
    size_t cap = f->cap_rows ? f->cap_rows * 2 : 1024;
    struct str *cells = reallocarray(f->cells, cap, f->n_columns * sizeof *cells);
    if (!cells)
        return false;
    f->cells = cells;
    uint64_t *lines = reallocarray(f->lines, cap, sizeof *lines);
    if (!lines)
        return false;
    f->lines = lines;
    f->cap_rows = cap;
    return true;
}

static struct status take_row(void *arg, const struct csv_row *row)
{
    struct frame *f = arg;
    if (row->index == 0)
        return take_header(f, row);
    if (row->n != f->n_columns)
        return fail(f->csv.errors, REASON_CSV_INVALID, "line %llu: %zu cells where the header has %zu",
                    (unsigned long long)row->line, row->n, f->n_columns);
    if (f->n_rows == f->max_rows)
        return fail(f->csv.errors, REASON_REQUEST_TOO_LARGE, "more than %zu rows", f->max_rows);
    for (size_t i = 0; i < row->n; i++)
        if (!str_is_utf8(row->cells[i]))
            return fail(f->csv.errors, REASON_CSV_INVALID,
                        "line %llu, column %zu: not UTF-8 (convert the file first)",
                        (unsigned long long)row->line, i + 1);
    const struct str *last = &row->cells[row->n - 1];
    size_t bytes = (size_t)(last->p + last->n - row->cells[0].p);
    char *copy = arena_raw(&f->text, bytes + 1);
    if (!copy || !grow(f))
        return fail_memory();
    memcpy(copy, row->cells[0].p, bytes);
    f->lines[f->n_rows] = row->line;
    struct str *to = &f->cells[f->n_rows++ * f->n_columns];
    for (size_t i = 0; i < row->n; i++)
        to[i] = str_make(copy + (row->cells[i].p - row->cells[0].p), row->cells[i].n);
    return ok();
}

struct status frame_init(struct frame *f, size_t max_rows, size_t max_bytes, struct arena *errors)
{
    memset(f, 0, sizeof *f);
    arena_init(&f->text, max_bytes);
    f->max_rows = max_rows;
    return csv_init(&f->csv, 0, take_row, f, errors);
}

struct status frame_feed(struct frame *f, struct str bytes)
{
    return csv_feed(&f->csv, bytes);
}

struct status frame_end(struct frame *f)
{
    TRY(csv_end(&f->csv));
    if (f->n_columns == 0)
        return fail(f->csv.errors, REASON_CSV_INVALID, "line 1: the file has no header");
    return ok();
}

void frame_done(struct frame *f)
{
    csv_done(&f->csv);
    free(f->cells);
    free(f->lines);
    f->cells = NULL;
    f->lines = NULL;
    arena_done(&f->text);
}

void frame_keep_last(struct frame *f, size_t n)
{
    if (n >= f->n_rows)
        return;
    memmove(f->cells, f->cells + (f->n_rows - n) * f->n_columns, n * f->n_columns * sizeof *f->cells);
    memmove(f->lines, f->lines + (f->n_rows - n), n * sizeof *f->lines);
    f->n_rows = n;
}
