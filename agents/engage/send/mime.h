/* mime.h: a mail as the bytes that are handed to the provider: RFC 5322 headers, quoted-printable UTF-8 in
 * one part or in multipart/alternative (RFC 2045 to 2047), one-click unsubscription (RFC 8058).
 *
 * The same fields always give the same bytes: there is no clock and no chance in it. The bytes are ASCII in
 * lines of at most 998, ended by CRLF; no line starts with a dot. Any thread. */
#ifndef AGENTS_ENGAGE_SEND_MIME_H
#define AGENTS_ENGAGE_SEND_MIME_H

#include "base/status.h"

C_BEGIN

struct mail {
    const char *from_name;       /* "": none */
    const char *from, *to;       /* mail_address */
    const char *reply_to;        /* "": none */
    const char *subject;         /* one line */
    const char *text, *html;     /* one of them may be "" */
    const char *message_id;      /* as an address, without brackets */
    const char *unsubscribe_url; /* http or https; "": none */
    int64_t date_us;             /* wall time */
};

/* Whether it is an address that can be written to: name@domain in ASCII without comments or quotes, at most
 * 254 bytes. */
bool mail_address(struct str s);

/* In the arena. Fails: FIELD_INVALID with the field (a control character in a header above all),
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status mime_compose(struct arena *a, const struct mail *m, struct str *ret);

C_END
#endif
