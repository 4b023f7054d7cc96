/* An attempt: the only place where messages leave. The gate let this one through in the commit before. */
#include "agents/engage/delivery/delivery_private.h"
#include "base/clock.h"

#define FRESH_US (US_PER_SECOND / 2) /* how long a claim stands: what is said within it may come too late */

/* What stood still for so long that its lease may end meanwhile is not sent: somebody else may have it. */
static bool lease_holds(const struct in_hand *h, int64_t mono_us)
{
    return mono_us < h->claimed_mono_us + FRESH_US && mono_us + ATTEMPT_US(h->app->send) < h->lease_mono_us;
}

bool may_go(const struct in_hand *h)
{
    return lease_holds(h, clock_mono_us()) && !pace_held(h->pace, pace_key(h), clock_wall_us());
}

void attempt(struct in_hand *h)
{
    if (h->channel.channel->smtp) {
        struct smtp_server server = channel_smtp(h->channel.channel, h->secrets);
        smtp_send(h->transfer, &server, h->app->send, channel_bounce_address(h->channel.channel),
                  h->frozen.to, h->frozen.bytes, &h->sent);
    } else {
        struct webhook w = channel_webhook(h->channel.channel, h->secrets);
        webhook_send(h->transfer, &w, h->app->send, h->row.message->transport_id, h->frozen.bytes,
                     clock_wall_us(), &h->sent);
    }
}
