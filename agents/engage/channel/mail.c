/* What leaves through a channel, and by which driver. */
#include "agents/engage/channel/channel.h"
#include "agents/engage/send/dkim.h"

static const char *or_null(const char *s)
{
    return *s ? s : NULL;
}

struct smtp_server channel_smtp(const Channel *channel, const Channel *secrets)
{
    static const enum transfer_tls tls[] = {
        [SMTP_SETTINGS__SECURITY_NONE] = TRANSFER_PLAIN,
        [SMTP_SETTINGS__SECURITY_STARTTLS] = TRANSFER_STARTTLS,
        [SMTP_SETTINGS__SECURITY_TLS] = TRANSFER_TLS,
    };
    const SmtpSettings *s = channel->smtp;
    struct smtp_server server = { s->host,
                                  (unsigned)s->port,
                                  tls[s->security],
                                  or_null(s->username),
                                  or_null(secrets->smtp->password),
                                  s->helo_name };
    return server;
}

struct webhook channel_webhook(const Channel *channel, const Channel *secrets)
{
    struct webhook w = { channel->webhook->url, str_of(secrets->webhook->signing_secret) };
    return w;
}

const char *channel_bounce_address(const Channel *channel)
{
    return *channel->smtp->bounce_address ? channel->smtp->bounce_address : channel->smtp->from_address;
}

struct status channel_mail(struct ctx *c, const Channel *channel, const Channel *secrets, struct mail *m,
                           struct str *ret)
{
    const SmtpSettings *s = channel->smtp;
    struct dkim_key key = { s->dkim_domain, s->dkim_selector, str_of(secrets->smtp->dkim_private_key) };
    struct str bytes;
    m->from = s->from_address;
    m->from_name = s->from_name;
    m->reply_to = s->reply_to;
    TRY(mime_compose(c->arena, m, &bytes));
    if (key.pem.n)
        return dkim_sign(c->arena, &key, bytes, m->date_us, ret);
    *ret = bytes;
    return ok();
}
