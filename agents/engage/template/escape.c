#include "agents/engage/template/escape.h"

/* ---- One line ---- */

/* Length of the control character or line separator that s starts with; 0 where it starts with another. */
static size_t breaking(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    if (p[0] < 0x20 || p[0] == 0x7f)
        return 1;
    if (s.n >= 2 && p[0] == 0xc2 && p[1] < 0xa0) /* U+0080 to U+009F */
        return 2;
    if (s.n >= 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) /* U+2028, U+2029 */
        return 3;
    return 0;
}

static void put_line(struct buf *out, struct str s)
{
    bool folding = false;
    while (s.n) {
        size_t n = breaking(s);
        if (n == 0)
            buf_putc(out, s.p[0]);
        else if (!folding)
            buf_putc(out, ' ');
        folding = n > 0;
        n = MAX(n, (size_t)1);
        s = str_make(s.p + n, s.n - n);
    }
}

size_t escape_line_length(struct str s)
{
    size_t i = 0;
    while (i < s.n && !breaking(str_make(s.p + i, s.n - i)))
        i++;
    return i;
}

/* ---- HTML ---- */

static const char *html_entity(char c)
{
    switch (c) {
    case '"':
        return "&#34;";
    case '&':
        return "&amp;";
    case '\'':
        return "&#39;";
    case '+':
        return "&#43;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    default:
        return NULL;
    }
}

static void put_html(struct buf *out, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        const char *entity = html_entity(s.p[i]);
        if (!entity)
            continue;
        buf_put(out, s.p + from, i - from);
        buf_puts(out, entity);
        from = i + 1;
    }
    buf_put(out, s.p + from, s.n - from);
}

/* ---- URLs ---- */

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

/* Quotes and parentheses are reserved too, but would end a quoted attribute or a CSS url(). */
static bool reserved(char c)
{
    return c && strchr("!#$&*+,/:;=?@[]", c);
}

static void put_percent(struct buf *out, char c)
{
    static const char digits[] = "0123456789abcdef";
    const char text[3] = { '%', digits[(unsigned char)c >> 4], digits[c & 15] };
    buf_put(out, text, sizeof text);
}

static void put_url_rest(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool escaped = c == '%' && i + 2 < s.n && is_hex(s.p[i + 1]) && is_hex(s.p[i + 2]);
        if (reserved(c))
            put_html(out, str_make(&c, 1));
        else if (unreserved(c) || escaped)
            buf_putc(out, c);
        else
            put_percent(out, c);
    }
}

static void put_url_query(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (unreserved(s.p[i]))
            buf_putc(out, s.p[i]);
        else
            put_percent(out, s.p[i]);
}

bool escape_url_allowed(struct str s)
{
    return str_starts_nocase(s, STR("https://")) || str_starts_nocase(s, STR("http://")) ||
           str_starts_nocase(s, STR("mailto:"));
}

static void put_url(struct buf *out, struct str s)
{
    if (escape_url_allowed(s))
        put_url_rest(out, s);
    else
        buf_puts(out, ESCAPE_BLOCKED_URL);
}

static void put_plain(struct buf *out, struct str s)
{
    buf_put(out, s.p, s.n);
}

void escape_put(struct buf *out, enum escape how, struct str value)
{
    static void (*const put[ESCAPES])(struct buf *, struct str) = {
        [ESCAPE_NONE] = put_plain, [ESCAPE_LINE] = put_line,         [ESCAPE_HTML] = put_html,
        [ESCAPE_URL] = put_url,    [ESCAPE_URL_REST] = put_url_rest, [ESCAPE_URL_QUERY] = put_url_query,
    };
    put[how](out, value);
}
