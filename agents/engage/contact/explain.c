/* ExplainSendDecision, GetSendPolicy, UpdateSendPolicy. */
#include "agents/engage/contact/address.h"
#include "agents/engage/contact/admit.h"
#include "agents/engage/contact/consent.h"
#include "agents/engage/contact/policy.h"
#include "agents/engage/contact/policy_sql.h"
#include "agents/engage/message/message.h"
#include "agents/record/events.h"
#include "agents/record/times.h"

/* ---- The policy ---- */

struct status get_send_policy(struct ctx *c, const GetSendPolicyRequest *req, SendPolicy *res)
{
    struct send_rules rules;
    (void)req;
    TRY(send_rules_load(c, &rules));
    *res = *rules.policy;
    return ok();
}

static struct status check_update(struct ctx *c, const UpdateSendPolicyRequest *req, int64_t *ret_version)
{
    struct send_rules before, after;
    if (!req->send_policy)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "send_policy", "must be given");
    TRY(send_rules_compile(c, req->send_policy, "send_policy", &after));
    TRY(send_rules_load(c, &before));
    *ret_version = before.policy->version + 1;
    if (*req->send_policy->etag && strcmp(req->send_policy->etag, before.policy->etag))
        return fail(c->arena, REASON_ETAG_MISMATCH, "the send policy has another etag now; read it again");
    return ok();
}

struct status update_send_policy(struct ctx *c, const UpdateSendPolicyRequest *req, SendPolicy *res)
{
    int64_t version = 0;
    TRY(check_update(c, req, &version));
    *res = *req->send_policy;
    res->version = version;
    res->create_time = time_message(c->arena, c->now_us);
    res->etag = arena_printf(c->arena, "%lld", (long long)version);
    struct str data = pb_pack(c->arena, res);
    if (!res->create_time || !res->etag || !data.p)
        return fail_memory();
    if (req->validate_only)
        return ok();
    UNIT_ADD(c->unit, &send_policy_sql[SEND_POLICY_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_int(version), v_int(c->now_us), v_bytes(data));
    event_note(c, "engage", "send_policy.updated", "sendPolicy");
    return ok();
}

/* ---- ExplainSendDecision ---- */

static struct status of_message(struct ctx *c, const ExplainSendDecisionRequest *req, struct gate_request *r,
                                struct lead_row *lead)
{
    struct message_row row;
    TRY(message_load(c, req->message, &row));
    const Message *m = row.message;
    *r = (struct gate_request){ m->purpose, m->medium, m->priority, c->now_us,
                                m->expire_time ? time_us(m->expire_time) : GATE_NEVER };
    return lead_load(c, m->lead, "message", lead);
}

static struct status of_plan(struct ctx *c, const ExplainSendDecisionRequest *req, struct gate_request *r,
                             struct lead_row *lead)
{
    struct checks k = checks_start(c->arena);
    if (!*req->purpose)
        check_fail(&k, REASON_FIELD_REQUIRED, "", "purpose", "must be given");
    if (!req->medium)
        check_fail(&k, REASON_FIELD_REQUIRED, "", "medium", "must be given");
    purpose_check(&k, "", req->purpose);
    if (!time_valid(req->expire_time))
        check_fail(&k, REASON_FIELD_INVALID, "", "expire_time", TIME_INVALID);
    TRY(k.s);
    *r = (struct gate_request){ req->purpose, req->medium, req->priority ? req->priority : PRIORITY_MEDIUM,
                                c->now_us, req->expire_time ? time_us(req->expire_time) : GATE_NEVER };
    return lead_load(c, req->lead, "lead", lead);
}

static const SendVerdict verdicts[] = {
    [GATE_PASS] = SEND_VERDICT_PASS,
    [GATE_DEFER] = SEND_VERDICT_WAIT,
    [GATE_REFUSE] = SEND_VERDICT_REFUSE,
};

_Static_assert((int)GATE_PRIORITY + 1 == SEND_GATE_PRIORITY && (int)GATE_PAUSE + 1 == SEND_GATE_PAUSE &&
                   (int)GATE_NAMES == SEND_GATE_PRIORITY,
               "SendGate is enum gate_name, from 1");

/* NULL for a time that is not known. */
static struct status known_time(struct ctx *c, int64_t us, Timestamp **ret)
{
    if (us == GATE_NEVER)
        return ok();
    *ret = time_message(c->arena, us);
    return *ret ? ok() : fail_memory();
}

static struct status show_gates(struct ctx *c, const struct gate_decision *d,
                                ExplainSendDecisionResponse *res)
{
    res->gates = ARENA_ARRAY(c->arena, GATE_NAMES, ExplainSendDecisionResponse__Gate *);
    if (!res->gates)
        return fail_memory();
    for (int i = 0; i < GATE_NAMES; i++) {
        ExplainSendDecisionResponse__Gate *g = PB_NEW(c->arena, ExplainSendDecisionResponse__Gate);
        if (!g)
            return fail_memory();
        g->gate = (SendGate)(i + 1);
        g->verdict = verdicts[d->lines[i].answer];
        if (d->lines[i].answer == GATE_DEFER)
            TRY(known_time(c, d->lines[i].until_us, &g->until_time));
        if (d->lines[i].answer != GATE_PASS)
            g->reason = (char *)gate_sentence((enum gate_name)i);
        res->gates[res->n_gates++] = g;
    }
    return ok();
}

struct status explain_send_decision(struct ctx *c, const ExplainSendDecisionRequest *req,
                                    ExplainSendDecisionResponse *res)
{
    struct gate_request r;
    struct gate_result *g;
    struct lead_row lead;
    TRY(*req->message ? of_message(c, req, &r, &lead) : of_plan(c, req, &r, &lead));
    TRY(gate_check(c, &r, &lead, &g));
    return send_decision_show(c, g, res);
}

struct status send_decision_show(struct ctx *c, const struct gate_result *g, ExplainSendDecisionResponse *res)
{
    res->verdict = verdicts[g->decision.answer];
    if (g->decision.decided_by != GATE_NAMES)
        res->decided_by = (SendGate)(g->decision.decided_by + 1);
    res->reason = (char *)g->reason;
    res->owner = g->contact.contact->owner;
    res->consent_entry = pb_str(c->arena, str_of(g->consent_entry));
    if (!res->consent_entry)
        return fail_memory();
    TRY(known_time(c, g->decision.next_us, &res->next_eligible_time));
    return show_gates(c, &g->decision, res);
}
