/* buf.h: bytes being written, with a limit stated at birth. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"

C_BEGIN

struct buf {
    char *p; /* heap, NUL-ended once anything was written; NULL before */
    size_t n, cap, limit;
    bool overflow; /* sticky: a write went over the limit or memory was out; later writes do nothing */
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);  /* frees; b may be initialised again */
void buf_clear(struct buf *b); /* empties, keeps the memory, clears overflow */
void buf_put(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* What was written, NUL-ended, in the arena; p is NULL over the limit of either. Frees b as buf_done does. */
struct str buf_keep(struct buf *b, struct arena *a);
/* A JSON string literal, quotes included. Bytes that are not UTF-8 become U+FFFD. */
void buf_json(struct buf *b, struct str s);
/* The shortest decimal that reads back as the same double; null for a value that is not finite. */
void buf_f64(struct buf *b, double v);

static inline struct str buf_str(const struct buf *b)
{
    return str_make(b->p ? b->p : "", b->n);
}

C_END
#endif
