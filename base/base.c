#include "base/base.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int str_cmp(struct str a, struct str b)
{
    size_t n = MIN(a.n, b.n);
    int c = n ? memcmp(a.p, b.p, n) : 0;
    return c ? c : (a.n > b.n) - (a.n < b.n);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && memcmp(s.p, prefix.p, prefix.n) == 0;
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    size_t i = 0;
    while (i < prefix.n && i < s.n && ascii_lower(s.p[i]) == ascii_lower(prefix.p[i]))
        i++;
    return i == prefix.n;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    while (s.n && is_space(s.p[0]))
        s = str_make(s.p + 1, s.n - 1);
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_split(struct str *s, char sep)
{
    const char *at = s->n ? memchr(s->p, sep, s->n) : NULL;
    struct str head = at ? str_make(s->p, (size_t)(at - s->p)) : *s;
    *s = at ? str_make(at + 1, s->n - head.n - 1) : str_make(s->p + s->n, 0);
    return head;
}

bool str_to_i64(struct str s, int64_t *ret)
{
    char text[32];
    char *end;
    if (s.n == 0 || s.n >= sizeof text || is_space(s.p[0]))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || end != text + s.n)
        return false;
    *ret = v;
    return true;
}

bool str_to_f64(struct str s, double *ret)
{
    char text[64];
    char *end;
    if (s.n == 0 || s.n >= sizeof text || is_space(s.p[0]) || memchr(s.p, 'x', s.n) || memchr(s.p, 'X', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = 0;
    double v = strtod(text, &end);
    if (end != text + s.n || !isfinite(v))
        return false;
    *ret = v;
    return true;
}

/* Bytes that follow a lead byte, and the lowest and highest first of them (Unicode 15, table 3-7). */
static size_t utf8_tail(unsigned char c, unsigned char *lo, unsigned char *hi)
{
    *lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef)
        return 2;
    if (c >= 0xf0 && c <= 0xf4)
        return 3;
    return 0;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        unsigned char lo, hi;
        uint64_t eight;
        if (end - p >= 8 && (memcpy(&eight, p, 8), (eight & 0x8080808080808080u) == 0)) {
            p += 8;
            continue;
        }
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t tail = utf8_tail(*p, &lo, &hi);
        if (tail == 0 || (size_t)(end - p) <= tail || p[1] < lo || p[1] > hi)
            return false;
        for (size_t i = 2; i <= tail; i++)
            if ((p[i] & 0xc0) != 0x80)
                return false;
        p += tail + 1;
    }
    return true;
}

void bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "level=fatal bug=\"%s\" at=%s:%d\n", what, file, line);
    abort();
}
