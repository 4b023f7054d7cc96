/* dkim.h: signatures over mails (RFC 6376; Ed25519 by RFC 8463), relaxed/relaxed, over every header that the
 * mail has; a second From is signed against. By OpenSSL. Any thread. */
#ifndef AGENTS_ENGAGE_SEND_DKIM_H
#define AGENTS_ENGAGE_SEND_DKIM_H

#include "base/status.h"

C_BEGIN

struct dkim_key {
    const char *domain, *selector; /* selector._domainkey.domain has the public half */
    struct str pem;                /* private: RSA of 2048 bits or more, or Ed25519 */
};

/* Whether a mail can be signed with it. */
bool dkim_key_usable(struct str pem);

/* The mail (as mime_compose makes it) with its DKIM-Signature on top, in the arena. The same arguments give
 * the same bytes. Fails: FIELD_INVALID (the key), REQUEST_TOO_LARGE. */
MUSTCHECK struct status dkim_sign(struct arena *a, const struct dkim_key *k, struct str mail, int64_t time_us,
                                  struct str *ret);

C_END
#endif
