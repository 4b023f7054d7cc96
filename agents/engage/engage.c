#include "agents/engage/engage.h"

#include "agents/engage/channel/channel.h"
#include "agents/engage/contact/admit.h"
#include "agents/engage/contact/consent.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/message/message.h"
#include "agents/engage/template/templates.h"
#include "agents/record/checks.h"
#include "agents/record/leads.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define AHEAD_US (366 * US_PER_DAY)
#define EXPIRY_US (3 * US_PER_DAY)
#define EXPIRY_MAX_US (30 * US_PER_DAY)

/* ---- Checking ---- */

static bool is_time(const Timestamp *t)
{
    return t->nanos >= 0 && t->nanos <= 999999999 && t->seconds > 0 && t->seconds < INT64_C(253402300800);
}

static void check_times(struct checks *k, struct ctx *c, const EngageLeadRequest *req, int64_t *ret_send,
                        int64_t *ret_expire)
{
    const Timestamp *send = req->send_time, *expire = req->expire_time;
    *ret_send = *ret_expire = 0;
    if (send && !is_time(send))
        check_fail(k, REASON_FIELD_INVALID, "", "send_time", "not a time");
    if (expire && !is_time(expire))
        check_fail(k, REASON_FIELD_INVALID, "", "expire_time", "not a time");
    if (!is_ok(k->s))
        return;
    *ret_send = send ? MAX(time_us(send), c->now_us) : c->now_us;
    *ret_expire = expire ? time_us(expire) : *ret_send + EXPIRY_US;
    if (*ret_send > c->now_us + AHEAD_US)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "", "send_time", "at most a year ahead");
    if (*ret_expire <= *ret_send || *ret_expire > *ret_send + EXPIRY_MAX_US)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "", "expire_time", "after send_time, at most 30 days");
}

static void check_enums(struct checks *k, const EngageLeadRequest *req)
{
    if (!req->medium || !protobuf_c_enum_descriptor_get_value(&Medium_descriptor, (int)req->medium))
        check_fail(k, req->medium ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "", "medium",
                   "must be one that there is");
    if (!protobuf_c_enum_descriptor_get_value(&Priority_descriptor, (int)req->priority))
        check_fail(k, REASON_FIELD_INVALID, "", "priority", "is none that there is");
}

static struct status check_channel(struct ctx *c, const EngageLeadRequest *req)
{
    struct channel_row row;
    if (!*req->channel)
        return ok();
    TRY(channel_load(c, req->channel, &row));
    return row.channel->medium == req->medium
               ? ok()
               : fail_field(c->arena, REASON_FIELD_INVALID, "channel", "reaches by another medium");
}

static struct status purpose_of(struct ctx *c, const EngageLeadRequest *req, const char **ret)
{
    const char *id;
    TRY(name_id(c->arena, req->template_, "templates/", "template", &id));
    TRY(template_purpose(c, id, ret));
    return **ret ? ok() : fail(c->arena, REASON_TEMPLATE_NOT_FOUND, "%s is not in service", req->template_);
}

/* ---- EngageLead ---- */

static struct status make(struct ctx *c, const EngageLeadRequest *req, const struct lead_row *lead,
                          Message **ret)
{
    struct checks k = checks_start(c->arena);
    const char *purpose;
    int64_t send_us, expire_us;
    check_enums(&k, req);
    check_times(&k, c, req, &send_us, &expire_us);
    TRY(k.s);
    TRY(purpose_of(c, req, &purpose));
    TRY(check_channel(c, req));
    Message *m = PB_NEW(c->arena, Message);
    if (!m)
        return fail_memory();
    m->lead = lead->lead->name;
    m->medium = req->medium;
    m->purpose = (char *)purpose;
    m->priority = req->priority ? req->priority : PRIORITY_MEDIUM;
    m->template_ = req->template_;
    m->channel = req->channel;
    m->send_time = time_message(c->arena, send_us);
    m->expire_time = time_message(c->arena, expire_us);
    *ret = m;
    return m->send_time && m->expire_time ? ok() : fail_memory();
}

static struct status foresee(struct ctx *c, const Message *m, const struct lead_row *lead,
                             ExplainSendDecisionResponse **ret)
{
    const struct gate_request r = { m->purpose, m->medium, m->priority, time_us(m->send_time),
                                    time_us(m->expire_time) };
    struct gate_result *g;
    TRY(gate_check(c, &r, lead, &g));
    *ret = PB_NEW(c->arena, ExplainSendDecisionResponse);
    return *ret ? send_decision_show(c, g, *ret) : fail_memory();
}

struct status engage_lead(struct ctx *c, const EngageLeadRequest *req, EngageLeadResponse *res)
{
    struct lead_row lead;
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(make(c, req, &lead, &res->message));
    TRY(foresee(c, res->message, &lead, &res->decision));
    return req->validate_only ? ok() : message_add(c, res->message);
}

struct status preview_message(struct ctx *c, const PreviewMessageRequest *req, PreviewMessageResponse *res)
{
    EngageLeadRequest as = ENGAGE_LEAD_REQUEST_INIT;
    struct lead_row lead;
    Message *m;
    as.lead = req->lead;
    as.template_ = req->template_;
    as.medium = req->medium;
    as.channel = req->channel;
    as.priority = req->priority;
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(make(c, &as, &lead, &m));
    TRY(foresee(c, m, &lead, &res->decision));
    return delivery_preview(c, m, lead.lead, res);
}
