/* What is handed over, from the template's words; frozen with the message. */
#include "agents/engage/delivery/delivery_private.h"
#include "agents/engage/delivery/track.h"
#include "agents/engage/link/link.h"
#include "agents/engage/template/templates.h"
#include "agents/record/checks.h"
#include "base/buf.h"

#define BODY_MAX (4u << 20)

/* ---- Frozen: the address, a line end, the bytes ---- */

static struct status freeze(struct ctx *c, struct in_hand *h, const char *to, struct str bytes,
                            struct str *ret)
{
    size_t n = strlen(to);
    char *p = arena_raw(c->arena, n + 1 + bytes.n);
    if (!p)
        return fail_memory();
    memcpy(p, to, n);
    p[n] = '\n';
    memcpy(p + n + 1, bytes.p, bytes.n);
    *ret = str_make(p, n + 1 + bytes.n);
    h->frozen.to = to;
    h->frozen.bytes = bytes;
    return ok();
}

void unfreeze(struct in_hand *h, struct str bytes)
{
    struct str rest = bytes, to = str_split(&rest, '\n');
    ((char *)to.p)[to.n] = 0; /* where the line end was */
    h->frozen.to = to.p;
    h->frozen.bytes = rest;
}

/* ---- Mail ---- */

static struct status freeze_mail(struct ctx *c, struct in_hand *h, const Lead *lead,
                                 const char *unsubscribe_url, struct str *ret)
{
    Message *m = h->row.message;
    const SmtpSettings *s = h->channel.channel->smtp;
    struct mail mail;
    struct str bytes;
    memset(&mail, 0, sizeof mail);
    m->transport_id = arena_printf(c->arena, "%s%s", h->id, strchr(s->from_address, '@'));
    if (!m->transport_id)
        return fail_memory();
    mail.to = lead->email;
    mail.subject = h->said.subject.p;
    mail.text = h->said.text.p;
    mail.html = h->said.html.p;
    mail.message_id = m->transport_id;
    mail.unsubscribe_url = unsubscribe_url ? unsubscribe_url : "";
    mail.date_us = c->now_us;
    TRY(channel_mail(c, h->channel.channel, h->secrets, &mail, &bytes));
    return freeze(c, h, lead->email, bytes, ret);
}

/* ---- Webhook ---- */

static const char *address(const Lead *lead, Medium medium)
{
    switch (medium) {
    case MEDIUM_EMAIL:
    case MEDIUM_ADS:
        return lead->email;
    case MEDIUM_SMS:
    case MEDIUM_CHAT:
        return lead->phone;
    default:
        return lead->external_id;
    }
}

static void put(struct buf *b, const char *name, struct str value)
{
    buf_puts(b, b->n ? "," : "{");
    buf_json(b, str_of(name));
    buf_putc(b, ':');
    buf_json(b, value);
}

static struct status keep(struct ctx *c, struct buf *b, struct str *ret)
{
    *ret = buf_keep(b, c->arena);
    return ret->p && !c->arena->overflow ? ok() : fail_memory();
}

static struct status freeze_post(struct ctx *c, struct in_hand *h, const Lead *lead, struct str *ret)
{
    Message *m = h->row.message;
    bool by_id = m->medium == MEDIUM_IN_APP || m->medium == MEDIUM_CRM;
    const char *to = address(lead, m->medium);
    struct str bytes;
    struct buf b;
    m->transport_id = (char *)h->id;
    buf_init(&b, BODY_MAX);
    put(&b, "type", STR("message"));
    put(&b, "message", str_of(m->name));
    put(&b, "lead", str_of(lead->name));
    put(&b, "purpose", str_of(m->purpose));
    put(&b, "to", str_of(to));
    put(&b, "locale", str_of(h->said.locale));
    put(&b, "subject", h->said.subject);
    put(&b, "text", h->said.text);
    put(&b, "html", h->said.html);
    buf_putc(&b, '}');
    TRY(keep(c, &b, &bytes));
    return freeze(c, h, by_id ? "" : to, bytes, ret);
}

/* ---- Links of our own ---- */

struct linking {
    struct ctx *c;
    const Message *message;
};

/* Our own links, as the one to unsubscribe, stay. */
static const char *lead_on(void *arg, struct str url)
{
    const struct linking *l = arg;
    size_t n = strlen(l->c->app->public_url);
    if (url.n >= n && memcmp(url.p, l->c->app->public_url, n) == 0)
        return NULL;
    return click_url(l->c, l->message, url);
}

static struct status track_clicks(struct linking *l, struct form_message *said)
{
    const struct tracker t = { lead_on, l };
    struct buf b;
    buf_init(&b, BODY_MAX);
    track_text(&b, said->text, &t);
    TRY(keep(l->c, &b, &said->text));
    buf_init(&b, BODY_MAX);
    track_html(&b, said->html, &t);
    return keep(l->c, &b, &said->html);
}

static struct status track_opens(struct linking *l, struct form_message *said)
{
    struct buf b;
    const char *url = open_url(l->c, l->message);
    if (!url)
        return fail_memory();
    buf_init(&b, BODY_MAX);
    track_picture(&b, said->html, url);
    return keep(l->c, &b, &said->html);
}

static struct status track(struct ctx *c, const Message *m, const Channel *channel, struct form_message *said)
{
    struct linking l = { c, m };
    if (!*c->app->public_url)
        return ok();
    if (channel->track_clicks)
        TRY(track_clicks(&l, said));
    return channel->track_opens && said->html.n ? track_opens(&l, said) : ok();
}

/* ---- Rendering ---- */

struct status words(struct ctx *c, struct in_hand *h, const Lead *lead, struct str *ret)
{
    Message *m = h->row.message;
    const Channel *channel = h->channel.channel;
    struct form_request r;
    const char *id, *unsubscribe_url = c->app->unsubscribe_url ? c->app->unsubscribe_url(c, m) : NULL;
    memset(&r, 0, sizeof r);
    TRY(name_id(c->arena, m->template_, "templates/", "template", &id));
    if (!m->template_version)
        TRY(template_serving(c, id, &m->template_version));
    r.medium = m->medium;
    r.locale = "";
    r.lead = lead;
    r.system[FORM_UNSUBSCRIBE_URL] = unsubscribe_url;
    r.system[FORM_SENDER_NAME] =
        channel->smtp && *channel->smtp->from_name ? channel->smtp->from_name : channel->display_name;
    r.system[FORM_SENDER_EMAIL] = channel->smtp ? channel->smtp->from_address : "";
    r.system[FORM_SENDER_ADDRESS] = channel->postal_address;
    TRY(template_render(c, id, m->template_version, &r, &h->said));
    TRY(track(c, m, channel, &h->said));
    return channel->smtp ? freeze_mail(c, h, lead, unsubscribe_url, ret) : freeze_post(c, h, lead, ret);
}
