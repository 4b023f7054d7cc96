#include "agents/engage/send/send.h"

#include <stdio.h>

#define URL_BYTES 600

/* RFC 5321: 421 hangs up, 454 does not let us in for now. A refusal before it comes to the mail is about us,
 * not about the mail: a password that was changed must not use up what waits. */
static enum send_outcome outcome(const struct transferred *t)
{
    switch (t->end) {
    case TRANSFER_FORBIDDEN:
        return SEND_FAILED;
    case TRANSFER_DOUBT:
        return SEND_UNKNOWN;
    case TRANSFER_LOST:
        return t->code ? SEND_BUSY : SEND_RETRY;
    case TRANSFER_ANSWERED:
        break;
    }
    if (t->code == 421 || t->code == 454)
        return SEND_BUSY;
    return t->code < 400 ? SEND_SENT : t->code < 500 ? SEND_RETRY : SEND_FAILED;
}

void smtp_send(struct transfer *t, const struct smtp_server *s, const struct send_limits *l, const char *from,
               const char *to, struct str mail, struct sent *ret)
{
    char url[URL_BYTES];
    struct exchange x;
    struct transferred came;
    memset(&x, 0, sizeof x);
    memset(ret, 0, sizeof *ret);
    snprintf(url, sizeof url, "%s://%s:%u/%s", s->tls == TRANSFER_TLS ? "smtps" : "smtp", s->host, s->port,
             s->helo);
    x.url = url;
    x.timeout_ms = l->timeout_ms;
    x.private_hosts = l->private_hosts;
    x.ca_file = l->ca_file;
    x.mail_from = from;
    x.mail_to = to;
    x.user = s->user;
    x.password = s->password;
    x.tls = s->tls;
    x.body = mail;
    transfer_run(t, &x, &came);
    ret->outcome = outcome(&came);
    ret->code = came.code;
    memcpy(ret->detail, came.text, sizeof ret->detail);
}
