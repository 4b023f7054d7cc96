/* frame.h: a whole data set as text in memory, for training. Fed with CSV bytes. */
#ifndef ML_FRAME_H
#define ML_FRAME_H

#include "base/csv.h"

C_BEGIN

struct frame {
    struct arena text; /* names and cells */
    struct str *names;
    size_t n_columns;
    struct str *cells; /* heap, row after row */
    uint64_t *lines;   /* heap: the file's line of each row */
    size_t n_rows, cap_rows, max_rows;
    struct csv csv;
};

/* Takes at most max_rows rows and max_bytes of text. Errors are made in `errors`. */
MUSTCHECK struct status frame_init(struct frame *f, size_t max_rows, size_t max_bytes, struct arena *errors);
/* Fails: CSV_INVALID (the reader's reasons; a row whose cell count is not the header's; a name given twice or
 * empty), REQUEST_TOO_LARGE. */
MUSTCHECK struct status frame_feed(struct frame *f, struct str bytes);
MUSTCHECK struct status frame_end(struct frame *f);
void frame_done(struct frame *f);

/* Forgets all rows but the last n. */
void frame_keep_last(struct frame *f, size_t n);

static inline struct str frame_cell(const struct frame *f, size_t row, size_t column)
{
    return f->cells[row * f->n_columns + column];
}

#define FRAME_NONE SIZE_MAX
/* The column's index, FRAME_NONE where there is none. */
size_t frame_column(const struct frame *f, struct str name);

C_END
#endif
