/* transfer.h: one exchange with a provider, over connections that are kept. The only file that knows libcurl.
 *
 * What matters is told apart: whether the other side answered, and if not, whether it may have taken what was
 * handed over. No proxy, no redirect, no other protocol is followed; where an address is not of the public
 * internet (address.h) there is no connection, whatever the name in the URL meant a moment ago. */
#ifndef AGENTS_ENGAGE_SEND_TRANSFER_H
#define AGENTS_ENGAGE_SEND_TRANSFER_H

#include "base/status.h"

C_BEGIN

struct transfer; /* a holder of connections; one thread at a time uses it */

/* Its memory is the arena's, what it holds of libcurl's goes with transfer_close (NULL is allowed). Fails:
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status transfer_open(struct arena *a, struct transfer **ret);
void transfer_close(struct transfer *t);

enum transfer_tls { TRANSFER_PLAIN, TRANSFER_STARTTLS, TRANSFER_TLS };

struct exchange {
    const char *url; /* smtp://, smtps://, http:// or https:// */
    int64_t timeout_ms;
    const char *private_hosts; /* names or addresses with commas between: these may lie anywhere */
    const char *ca_file;       /* PEM; NULL: the system's authorities */
    /* Mail. `mail_from` NULL: HTTP. */
    const char *mail_from, *mail_to; /* mail_to NULL: connects and authenticates only */
    const char *user, *password;     /* NULL: none */
    enum transfer_tls tls;
    /* HTTP. */
    const char *const *headers; /* "Name: value", NULL-ended */
    struct str body;            /* the mail, or what is posted */
};

enum transfer_end {
    TRANSFER_ANSWERED,  /* `code` is what the other side says of this body */
    TRANSFER_FORBIDDEN, /* an address that may not be connected to */
    TRANSFER_LOST,      /* not taken: no connection, no login, or cut before the body's end. `code`: the last
                           answer if it was a refusal, else 0 */
    TRANSFER_DOUBT      /* no answer after the body's end: taken or not */
};

struct transferred {
    enum transfer_end end;
    int code;
    int64_t retry_after_ms; /* HTTP's Retry-After, a day at most; 0: none, or a time that has passed */
    char text[256];         /* the answer's text, or what went wrong; UTF-8 */
};

void transfer_run(struct transfer *t, const struct exchange *x, struct transferred *ret);

/* Whether the host is one of `private_hosts`. */
bool transfer_may_be_private(const char *private_hosts, const char *host);

/* The host of a URL of one of these schemes ("https" or "smtp smtps"), in the arena; NULL where it is none,
 * or carries a user, a password or a fragment. */
char *transfer_host(struct arena *a, const char *url, const char *scheme);

C_END
#endif
