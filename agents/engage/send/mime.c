#include "agents/engage/send/mime.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/ids.h"

#include <time.h>

#define MAIL_MAX (8u << 20)
#define ADDRESS_MAX 254
#define LOCAL_MAX 64
#define URL_MAX 900
#define LINE 76 /* wanted of headers, held by encoded words and bodies */

static const char HEX[] = "0123456789ABCDEF";

/* ---- What may stand in a header ---- */

static bool is_printable(unsigned char ch)
{
    return ch > ' ' && ch < 0x7f;
}

/* No byte could end the line or change what follows. Beyond ASCII everything is encoded later. */
static bool is_one_line(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return false;
    return true;
}

bool mail_address(struct str s)
{
    const char *at = s.n && s.n <= ADDRESS_MAX ? memchr(s.p, '@', s.n) : NULL;
    if (!at || at == s.p || at - s.p > LOCAL_MAX || at + 1 == s.p + s.n)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!is_printable((unsigned char)s.p[i]) || strchr("<>()[]\\,;:\"", s.p[i]) ||
            (s.p[i] == '@' && s.p + i != at))
            return false;
    return true;
}

static bool is_url(const char *s)
{
    struct str url = str_of(s);
    if (url.n > URL_MAX || (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://"))))
        return false;
    for (; *s; s++)
        if (!is_printable((unsigned char)*s) || *s == '<' || *s == '>')
            return false;
    return true;
}

static struct status check_address(struct arena *a, const char *field, const char *s)
{
    return mail_address(str_of(s)) ? ok()
                                   : fail_field(a, REASON_FIELD_INVALID, field, "is no address in ASCII");
}

static struct status check(struct arena *a, const struct mail *m)
{
    TRY(check_address(a, "from", m->from));
    TRY(check_address(a, "to", m->to));
    TRY(check_address(a, "message_id", m->message_id));
    if (*m->reply_to)
        TRY(check_address(a, "reply_to", m->reply_to));
    if (!is_one_line(m->from_name))
        return fail_field(a, REASON_FIELD_INVALID, "from_name", "holds a control character");
    if (!is_one_line(m->subject))
        return fail_field(a, REASON_FIELD_INVALID, "subject", "holds a control character");
    if (*m->unsubscribe_url && !is_url(m->unsubscribe_url))
        return fail_field(a, REASON_FIELD_INVALID, "unsubscribe_url", "is no http or https URL");
    return ok();
}

/* ---- Headers ---- */

/* Words of printable ASCII, one blank between two, each short enough for a line, and nothing that a reader
 * would decode. */
static bool is_plain(struct str s)
{
    size_t word = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool blank = s.p[i] == ' ';
        if (blank ? word == 0 || i + 1 == s.n : !is_printable((unsigned char)s.p[i]) || ++word > LINE / 2)
            return false;
        if (blank)
            word = 0;
        if (s.p[i] == '=' && i + 1 < s.n && s.p[i + 1] == '?')
            return false;
    }
    return true;
}

/* Whether every character may stand in a display name without quotes. */
static bool is_phrase(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (strchr("()<>[]:;@\\,.\"", s.p[i]))
            return false;
    return is_plain(s);
}

static void put_plain(struct buf *b, size_t column, struct str s)
{
    bool first = true;
    while (s.n) {
        struct str word = str_split(&s, ' ');
        bool fold = !first && column + 1 + word.n > LINE;
        buf_puts(b, first ? "" : fold ? "\r\n " : " ");
        buf_put(b, word.p, word.n);
        column = fold ? 1 + word.n : column + !first + word.n;
        first = false;
    }
}

/* RFC 2047, section 5 (3): what stands for itself in a phrase, and so everywhere. */
static bool is_raw(unsigned char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
           (ch && strchr("!*+-/", ch));
}

static size_t character(struct str s)
{
    size_t n = 1;
    while (n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n++;
    return n;
}

static size_t put_q(struct buf *b, unsigned char ch)
{
    if (ch == ' ' || is_raw(ch)) {
        buf_putc(b, ch == ' ' ? '_' : (char)ch);
        return 1;
    }
    buf_printf(b, "=%c%c", HEX[ch >> 4], HEX[ch & 15]);
    return 3;
}

/* Encoded words, none of which ends within a character. */
static void put_encoded(struct buf *b, size_t column, struct str s)
{
    const size_t frame = strlen("=?utf-8?Q?"
                                "?=");
    while (s.n) {
        size_t used = column + frame, n;
        buf_puts(b, "=?utf-8?Q?");
        while (s.n && used + 3 * (n = character(s)) <= LINE - 1) {
            for (size_t i = 0; i < n; i++)
                used += put_q(b, (unsigned char)s.p[i]);
            s = str_make(s.p + n, s.n - n);
        }
        buf_puts(b, s.n ? "?=\r\n " : "?=");
        column = 1;
    }
}

static void put_from(struct buf *b, const struct mail *m)
{
    struct str name = str_of(m->from_name);
    buf_puts(b, "From: ");
    if (name.n && is_phrase(name))
        put_plain(b, strlen("From: "), name);
    else
        put_encoded(b, strlen("From: "), name);
    buf_printf(b, name.n ? "\r\n <%s>\r\n" : "<%s>\r\n", m->from);
}

static void put_subject(struct buf *b, struct str subject)
{
    buf_puts(b, "Subject: ");
    if (is_plain(subject))
        put_plain(b, strlen("Subject: "), subject);
    else
        put_encoded(b, strlen("Subject: "), subject);
    buf_puts(b, "\r\n");
}

static void put_date(struct buf *b, int64_t us)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(us / US_PER_SECOND);
    struct tm t;
    gmtime_r(&seconds, &t);
    buf_printf(b, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", days + 3 * t.tm_wday, t.tm_mday,
               months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void put_headers(struct buf *b, const struct mail *m)
{
    put_from(b, m);
    buf_printf(b, "To: <%s>\r\n", m->to);
    if (*m->reply_to)
        buf_printf(b, "Reply-To: <%s>\r\n", m->reply_to);
    put_subject(b, str_of(m->subject));
    put_date(b, m->date_us);
    buf_printf(b, "Message-ID: <%s>\r\n", m->message_id);
    if (*m->unsubscribe_url)
        buf_printf(b, "List-Unsubscribe: <%s>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
                   m->unsubscribe_url);
    buf_puts(b, "MIME-Version: 1.0\r\n");
}

/* ---- Bodies ---- */

/* Whether the byte at the start of a line would mean something to who passes the mail on. */
static bool is_special_start(struct str rest)
{
    return rest.p[0] == '.' || str_starts(rest, STR("From "));
}

static bool ends_line(struct str rest)
{
    return rest.n == 0 || rest.p[0] == '\r' || rest.p[0] == '\n';
}

/* Quoted-printable. Any of LF, CR and CRLF ends a line. */
static void put_body(struct buf *b, struct str s)
{
    size_t column = 0;
    while (s.n) {
        struct str rest = str_make(s.p + 1, s.n - 1);
        unsigned char ch = (unsigned char)s.p[0];
        if (ends_line(s)) {
            bool both = ch == '\r' && rest.n && rest.p[0] == '\n';
            buf_puts(b, "\r\n");
            column = 0;
            s = both ? str_make(rest.p + 1, rest.n - 1) : rest;
            continue;
        }
        if (column + 3 > LINE - 1) {
            buf_puts(b, "=\r\n");
            column = 0;
        }
        bool raw = ch == ' ' || ch == '\t' ? !ends_line(rest) : is_printable(ch) && ch != '=';
        if (raw && !(column == 0 && is_special_start(s))) {
            buf_putc(b, (char)ch);
            column++;
        } else {
            buf_printf(b, "=%c%c", HEX[ch >> 4], HEX[ch & 15]);
            column += 3;
        }
        s = rest;
    }
    buf_puts(b, "\r\n");
}

static void put_part(struct buf *b, const char *subtype, const char *body)
{
    buf_printf(b,
               "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n",
               subtype);
    put_body(b, str_of(body));
}

/* "=_" is never part of quoted-printable text. */
static void put_alternatives(struct buf *b, const struct mail *m)
{
    unsigned char hash[SHA256_BYTES];
    char boundary[33];
    sha256(str_of(m->message_id), hash);
    hex_text(hash, sizeof boundary / 2, boundary);
    buf_printf(b, "Content-Type: multipart/alternative;\r\n boundary=\"=_%s\"\r\n\r\n--=_%s\r\n", boundary,
               boundary);
    put_part(b, "plain", m->text);
    buf_printf(b, "--=_%s\r\n", boundary);
    put_part(b, "html", m->html);
    buf_printf(b, "--=_%s--\r\n", boundary);
}

struct status mime_compose(struct arena *a, const struct mail *m, struct str *ret)
{
    struct buf b;
    TRY(check(a, m));
    buf_init(&b, MAIL_MAX);
    put_headers(&b, m);
    if (*m->text && *m->html)
        put_alternatives(&b, m);
    else
        put_part(&b, *m->html ? "html" : "plain", *m->html ? m->html : m->text);
    *ret = buf_keep(&b, a);
    return ret->p ? ok() : fail_memory();
}
