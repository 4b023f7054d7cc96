/* send.h: the drivers: one attempt to hand a message to a provider. They are called by the delivery loop, and
 * by TestChannel for a channel's own test, alone (tests/lint/ways_out.py); the gate stands before that. */
#ifndef AGENTS_ENGAGE_SEND_SEND_H
#define AGENTS_ENGAGE_SEND_SEND_H

#include "agents/engage/send/transfer.h"

C_BEGIN

enum send_outcome {
    SEND_SENT,   /* the provider has it */
    SEND_RETRY,  /* it has not, and may take it later */
    SEND_BUSY,   /* the same, and the channel has to wait: it asks so, or does not let us in */
    SEND_FAILED, /* it refuses for good */
    SEND_UNKNOWN /* it may have it or not */
};

struct sent {
    enum send_outcome outcome;
    int code;               /* the provider's last answer; 0: none */
    int64_t retry_after_ms; /* not before; 0: not told */
    char detail[256];       /* the provider's words, or what went wrong; UTF-8 */
};

/* What holds for all channels of a server. */
struct send_limits {
    int64_t timeout_ms;        /* one attempt */
    const char *private_hosts; /* transfer.h */
    const char *ca_file;       /* transfer.h */
};

struct smtp_server {
    const char *host;
    unsigned port;
    enum transfer_tls tls;
    const char *user, *password; /* NULL: none */
    const char *helo;            /* our name; "": this machine's */
};

/* The mail's bytes from an address to an address, both checked (mime.h). `to` NULL: connects and
 * authenticates only. */
void smtp_send(struct transfer *t, const struct smtp_server *s, const struct send_limits *l, const char *from,
               const char *to, struct str mail, struct sent *ret);

struct webhook {
    const char *url;
    struct str secret; /* of the signature */
};

/* Posts JSON with `Idempotency-Key: key` and `Marketing-Signature: t=<seconds>,v1=<hex>`, the HMAC-SHA256 of
 * "<seconds>.<body>" under the secret. The receiver is expected to act once on a key. */
void webhook_send(struct transfer *t, const struct webhook *w, const struct send_limits *l, const char *key,
                  struct str body, int64_t now_us, struct sent *ret);

C_END
#endif
