/* The secrets of a channel: apart from its settings, sealed. */
#include "agents/engage/channel/channel_private.h"
#include "base/ids.h"
#include "base/pb.h"
#include "base/seal.h"

static const char *const names[] = { "smtp.password", "smtp.dkim_private_key", "webhook.signing_secret",
                                     "feedback.signing_secret" };

/* Where the secret of that name lies; NULL where the channel has no such settings. */
static char **place(const Channel *channel, size_t i)
{
    char **places[] = {
        channel->smtp ? &channel->smtp->password : NULL,
        channel->smtp ? &channel->smtp->dkim_private_key : NULL,
        channel->webhook ? &channel->webhook->signing_secret : NULL,
        channel->feedback ? &channel->feedback->signing_secret : NULL,
    };
    return places[i];
}

static bool is_same_login(const SmtpSettings *a, const SmtpSettings *b)
{
    return a && b && strcmp(a->host, b->host) == 0 && a->port == b->port &&
           strcmp(a->username, b->username) == 0;
}

void channel_keep(Channel *channel, const Channel *stored, const Channel *secrets)
{
    for (size_t i = 0; i < COUNT(names); i++) {
        char **to = place(channel, i), **from = place(secrets, i);
        if (to && from && !**to)
            *to = *from;
    }
    SmtpSettings *smtp = channel->smtp;
    char **password = place(secrets, 0);
    if (smtp && password && smtp->password == *password && !is_same_login(smtp, stored->smtp))
        smtp->password = (char *)protobuf_c_empty_string;
    if (smtp && !*smtp->dkim_domain && !*smtp->dkim_selector)
        smtp->dkim_private_key = (char *)protobuf_c_empty_string;
}

struct status channel_detach(struct ctx *c, Channel *channel, Channel **ret)
{
    Channel *s = *ret = PB_NEW(c->arena, Channel);
    channel->secrets = ARENA_ARRAY(c->arena, COUNT(names), char *);
    channel->n_secrets = 0;
    if (!s || !channel->secrets || (channel->smtp && !(s->smtp = PB_NEW(c->arena, SmtpSettings))) ||
        (channel->webhook && !(s->webhook = PB_NEW(c->arena, WebhookSettings))) ||
        (channel->feedback && !(s->feedback = PB_NEW(c->arena, FeedbackSettings))))
        return fail_memory();
    for (size_t i = 0; i < COUNT(names); i++) {
        char **from = place(channel, i);
        if (!from || !**from)
            continue;
        *place(s, i) = *from;
        *from = (char *)protobuf_c_empty_string;
        channel->secrets[channel->n_secrets++] = (char *)names[i];
    }
    return ok();
}

/* ---- Sealing ---- */

static void make_key(struct ctx *c, unsigned char key[SHA256_BYTES])
{
    hmac_sha256(c->app->secret_key, STR("channel secrets"), key);
}

/* A row that was copied to another workspace or channel does not open. */
static const char *use(struct ctx *c, const char *id)
{
    return arena_printf(c->arena, "%s " CHANNELS "%s", c->workspace, id);
}

struct status channel_seal(struct ctx *c, const char *id, const Channel *secrets, struct str *ret)
{
    unsigned char key[SHA256_BYTES];
    struct str plain = pb_pack(c->arena, secrets);
    const char *what = use(c, id);
    char *sealed = plain.p ? arena_raw(c->arena, plain.n + SEAL_OVERHEAD) : NULL;
    if (!sealed || !what)
        return fail_memory();
    make_key(c, key);
    seal(key, what, plain, (unsigned char *)sealed);
    *ret = str_make(sealed, plain.n + SEAL_OVERHEAD);
    return ok();
}

struct status channel_secrets(struct ctx *c, const struct channel_row *row, Channel **ret)
{
    unsigned char key[SHA256_BYTES];
    const char *what = use(c, row->id);
    char *plain = arena_raw(c->arena, row->sealed.n);
    if (!plain || !what)
        return fail_memory();
    make_key(c, key);
    if (!seal_open(key, what, row->sealed, (unsigned char *)plain))
        return fail(c->arena, REASON_CHANNEL_STATE,
                    "the secrets of " CHANNELS "%s were stored under another SECRET_KEY: set them again",
                    row->id);
    *ret = PB_UNPACK(c->arena, Channel, str_make(plain, row->sealed.n - SEAL_OVERHEAD));
    return *ret ? ok() : fail_memory();
}
