#include "agents/engage/send/send.h"
#include "agents/engage/send/signature.h"
#include "base/clock.h"

#include <stdio.h>

#define HEADER_BYTES 256

/* An answer that says "not now". 409: another attempt with the key is under way there. */
static bool is_later(int code)
{
    return code == 408 || code == 409 || code == 425 || code >= 500;
}

static enum send_outcome outcome(const struct transferred *t)
{
    switch (t->end) {
    case TRANSFER_FORBIDDEN:
        return SEND_FAILED;
    case TRANSFER_DOUBT:
        return SEND_UNKNOWN;
    case TRANSFER_LOST:
        return SEND_RETRY;
    case TRANSFER_ANSWERED:
        break;
    }
    if (t->code == 429 || t->code == 503)
        return SEND_BUSY;
    return t->code < 300 ? SEND_SENT : is_later(t->code) ? SEND_RETRY : SEND_FAILED;
}

void webhook_send(struct transfer *t, const struct webhook *w, const struct send_limits *l, const char *key,
                  struct str body, int64_t now_us, struct sent *ret)
{
    char id[HEADER_BYTES], signature[HEADER_BYTES];
    const char *headers[] = { "Content-Type: application/json", "User-Agent: marketing-agents", id, signature,
                              NULL };
    struct exchange x;
    struct transferred came;
    memset(&x, 0, sizeof x);
    memset(ret, 0, sizeof *ret);
    snprintf(id, sizeof id, "Idempotency-Key: %s", key);
    char hex[SIGNATURE_HEX];
    if (!signature_make(w->secret, now_us / US_PER_SECOND, body, hex)) {
        ret->outcome = SEND_RETRY;
        return;
    }
    snprintf(signature, sizeof signature, SIGNATURE_HEADER ": t=%lld,v1=%s",
             (long long)(now_us / US_PER_SECOND), hex);
    x.url = w->url;
    x.timeout_ms = l->timeout_ms;
    x.private_hosts = l->private_hosts;
    x.ca_file = l->ca_file;
    x.headers = headers;
    x.body = body;
    transfer_run(t, &x, &came);
    ret->outcome = outcome(&came);
    ret->code = came.code;
    ret->retry_after_ms = came.retry_after_ms;
    memcpy(ret->detail, came.text, sizeof ret->detail);
}
