#include "agents/engage/feedback/mime_part.h"

#define BOUNDARY_MAX 70 /* RFC 2046 */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct str copy(struct arena *a, struct str s)
{
    return str_of(arena_dup(a, s));
}

/* The next line, without its end. False at the end. */
static bool next_line(struct str *rest, struct str *ret)
{
    if (rest->n == 0)
        return false;
    *ret = str_split(rest, '\n');
    if (ret->n && ret->p[ret->n - 1] == '\r')
        ret->n--;
    return true;
}

struct mime_part mime_split(struct str raw)
{
    struct str rest = raw, line;
    struct mime_part part = { raw, str_make("", 0) };
    while (next_line(&rest, &line))
        if (line.n == 0) {
            part.head = str_make(raw.p, (size_t)(line.p - raw.p));
            part.body = rest;
            break;
        }
    part.head.n = MIN(part.head.n, MIME_HEAD_MAX);
    return part;
}

/* ---- Fields ---- */

/* The value in the line, if it is a field of this name. */
static bool is_field(struct str line, const char *name, struct str *ret)
{
    struct str value = line, found = str_split(&value, ':');
    if (found.n == line.n || !str_eq_nocase(str_trim(found), str_of(name)) || is_blank(line.p[0]))
        return false;
    *ret = value;
    return true;
}

struct str mime_field(struct arena *a, struct str head, const char *name)
{
    struct str line, value = str_make("", 0), rest = head;
    bool found = false;
    while (!found && next_line(&rest, &line))
        found = line.n && is_field(line, name, &value);
    if (!found)
        return value;
    /* Up to the line that does not begin with a blank; line ends become blanks. */
    const char *end = value.p + value.n;
    while (next_line(&rest, &line) && line.n && is_blank(line.p[0]))
        end = line.p + line.n;
    char *text = arena_dup(a, str_make(value.p, (size_t)(end - value.p)));
    for (char *p = text; p && *p; p++)
        if (*p == '\r' || *p == '\n' || *p == '\t')
            *p = ' ';
    return str_trim(str_of(text));
}

/* ---- Types ---- */

/* The value of a parameter: a token, or a quoted string. */
static struct str parameter_value(struct arena *a, struct str s)
{
    s = str_trim(s);
    if (!s.n || s.p[0] != '"')
        return copy(a, str_trim(str_split(&s, ';')));
    char *text = arena_raw(a, s.n);
    size_t n = 0;
    for (size_t i = 1; text && i < s.n && s.p[i] != '"'; i++) {
        i += s.p[i] == '\\' && i + 1 < s.n;
        text[n++] = s.p[i];
    }
    return str_make(text ? text : "", n);
}

static struct str parameter(struct arena *a, struct str field, const char *name)
{
    bool quoted = false;
    for (size_t i = 0; i < field.n; i++) {
        quoted ^= field.p[i] == '"';
        if (field.p[i] != ';' || quoted)
            continue;
        struct str value = str_make(field.p + i + 1, field.n - i - 1);
        struct str found = str_split(&value, '=');
        if (str_eq_nocase(str_trim(found), str_of(name)))
            return parameter_value(a, value);
    }
    return str_make("", 0);
}

struct mime_type mime_type(struct arena *a, struct str head)
{
    struct str field = mime_field(a, head, "Content-Type"), rest = field;
    struct str type = str_trim(str_split(&rest, ';'));
    struct mime_type t = { type.n ? type : STR("text/plain"), parameter(a, field, "boundary") };
    char *text = arena_dup(a, t.type);
    for (char *p = text; p && *p; p++)
        *p = ascii_lower(*p);
    t.type = str_of(text);
    if (t.boundary.n > BOUNDARY_MAX)
        t.boundary.n = 0;
    return t;
}

/* ---- Parts ---- */

/* The line "--boundary"; *ret_last: with "--" behind it. */
static bool is_delimiter(struct str line, struct str boundary, bool *ret_last)
{
    size_t n = boundary.n + 2;
    line = str_trim(line);
    *ret_last = line.n == n + 2 && line.p[n] == '-' && line.p[n + 1] == '-';
    return (line.n == n || *ret_last) && line.p[0] == '-' && line.p[1] == '-' &&
           memcmp(line.p + 2, boundary.p, boundary.n) == 0;
}

/* What stands before the next delimiter, or all; goes on behind it. */
static struct str take(struct mime_parts *all)
{
    struct str from = all->rest, line;
    bool last;
    all->more = false;
    while (next_line(&all->rest, &line))
        if (is_delimiter(line, all->boundary, &last)) {
            all->more = !last;
            return str_make(from.p, (size_t)(line.p - from.p));
        }
    return from;
}

struct mime_parts mime_parts(struct str body, struct str boundary)
{
    struct mime_parts all = { body, boundary, false };
    if (boundary.n)
        (void)take(&all);
    return all;
}

bool mime_next(struct mime_parts *all, struct mime_part *ret)
{
    if (!all->more)
        return false;
    *ret = mime_split(take(all));
    return true;
}

/* ---- Transfer encodings ---- */

static int sextet(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static struct str from_base64(struct arena *a, struct str s)
{
    char *text = arena_raw(a, s.n / 4 * 3 + 3);
    unsigned bits = 0, have = 0;
    size_t n = 0;
    for (size_t i = 0; text && i < s.n && s.p[i] != '='; i++) {
        int six = sextet(s.p[i]);
        if (six < 0)
            continue; /* line ends, and what RFC 2045 says to ignore */
        bits = bits << 6 | (unsigned)six;
        have += 6;
        if (have >= 8) {
            have -= 8;
            text[n++] = (char)(bits >> have);
        }
    }
    return str_make(text ? text : "", n);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct str from_quoted(struct arena *a, struct str s)
{
    char *text = arena_raw(a, s.n);
    size_t n = 0;
    for (size_t i = 0; text && i < s.n; i++) {
        struct str left = str_make(s.p + i, s.n - i);
        if (s.p[i] != '=')
            text[n++] = s.p[i];
        else if (left.n > 1 && left.p[1] == '\n')
            i++;
        else if (left.n > 2 && left.p[1] == '\r' && left.p[2] == '\n')
            i += 2;
        else if (left.n > 2 && hex(left.p[1]) >= 0 && hex(left.p[2]) >= 0) {
            text[n++] = (char)(hex(left.p[1]) * 16 + hex(left.p[2]));
            i += 2;
        } else
            text[n++] = '=';
    }
    return str_make(text ? text : "", n);
}

struct str mime_decoded(struct arena *a, const struct mime_part *part)
{
    struct str encoding = mime_field(a, part->head, "Content-Transfer-Encoding");
    if (str_eq_nocase(encoding, STR("base64")))
        return from_base64(a, part->body);
    return str_eq_nocase(encoding, STR("quoted-printable")) ? from_quoted(a, part->body) : part->body;
}
