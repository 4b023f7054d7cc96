#include "agents/engage/engage.h"

#include "agents/engage/channel/channel.h"
#include "agents/engage/chooser/chooser.h"
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

static void check_times(struct checks *k, struct ctx *c, const EngageLeadRequest *req, int64_t *ret_send,
                        int64_t *ret_expire)
{
    const Timestamp *send = req->send_time, *expire = req->expire_time;
    *ret_send = *ret_expire = 0;
    if (!time_valid(send))
        check_fail(k, REASON_FIELD_INVALID, "", "send_time", TIME_INVALID);
    if (!time_valid(expire))
        check_fail(k, REASON_FIELD_INVALID, "", "expire_time", TIME_INVALID);
    if (!is_ok(k->s))
        return;
    *ret_send = send ? MAX(time_us(send), c->now_us) : c->now_us;
    *ret_expire = expire ? time_us(expire) : *ret_send + EXPIRY_US;
    if (*ret_send > c->now_us + AHEAD_US)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "", "send_time", "at most a year ahead");
    if (*ret_expire <= *ret_send || *ret_expire > *ret_send + EXPIRY_MAX_US)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, "", "expire_time", "after send_time, at most 30 days");
}

static void check_way(struct checks *k, const EngageLeadRequest *req)
{
    if (!req->n_options) {
        if (!req->medium)
            check_fail(k, REASON_FIELD_REQUIRED, "", "medium", "must be set");
        return;
    }
    if (*req->template_)
        check_fail(k, REASON_FIELD_INVALID, "", "template", "not together with options");
    if (req->medium)
        check_fail(k, REASON_FIELD_INVALID, "", "medium", "not together with options");
    if (*req->channel)
        check_fail(k, REASON_FIELD_INVALID, "", "channel", "not together with options");
    options_check(k, "", req->options, req->n_options);
}

static struct status check(struct ctx *c, const EngageLeadRequest *req, int64_t *ret_send,
                           int64_t *ret_expire)
{
    struct checks k = checks_start(c->arena);
    check_way(&k, req);
    check_times(&k, c, req, ret_send, ret_expire);
    return k.s;
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

static struct status purpose_of(struct ctx *c, const char *template_name, const char **ret)
{
    const char *id;
    TRY(name_id(c->arena, template_name, "templates/", "template", &id));
    TRY(template_purpose(c, id, ret));
    return **ret ? ok() : fail(c->arena, REASON_TEMPLATE_NOT_FOUND, "%s is not in service", template_name);
}

/* ---- EngageLead ---- */

/* The ways that the request gives: its options, or the one. */
static struct status ways_of(struct ctx *c, const EngageLeadRequest *req, struct choosing *to)
{
    SendOption **one = ARENA_ARRAY(c->arena, 1, SendOption *), *only = PB_NEW(c->arena, SendOption);
    if (!one || !only)
        return fail_memory();
    only->template_ = req->template_;
    only->medium = req->medium;
    one[0] = only;
    to->options = req->n_options ? req->options : one;
    to->n = req->n_options ? req->n_options : 1;
    return ok();
}

/* Which way, and when. */
static struct status decide_way(struct ctx *c, const EngageLeadRequest *req, const struct choosing *what,
                                struct chosen *ret)
{
    *ret = (struct chosen){ what->options[0], "", what->from_us, NULL };
    for (size_t i = what->n; i-- > 0;)
        TRY(purpose_of(c, what->options[i]->template_, &ret->purpose));
    TRY(check_channel(c, req));
    return req->n_options || req->choose_hour ? choose(c, what, ret) : ok();
}

static struct status make(struct ctx *c, const EngageLeadRequest *req, const struct choosing *what,
                          const struct chosen *chosen, Message **ret)
{
    Message *m = PB_NEW(c->arena, Message);
    if (!m)
        return fail_memory();
    m->lead = what->lead->lead->name;
    m->medium = chosen->option->medium;
    m->purpose = (char *)chosen->purpose;
    m->priority = what->priority;
    m->template_ = chosen->option->template_;
    m->channel = req->channel;
    m->send_time = time_message(c->arena, chosen->send_us);
    m->expire_time = time_message(c->arena, req->expire_time ? what->expire_us : chosen->send_us + EXPIRY_US);
    if (chosen->decision)
        m->decision = chosen->decision->name;
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

static struct status keep(struct ctx *c, const struct lead_row *lead, const struct chosen *chosen, Message *m)
{
    TRY(message_add(c, m));
    return chosen->decision ? choice_keep(c, lead, chosen, m) : ok();
}

/* What the request asks for, checked and chosen. Adds nothing to the unit. */
static struct status plan(struct ctx *c, const EngageLeadRequest *req, const struct lead_row *lead,
                          struct chosen *ret_chosen, Message **ret)
{
    struct choosing what = { .lead = lead, .hour = req->choose_hour };
    TRY(check(c, req, &what.from_us, &what.expire_us));
    what.priority = req->priority ? req->priority : PRIORITY_MEDIUM;
    TRY(ways_of(c, req, &what));
    TRY(decide_way(c, req, &what, ret_chosen));
    return make(c, req, &what, ret_chosen, ret);
}

struct status engage_lead(struct ctx *c, const EngageLeadRequest *req, EngageLeadResponse *res)
{
    struct lead_row lead;
    struct chosen chosen;
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(plan(c, req, &lead, &chosen, &res->message));
    TRY(foresee(c, res->message, &lead, &res->decision));
    res->choice = chosen.decision ? chosen.decision->choice : NULL;
    return req->validate_only ? ok() : keep(c, &lead, &chosen, res->message);
}

struct status preview_message(struct ctx *c, const PreviewMessageRequest *req, PreviewMessageResponse *res)
{
    EngageLeadRequest as = ENGAGE_LEAD_REQUEST_INIT;
    struct lead_row lead;
    struct chosen chosen;
    Message *m;
    as.lead = req->lead;
    as.template_ = req->template_;
    as.medium = req->medium;
    as.channel = req->channel;
    as.priority = req->priority;
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(plan(c, &as, &lead, &chosen, &m));
    TRY(foresee(c, m, &lead, &res->decision));
    return delivery_preview(c, m, lead.lead, res);
}
