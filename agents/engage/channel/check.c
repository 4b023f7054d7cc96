/* What a channel may say. */
#include "agents/engage/channel/channel_private.h"
#include "agents/engage/send/dkim.h"
#include "agents/record/checks.h"

#define NAME_MAX_BYTES 256
#define POSTAL_MAX 512
#define HOST_MAX 253
#define URL_MAX 2048
#define SECRET_MIN 16
#define SECRET_MAX 1024
#define KEY_MAX 16384
#define RATE_MIN 0.001
#define RATE_MAX 100000

static bool is_host(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
    return n > 0 && n <= HOST_MAX && s[n] == 0 && s[0] != '-' && s[0] != '.';
}

static bool is_line(const char *s, size_t max)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return n <= max;
}

static void check_host(struct checks *k, const char *field, const char *s, bool required)
{
    if (*s ? !is_host(s) : required)
        check_fail(k, *s ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "channel.smtp", field,
                   "must be a host's name or IPv4 address");
}

static void check_address(struct checks *k, const char *field, const char *s, bool required)
{
    if (*s ? !mail_address(str_of(s)) : required)
        check_fail(k, *s ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "channel.smtp", field,
                   "must be a mail address in ASCII");
}

static void check_login(struct checks *k, const SmtpSettings *s)
{
    if (s->security < SMTP_SETTINGS__SECURITY_NONE || s->security > SMTP_SETTINGS__SECURITY_TLS)
        check_fail(k, REASON_FIELD_INVALID, "channel.smtp", "security", "must be NONE, STARTTLS or TLS");
    if (!is_line(s->username, NAME_MAX_BYTES))
        check_fail(k, REASON_FIELD_INVALID, "channel.smtp", "username",
                   "must be one line of at most %d bytes", NAME_MAX_BYTES);
    if (!is_line(s->password, SECRET_MAX) || (*s->password != 0) != (*s->username != 0))
        check_fail(
            k, *s->password ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "channel.smtp", "password",
            "goes with a username, in one line of at most %d bytes; give it again for another host, port "
            "or username",
            SECRET_MAX);
    if (*s->password && s->security == SMTP_SETTINGS__SECURITY_NONE)
        check_fail(k, REASON_FIELD_INVALID, "channel.smtp", "security", "a password needs TLS or STARTTLS");
}

static void check_dkim(struct checks *k, const SmtpSettings *s)
{
    bool domain = *s->dkim_domain, selector = *s->dkim_selector, key = *s->dkim_private_key;
    check_host(k, "dkim_domain", s->dkim_domain, selector || key);
    check_host(k, "dkim_selector", s->dkim_selector, domain || key);
    if (key ? strlen(s->dkim_private_key) > KEY_MAX || !dkim_key_usable(str_of(s->dkim_private_key))
            : domain || selector)
        check_fail(k, key ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "channel.smtp", "dkim_private_key",
                   "must be a PEM key: RSA of 2048 bits or more, or Ed25519, without a password");
}

static void check_smtp(struct checks *k, const SmtpSettings *s)
{
    check_host(k, "host", s->host, true);
    if (s->port < 1 || s->port > 65535)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "channel.smtp", "port", "must be 1 to 65535");
    check_login(k, s);
    check_address(k, "from_address", s->from_address, true);
    check_address(k, "reply_to", s->reply_to, false);
    check_address(k, "bounce_address", s->bounce_address, false);
    check_host(k, "helo_name", s->helo_name, false);
    if (!is_line(s->from_name, NAME_MAX_BYTES))
        check_fail(k, REASON_FIELD_INVALID, "channel.smtp", "from_name",
                   "must be one line of at most %d bytes", NAME_MAX_BYTES);
    check_dkim(k, s);
}

/* Plain HTTP only where the operator vouches for the way. */
static bool is_url(struct ctx *c, const char *url)
{
    if (strlen(url) > URL_MAX || !is_line(url, URL_MAX))
        return false;
    if (transfer_host(c->arena, url, "https"))
        return true;
    const char *host = transfer_host(c->arena, url, "http");
    return host && transfer_may_be_private(c->app->send->private_hosts, host);
}

static void check_secret(struct checks *k, const char *parent, const char *secret)
{
    size_t n = strlen(secret);
    if (n < SECRET_MIN || n > SECRET_MAX)
        check_fail(k, n ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, parent, "signing_secret",
                   "must be %d to %d bytes", SECRET_MIN, SECRET_MAX);
}

static void check_webhook(struct ctx *c, struct checks *k, const WebhookSettings *w)
{
    if (!is_url(c, w->url))
        check_fail(k, *w->url ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "channel.webhook", "url",
                   "must be an https URL of at most %d bytes, without user and fragment", URL_MAX);
    check_secret(k, "channel.webhook", w->signing_secret);
}

static void check_transport(struct checks *k, const Channel *channel)
{
    if (!channel->medium)
        check_fail(k, REASON_FIELD_INVALID, "channel", "medium", "must be set");
    else if (channel->smtp && channel->medium != MEDIUM_EMAIL)
        check_fail(k, REASON_FIELD_INVALID, "channel", "smtp", "is for EMAIL");
    else if (channel->medium == MEDIUM_IN_APP ? channel->webhook != NULL
                                              : !channel->smtp == !channel->webhook)
        check_fail(k, REASON_FIELD_INVALID, "channel", "webhook",
                   "IN_APP has neither mail server nor webhook; every other medium has one of them");
}

static void check_rate(struct checks *k, const char *field, double rate)
{
    if (rate != 0 && !(rate >= RATE_MIN && rate <= RATE_MAX))
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "channel", field, "must be %g to %d, or 0", RATE_MIN,
                   RATE_MAX);
}

/* A link that stands in a message must lead here. */
static void check_tracking(struct ctx *c, struct checks *k, const Channel *channel)
{
    bool has_links = *c->app->public_url;
    if (channel->track_opens && (channel->medium != MEDIUM_EMAIL || !has_links))
        check_fail(k, REASON_FIELD_INVALID, "channel", "track_opens",
                   "is for EMAIL, and needs the option PUBLIC_URL");
    if (channel->track_clicks && (channel->medium == MEDIUM_IN_APP || !has_links))
        check_fail(k, REASON_FIELD_INVALID, "channel", "track_clicks",
                   "is not for IN_APP, and needs the option PUBLIC_URL");
}

struct status channel_check(struct ctx *c, const Channel *channel)
{
    struct checks k = checks_start(c->arena);
    if (!is_line(channel->display_name, NAME_MAX_BYTES))
        check_fail(&k, REASON_FIELD_INVALID, "channel", "display_name",
                   "must be one line of at most %d bytes", NAME_MAX_BYTES);
    check_length(&k, "channel", "postal_address", channel->postal_address, POSTAL_MAX);
    check_transport(&k, channel);
    check_tracking(c, &k, channel);
    check_rate(&k, "messages_per_second", channel->messages_per_second);
    check_rate(&k, "messages_per_second_per_domain", channel->messages_per_second_per_domain);
    if (channel->smtp)
        check_smtp(&k, channel->smtp);
    if (channel->webhook)
        check_webhook(c, &k, channel->webhook);
    if (channel->feedback)
        check_secret(&k, "channel.feedback", channel->feedback->signing_secret);
    return k.s;
}
