/* TestChannel: the one way out that no message takes. What it sends says that it is a test. */
#include "agents/engage/channel/channel.h"
#include "base/ids.h"
#include "base/pb.h"

#define TIMEOUT_MS 10000 /* whoever tries it out waits for it, on a thread that few share */

static struct status test_mail(struct ctx *c, const struct channel_row *row, const Channel *secrets,
                               const char *to, struct str *ret)
{
    char id[ID_TEXT];
    struct mail m;
    memset(&m, 0, sizeof m);
    id_new(id);
    m.to = to;
    m.subject = arena_printf(c->arena, "Test of " CHANNELS "%s", row->id);
    m.text = "This message was sent to try out a channel. Nobody needs to answer it.";
    m.html = m.unsubscribe_url = "";
    m.message_id = arena_printf(c->arena, "test-%s%s", id, strchr(row->channel->smtp->from_address, '@'));
    m.date_us = c->now_us;
    if (!m.subject || !m.message_id)
        return fail_memory();
    return channel_mail(c, row->channel, secrets, &m, ret);
}

static struct status try_smtp(struct ctx *c, struct transfer *t, const struct send_limits *l,
                              const struct channel_row *row, const Channel *secrets, const char *to,
                              struct sent *ret)
{
    struct smtp_server server = channel_smtp(row->channel, secrets);
    struct str bytes = STR("");
    if (to)
        TRY(test_mail(c, row, secrets, to, &bytes));
    smtp_send(t, &server, l, channel_bounce_address(row->channel), to, bytes, ret);
    return ok();
}

static struct status try_webhook(struct ctx *c, struct transfer *t, const struct send_limits *l,
                                 const struct channel_row *row, const Channel *secrets, struct sent *ret)
{
    char id[ID_TEXT];
    struct webhook w = channel_webhook(row->channel, secrets);
    id_new(id);
    const char *key = arena_printf(c->arena, "test-%s", id);
    if (!key)
        return fail_memory();
    webhook_send(t, &w, l, key, STR("{\"type\":\"test\"}"), c->now_us, ret);
    return ok();
}

static struct status answer(struct ctx *c, const struct sent *sent, TestChannelResponse *res)
{
    res->accepted = sent->outcome == SEND_SENT;
    res->code = sent->code;
    res->detail = pb_str(c->arena, str_of(sent->detail));
    return res->detail ? ok() : fail_memory();
}

struct status test_channel(struct ctx *c, const TestChannelRequest *req, TestChannelResponse *res)
{
    struct channel_row row;
    struct transfer *t;
    struct sent sent;
    struct send_limits limits = *c->app->send;
    Channel *secrets;
    TRY(channel_load(c, req->name, &row));
    const char *to = *req->to_address ? req->to_address : NULL;
    if (to && (!row.channel->smtp || !mail_address(str_of(to))))
        return fail_field(c->arena, REASON_FIELD_INVALID, "to_address",
                          "must be a mail address in ASCII, and the channel a mail server");
    memset(&sent, 0, sizeof sent);
    if (!row.channel->smtp && !row.channel->webhook)
        return answer(c, &sent, res); /* what is stored is there */
    TRY(channel_secrets(c, &row, &secrets));
    db_read_done(c);
    limits.timeout_ms = MIN(limits.timeout_ms, TIMEOUT_MS);
    TRY(transfer_open(c->arena, &t));
    struct status s = row.channel->smtp ? try_smtp(c, t, &limits, &row, secrets, to, &sent)
                                        : try_webhook(c, t, &limits, &row, secrets, &sent);
    transfer_close(t);
    TRY(s);
    return answer(c, &sent, res);
}
