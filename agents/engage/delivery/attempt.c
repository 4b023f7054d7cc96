/* An attempt: the only place where messages leave. The gate let this one through in the commit before. */
#include "agents/engage/delivery/delivery_private.h"
#include "base/clock.h"

/* What stood still for so long that its lease may end meanwhile is not sent: somebody else may have it. */
static bool lease_holds(const struct in_hand *h)
{
    return clock_mono_us() + ATTEMPT_US(h->app->send) < h->lease_mono_us;
}

void attempt(struct in_hand *h, int64_t now_us)
{
    memset(&h->sent, 0, sizeof h->sent);
    h->sent.outcome = SEND_RETRY;
    if (!lease_holds(h))
        return;
    if (h->channel.channel->smtp) {
        struct smtp_server server = channel_smtp(h->channel.channel, h->secrets);
        smtp_send(h->transfer, &server, h->app->send, channel_bounce_address(h->channel.channel),
                  h->frozen.to, h->frozen.bytes, &h->sent);
    } else {
        struct webhook w = channel_webhook(h->channel.channel, h->secrets);
        webhook_send(h->transfer, &w, h->app->send, h->row.message->transport_id, h->frozen.bytes, now_us,
                     &h->sent);
    }
}
