/* What a channel's provider posts. */
#include "agents/engage/channel/channel.h"
#include "agents/engage/feedback/feedback_private.h"
#include "agents/engage/send/signature.h"
#include "agents/record/checks.h"
#include "base/clock.h"
#include "base/ids.h"

#define BODY_MAX (1u << 20)
#define MAX_AGE 300 /* seconds that a signature is good for */

/* The secret of a channel that takes reports; "" where there is none. */
static struct status find_secret(struct ctx *c, const char *name, const char **ret)
{
    struct channel_row row;
    Channel *secrets;
    *ret = "";
    struct status s = channel_load(c, name, &row);
    if (s.code == CODE_NOT_FOUND || s.code == CODE_INVALID_ARGUMENT)
        return ok();
    TRY(s);
    s = channel_secrets(c, &row, &secrets);
    if (s.reason == REASON_CHANNEL_STATE)
        return ok();
    TRY(s);
    if (secrets->feedback)
        *ret = secrets->feedback->signing_secret;
    return ok();
}

/* Whatever is wrong, the answer is the same: nobody learns which channels there are. */
static struct status admit(struct ctx *c, const ReceiveDeliveryEventsRequest *req)
{
    const char *secret, *workspace;
    struct str body = str_make((const char *)req->body.data, req->body.len);
    struct status wrong =
        fail(c->arena, REASON_SIGNATURE_INVALID, "the report bears no signature that is good for it");
    if (!is_ok(name_id(c->arena, req->workspace, "workspaces/", "workspace", &workspace)))
        return wrong;
    c->workspace = workspace;
    TRY(find_secret(c, req->channel, &secret));
    bool holds = signature_holds(str_of(secret), req->signature, body, c->now_us / US_PER_SECOND, MAX_AGE);
    return *secret && holds ? ok() : wrong;
}

struct status receive_delivery_events(struct ctx *c, const ReceiveDeliveryEventsRequest *req,
                                      ReceiveDeliveryEventsResponse *res)
{
    RecordDeliveryEventsResponse done = RECORD_DELIVERY_EVENTS_RESPONSE_INIT;
    const struct report_source source = { req->channel, req->channel };
    DeliveryEvent **events;
    size_t n;
    if (req->body.len > BODY_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "body", "must be at most %u bytes", BODY_MAX);
    TRY(admit(c, req));
    TRY(events_from_json(c, str_make((const char *)req->body.data, req->body.len), &events, &n));
    TRY(report_delivery(c, &source, events, n, "events", &done));
    res->statuses = done.statuses;
    res->n_statuses = done.n_statuses;
    res->recorded_count = done.recorded_count;
    res->duplicate_count = done.duplicate_count;
    return ok();
}
