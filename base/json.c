#include "base/json.h"

#define DEPTH_MAX 64

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
