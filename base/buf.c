#include "base/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t limit)
{
    memset(b, 0, sizeof *b);
    b->limit = limit;
}

void buf_done(struct buf *b)
{
    free(b->p);
    buf_init(b, b->limit);
}

struct str buf_keep(struct buf *b, struct arena *a)
{
    struct str kept = str_make(b->overflow ? NULL : arena_dup(a, buf_str(b)), b->n);
    buf_done(b);
    return kept;
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

static bool reserve(struct buf *b, size_t more)
{
    if (b->overflow || more > b->limit - b->n) {
        b->overflow = true;
        return false;
    }
    if (b->n + more < b->cap)
        return true;
    size_t cap = MAX((size_t)64, (b->n + more + 1) + (b->n + more) / 2);
    char *p = realloc(b->p, cap);
    if (!p) {
        b->overflow = true;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = 0;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
    buf_put(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        b->overflow = true;
    else if (reserve(b, (size_t)n)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

static size_t utf8_len(struct str s)
{
    for (size_t n = 1; n <= 4 && n <= s.n; n++)
        if (str_is_utf8(str_make(s.p, n)))
            return n;
    return 0;
}

void buf_json(struct buf *b, struct str s)
{
    buf_putc(b, '"');
    while (s.n) {
        unsigned char c = (unsigned char)s.p[0];
        size_t n = c < 0x80 ? 1 : utf8_len(s);
        if (n == 0)
            buf_puts(b, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_printf(b, "\\u%04x", c);
        else
            buf_put(b, s.p, n);
        n = MAX(n, (size_t)1);
        s = str_make(s.p + n, s.n - n);
    }
    buf_putc(b, '"');
}

void buf_f64(struct buf *b, double v)
{
    char text[40];
    if (!isfinite(v)) {
        buf_puts(b, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    buf_puts(b, text);
}
