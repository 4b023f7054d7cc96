#include "base/json.h"

#define DEPTH_MAX 64

static const char HEX[] = "0123456789abcdef";

static struct str skip_space(struct str s)
{
    while (s.n && (*s.p == ' ' || *s.p == '\t' || *s.p == '\n' || *s.p == '\r'))
        s = str_make(s.p + 1, s.n - 1);
    return s;
}

/* Where a string that starts at s (its quote) ends; s.n where it does not. */
static size_t string_end(struct str s)
{
    size_t i = 1;
    while (i < s.n && s.p[i] != '"')
        i += s.p[i] == '\\' ? 2 : 1;
    return i < s.n ? i + 1 : s.n;
}

/* Length of the value at the start of s; 0 where there is none. */
static size_t value_length(struct str s)
{
    size_t i = 0;
    unsigned depth = 0;
    while (i < s.n) {
        char c = s.p[i];
        if (c == '"') {
            i += string_end(str_make(s.p + i, s.n - i));
            if (depth == 0)
                return i;
        } else if (c == '{' || c == '[') {
            if (++depth > DEPTH_MAX)
                return 0;
            i++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return i;
            i++;
            if (--depth == 0)
                return i;
        } else if (depth == 0 && (c == ',' || c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r')) {
            return i;
        } else {
            i++;
        }
    }
    return depth ? 0 : i;
}

static struct str after(struct str s, size_t n)
{
    return str_make(s.p + n, s.n - n);
}

/* Steps from an element to the next: past its value and the comma. False at the end. */
static bool step(struct str *s)
{
    size_t n = value_length(*s);
    *s = skip_space(after(*s, n));
    if (!n || !s->n || *s->p != ',')
        return false;
    *s = skip_space(after(*s, 1));
    return true;
}

/* Goes to the member's value; s starts behind the brace. */
static bool member(struct str *s, struct str name)
{
    do {
        if (!s->n || *s->p != '"')
            return false;
        size_t n = string_end(*s);
        struct str found = str_make(s->p + 1, n >= 2 ? n - 2 : 0);
        *s = skip_space(after(*s, n));
        if (!s->n || *s->p != ':')
            return false;
        *s = skip_space(after(*s, 1));
        if (str_eq(found, name))
            return true;
    } while (step(s));
    return false;
}

static bool element(struct str *s, int64_t place)
{
    while (place-- > 0)
        if (!step(s))
            return false;
    return s->n && *s->p != ']';
}

bool json_find(struct str json, const char *path, struct str *ret)
{
    struct str s = skip_space(json), rest = str_of(path);
    int64_t place;
    while (rest.n) {
        struct str part = str_split(&rest, '.');
        char opened = s.n ? *s.p : 0;
        s = s.n ? skip_space(after(s, 1)) : s;
        if (opened == '{' ? !member(&s, part)
                          : opened != '[' || !str_to_i64(part, &place) || place < 0 || !element(&s, place))
            return false;
    }
    size_t n = value_length(s);
    if (!n)
        return false;
    *ret = str_make(s.p, n);
    return true;
}

bool json_number(struct str json, const char *path, double *ret)
{
    struct str text;
    return json_find(json, path, &text) && str_to_f64(text, ret);
}

/* ---- Strings ---- */

static bool hex4(struct str s, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < 4; i++) {
        const char *digit = i < s.n ? memchr(HEX, s.p[i] | 0x20, sizeof HEX - 1) : NULL;
        if (!digit)
            return false;
        *ret = *ret << 4 | (uint32_t)(digit - HEX);
    }
    return true;
}

static void put_utf8(struct buf *to, uint32_t x)
{
    if (x >= 0x10000)
        buf_putc(to, (char)(0xf0 | x >> 18));
    if (x >= 0x800)
        buf_putc(to, (char)((x >= 0x10000 ? 0x80 | (x >> 12 & 0x3f) : 0xe0 | x >> 12)));
    if (x >= 0x80) {
        buf_putc(to, (char)(x >= 0x800 ? 0x80 | (x >> 6 & 0x3f) : 0xc0 | x >> 6));
        buf_putc(to, (char)(0x80 | (x & 0x3f)));
    } else {
        buf_putc(to, (char)x);
    }
}

/* What follows \u: four digits, or those of a surrogate pair. Its length; 0 where it is none. */
static size_t put_code(struct buf *to, struct str s)
{
    uint32_t x, low;
    if (!hex4(s, &x) || x == 0 || (x >= 0xdc00 && x < 0xe000))
        return 0;
    if (x < 0xd800 || x >= 0xe000) {
        put_utf8(to, x);
        return 4;
    }
    if (s.n < 10 || s.p[4] != '\\' || s.p[5] != 'u' || !hex4(after(s, 6), &low) || low < 0xdc00 ||
        low >= 0xe000)
        return 0;
    put_utf8(to, 0x10000 + ((x - 0xd800) << 10 | (low - 0xdc00)));
    return 10;
}

/* What follows a backslash. Its length; 0 where it is no escape. */
static size_t put_escape(struct buf *to, struct str s)
{
    static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
    const char *at = s.n ? memchr(names, *s.p, sizeof names - 1) : NULL;
    if (at)
        buf_putc(to, means[at - names]);
    if (at)
        return 1;
    size_t n = s.n && *s.p == 'u' ? put_code(to, after(s, 1)) : 0;
    return n ? n + 1 : 0;
}

/* The inside of a string literal. */
static bool put_text(struct buf *to, struct str s)
{
    while (s.n) {
        size_t n = 1;
        if (*s.p == '\\')
            n = 1 + put_escape(to, after(s, 1));
        else
            buf_putc(to, *s.p);
        if ((unsigned char)*s.p < 0x20 || (*s.p == '\\' && n == 1))
            return false;
        s = after(s, n);
    }
    return true;
}

bool json_text(struct str json, const char *path, struct buf *to)
{
    struct str literal;
    size_t before = to->n;
    if (!json_find(json, path, &literal) || literal.n < 2 || *literal.p != '"' ||
        literal.p[literal.n - 1] != '"' || !str_is_utf8(literal))
        return false;
    bool good = put_text(to, str_make(literal.p + 1, literal.n - 2)) && !to->overflow;
    if (!good)
        to->n = before;
    return good;
}
