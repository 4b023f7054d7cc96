#include "agents/engage/delivery/track.h"

#include "agents/engage/template/markup.h"

#include <stdlib.h>

/* ---- Links ---- */

static bool is_link(struct str s)
{
    return str_starts_nocase(s, STR("https://")) || str_starts_nocase(s, STR("http://"));
}

static bool is_plain(struct str url)
{
    for (size_t i = 0; i < url.n; i++)
        if (url.p[i] <= ' ' || url.p[i] > '~')
            return false;
    return url.n <= TRACK_URL_MAX;
}

/* What stands for the link; NULL where it stays. */
static const char *replaced(const struct tracker *t, struct str url, size_t *n)
{
    if (!is_link(url) || !is_plain(url) || *n == TRACK_LINKS_MAX)
        return NULL;
    const char *other = t->replace(t->arg, url);
    *n += other != NULL;
    return other;
}

/* ---- Text ---- */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* The link at the start of s: up to a blank or a character that encloses links, without the punctuation of
 * the sentence around it. */
static struct str link_at(struct str s)
{
    size_t n = 0;
    while (n < s.n && s.p[n] > ' ' && s.p[n] <= '~' && !strchr("<>\"`{}|\\^", s.p[n]))
        n++;
    while (n && strchr(".,;:!?'()[]*_", s.p[n - 1]))
        n--;
    return str_make(s.p, n);
}

void track_text(struct buf *to, struct str text, const struct tracker *t)
{
    size_t n = 0, from = 0;
    for (size_t i = 0; i < text.n; i++) {
        struct str rest = str_make(text.p + i, text.n - i);
        if (!is_link(rest) || (i && is_word(text.p[i - 1])))
            continue;
        struct str url = link_at(rest);
        const char *other = replaced(t, url, &n);
        if (other) {
            buf_put(to, text.p + from, i - from);
            buf_puts(to, other);
            from = i + url.n;
        }
        i += url.n - 1;
    }
    buf_put(to, text.p + from, text.n - from);
}

/* ---- HTML ---- */

static const struct {
    const char *name;
    char c;
} references[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };

/* The character that &...; stands for; 0: it is another, or none of ASCII. */
static char referred(struct str name)
{
    for (size_t i = 0; i < COUNT(references); i++)
        if (str_eq(name, str_of(references[i].name)))
            return references[i].c;
    if (name.n < 2 || name.n > 5 || name.p[0] != '#')
        return 0;
    bool hex = name.p[1] == 'x' || name.p[1] == 'X';
    char digits[8] = "", *end;
    memcpy(digits, name.p + 1 + hex, name.n - 1 - hex);
    long code = strtol(digits, &end, hex ? 16 : 10);
    return *digits && !*end && code > ' ' && code <= '~' ? (char)code : 0;
}

/* A & that begins no reference: what looks like its name ends in =, as in "?a=1&b=2". */
static bool is_literal(struct str after)
{
    size_t n = 0;
    while (n < after.n && is_word(after.p[n]))
        n++;
    return n && n < after.n && after.p[n] == '=';
}

/* The value of an attribute as a browser reads it. False where it holds what is left to browsers. */
static bool decode(struct str value, char ret[TRACK_URL_MAX], size_t *ret_n)
{
    *ret_n = 0;
    for (size_t i = 0; i < value.n && *ret_n < TRACK_URL_MAX; i++) {
        const char *end = memchr(value.p + i, ';', MIN(value.n - i, 8));
        char c = value.p[i];
        if (c == '&' && !is_literal(str_make(value.p + i + 1, value.n - i - 1))) {
            c = end ? referred(str_make(value.p + i + 1, (size_t)(end - value.p) - i - 1)) : 0;
            if (!c)
                return false;
            i = (size_t)(end - value.p);
        }
        ret[(*ret_n)++] = c;
    }
    return *ret_n < TRACK_URL_MAX;
}

/* The names of the tag and the attribute that are being read, as pieces of the page. */
struct reading {
    struct markup markup;
    struct str page, element, attribute;
    size_t began; /* of the name or the value */
};

static bool is_target(const struct reading *r)
{
    return !r->markup.end_tag && str_eq_nocase(r->attribute, STR("href")) &&
           (str_eq_nocase(r->element, STR("a")) || str_eq_nocase(r->element, STR("area")));
}

/* Reads the i-th byte; true where the value of an attribute ended before it. False in *ret_sound: the page is
 * none that a template makes. */
static bool read_byte(struct reading *r, size_t i, bool *ret_sound)
{
    size_t at;
    enum markup_state before = r->markup.state;
    *ret_sound = markup_read(&r->markup, str_make(r->page.p + i, 1), &at) == NULL;
    enum markup_state now = r->markup.state;
    if (now == before)
        return false;
    struct str piece = str_make(r->page.p + r->began, i - r->began);
    if (before == MARKUP_NAME)
        r->element = piece;
    if (before == MARKUP_ATTRIBUTE)
        r->attribute = piece;
    if (now == MARKUP_NAME || now == MARKUP_ATTRIBUTE)
        r->began = i;
    if (now == MARKUP_VALUE)
        r->began = i + 1; /* behind the quote */
    return before == MARKUP_VALUE;
}

void track_html(struct buf *to, struct str html, const struct tracker *t)
{
    char url[TRACK_URL_MAX];
    size_t n = 0, from = 0, n_url;
    bool sound = true;
    struct reading r;
    memset(&r, 0, sizeof r);
    markup_start(&r.markup);
    r.page = html;
    for (size_t i = 0; i < html.n && sound; i++) {
        if (!read_byte(&r, i, &sound) || !is_target(&r))
            continue;
        struct str value = str_trim(str_make(html.p + r.began, i - r.began));
        const char *other = decode(value, url, &n_url) ? replaced(t, str_make(url, n_url), &n) : NULL;
        if (!other)
            continue;
        buf_put(to, html.p + from, (size_t)(value.p - html.p) - from);
        buf_puts(to, other);
        from = (size_t)(value.p - html.p) + value.n;
    }
    buf_put(to, html.p + from, html.n - from);
}

void track_picture(struct buf *to, struct str html, const char *url)
{
    size_t end = html.n;
    for (size_t i = html.n; i-- > 0 && end == html.n;)
        if (str_starts_nocase(str_make(html.p + i, html.n - i), STR("</body")))
            end = i;
    buf_put(to, html.p, end);
    buf_printf(to, "<img src=\"%s\" width=\"1\" height=\"1\" alt=\"\">", url);
    buf_put(to, html.p + end, html.n - end);
}
