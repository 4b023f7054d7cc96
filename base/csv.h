/* csv.h: a streaming reader for RFC 4180 text. Push-style: bytes are fed as they arrive and every finished
 * record is handed to a callback, so that a file on disk and chunks from the wire are read by the same code.
 *
 * Accepted: CRLF, LF or lone CR line ends, quoted cells with separators, line ends and doubled quotes inside,
 * a UTF-8 byte order mark, a last record without a line end, empty lines (skipped). The separator is found
 * from the first record: the most frequent of , ; tab | outside quotes (comma where there is none). A quote
 * inside an unquoted cell is taken literally. Refused (CSV_INVALID, with the line): text after a closing
 * quote, a quote never closed, a NUL byte, a cell or a record over its limit. Cells are bytes: UTF-8 is the
 * caller's to check. Not thread-safe. */
#ifndef BASE_CSV_H
#define BASE_CSV_H

#include "base/buf.h"
#include "base/status.h"

C_BEGIN

#define CSV_CELL_MAX (64u * 1024)
#define CSV_COLUMNS_MAX 1024u
#define CSV_RECORD_MAX (4u * 1024 * 1024)

/* One record. The cells live until the callback returns. */
struct csv_row {
    const struct str *cells;
    size_t n;
    uint64_t line;   /* of the record's first character, from 1 */
    uint64_t offset; /* of the record's first byte in the input: where an interrupted import may resume */
    uint64_t index;  /* of the record, from 0; the header is 0 */
};

/* A failed status stops the reader; csv_feed returns it. */
typedef struct status (*csv_row_fn)(void *arg, const struct csv_row *row);

struct csv {
    csv_row_fn on_row;
    void *arg;
    struct arena *errors; /* messages are made here */
    struct buf text;      /* the record being read, quotes removed */
    struct buf head;      /* the first record's raw bytes, until the separator is known */
    size_t *ends;         /* end of each finished cell in text */
    struct str *cells;
    size_t n_cells;
    uint64_t line, row_line, quote_line; /* now; where the record, the last quoted cell began */
    uint64_t offset, row_offset, rows;
    unsigned char classes[256]; /* what a byte means once the separator is known */
    char separator;             /* 0 until found or set */
    uint8_t state;
    bool head_done;
    bool head_quoted; /* inside quotes while looking for the end of the first record */
    bool after_cr;    /* the last byte was a CR: a LF now belongs to it */
    bool in_record;   /* a record has begun */
};

/* separator 0: find it. Fails (no memory) with REQUEST_TOO_LARGE. */
MUSTCHECK struct status csv_init(struct csv *c, char separator, csv_row_fn on_row, void *arg,
                                 struct arena *errors);
/* Hands over every record finished by these bytes. After a failure the reader must only be done with. */
MUSTCHECK struct status csv_feed(struct csv *c, struct str bytes);
/* The input is over: hands over a last record that had no line end. */
MUSTCHECK struct status csv_end(struct csv *c);
void csv_done(struct csv *c);

/* Writes one cell, quoted where it must be (separator, quote, CR, LF, leading or trailing space). */
void csv_put(struct buf *b, struct str cell, char separator);

C_END
#endif
