#include "agents/engage/contact/admit.h"

#include "agents/engage/contact/policy.h"
#include "agents/engage/gate/zones.h"
#include "agents/engage/message/message.h"
#include "agents/record/lead_text.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define PENDING_MAX 64 /* more important messages of one lead that are looked at */

_Static_assert(MEDIUM_CRM + 1 == GATE_MEDIA, "a medium is a place in the gate's tables");
_Static_assert(CONTACT_SENDS >= GATE_CAP_LIMIT && CONTACT_SENDS_US >= GATE_WINDOW_MAX, "caps are exact");
_Static_assert((int)GATE_HARD_BOUNCE == SUPPRESSION__CAUSE_HARD_BOUNCE &&
                   (int)GATE_COMPLAINT == SUPPRESSION__CAUSE_COMPLAINT &&
                   (int)GATE_UNSUBSCRIBE == SUPPRESSION__CAUSE_UNSUBSCRIBE &&
                   (int)GATE_MANUAL == SUPPRESSION__CAUSE_MANUAL &&
                   (int)GATE_ERASURE == SUPPRESSION__CAUSE_ERASURE,
               "causes of a suppression");
_Static_assert((int)GATE_GRANTED == CONSENT__STATE_GRANTED &&
                   (int)GATE_WITHDRAWN == CONSENT__STATE_WITHDRAWN &&
                   (int)GATE_CONSENT_PAUSED == CONSENT__STATE_PAUSED,
               "states of a consent");

/* ---- Facts about the lead ---- */

/* The field that a medium needs; LEAD_IDENTITIES where it needs none. */
static size_t address_field(Medium medium)
{
    static const size_t fields[GATE_MEDIA] = {
        [MEDIUM_EMAIL] = LEAD_EMAIL,       [MEDIUM_SMS] = LEAD_PHONE,      [MEDIUM_CHAT] = LEAD_IDENTITIES,
        [MEDIUM_IN_APP] = LEAD_IDENTITIES, [MEDIUM_ADS] = LEAD_IDENTITIES, [MEDIUM_CRM] = LEAD_IDENTITIES,
    };
    return fields[medium];
}

static bool has_address(const Lead *lead, Medium medium)
{
    size_t field = address_field(medium);
    return field == LEAD_IDENTITIES || *lead_text(lead, field);
}

/* The same for ever, whatever else changes. */
static struct status hold_out_point(struct ctx *c, const char *lead_id, uint64_t *ret)
{
    unsigned char digest[SHA256_BYTES];
    const char *key = arena_printf(c->arena, "hold-out %s", c->workspace);
    if (!key)
        return fail_memory();
    hmac_sha256(str_of(key), str_of(lead_id), digest);
    memcpy(ret, digest, sizeof *ret);
    return ok();
}

/* A bounce is of an address alone: one that the lead no longer has does not bind it. */
static bool concerns(const struct suppression_hit *h, const struct lead_identity *i)
{
    return h->what.cause != SUPPRESSION__CAUSE_HARD_BOUNCE || !i->moved;
}

static struct status suppressions(struct ctx *c, const struct lead_row *lead, struct gate_facts *f)
{
    struct lead_identity *all;
    struct suppression_hit *hits;
    size_t n, n_hits;
    TRY(lead_identities(c, lead, &all, &n));
    TRY(suppression_find(c, all, n, &hits, &n_hits));
    struct gate_suppression *to = ARENA_ARRAY(c->arena, n_hits + 1, struct gate_suppression);
    if (!to)
        return fail_memory();
    for (size_t i = 0; i < n_hits; i++) {
        const struct suppression *s = &hits[i].what;
        if (concerns(&hits[i], &all[hits[i].identity]))
            to[f->n_suppressions++] = (struct gate_suppression){ (enum gate_cause)s->cause, s->purpose,
                                                                 (int)s->medium, hits[i].time_us };
    }
    f->suppressions = to;
    return ok();
}

static struct status consents(struct ctx *c, const Contact *k, struct gate_facts *f)
{
    struct gate_consent *to = ARENA_ARRAY(c->arena, k->n_consents + 1, struct gate_consent);
    if (!to)
        return fail_memory();
    for (size_t i = 0; i < k->n_consents; i++) {
        const Consent *s = k->consents[i];
        to[i] = (struct gate_consent){ s->purpose,
                                       s->name,
                                       (int)s->medium,
                                       (enum gate_consent_state)s->state,
                                       time_us(s->create_time),
                                       time_us(s->pause_end_time) };
    }
    f->consents = to;
    f->n_consents = k->n_consents;
    return ok();
}

static struct status sends(struct ctx *c, const Contact *k, struct gate_facts *f)
{
    struct gate_send *to = ARENA_ARRAY(c->arena, k->n_sent + 1, struct gate_send);
    if (!to)
        return fail_memory();
    for (size_t i = 0; i < k->n_sent; i++)
        to[i] = (struct gate_send){ time_us(k->sent[i]->time), (int)k->sent[i]->medium };
    f->sends = to;
    f->n_sends = k->n_sent;
    return ok();
}

/* Else the gate of priority lets it pass. */
static bool minds_pending(const struct gate_purpose *rules)
{
    return !rules || rules->caps;
}

/* More important messages that count for caps. */
static struct status pending(struct ctx *c, const char *lead_id, const struct send_rules *rules,
                             struct gate_facts *f)
{
    struct message_waiting *all;
    size_t n;
    if (!minds_pending(f->rules))
        return ok();
    TRY(message_waiting(c, lead_id, (Priority)f->priority, PENDING_MAX, &all, &n));
    struct gate_pending *to = ARENA_ARRAY(c->arena, n + 1, struct gate_pending);
    if (!to)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        const struct gate_purpose *p = send_rules_purpose(rules, all[i].message->purpose);
        if (p && p->caps)
            to[f->n_pending++] = (struct gate_pending){ all[i].due_us, (int)all[i].message->medium,
                                                        (int)all[i].message->priority };
    }
    f->pending = to;
    return ok();
}

/* ---- Asking ---- */

static struct status gather(struct ctx *c, const struct lead_row *lead, const struct send_rules *rules,
                            const Contact *k, struct gate_facts *f)
{
    f->policy = &rules->gate;
    f->rules = send_rules_purpose(rules, f->purpose);
    f->has_address = has_address(lead->before, (Medium)f->medium);
    f->owned = *k->owner != 0;
    if (rules->gate.hold_out_below)
        TRY(hold_out_point(c, lead->id, &f->hold_out_point));
    TRY(suppressions(c, lead, f));
    TRY(consents(c, k, f));
    TRY(sends(c, k, f));
    return pending(c, lead->id, rules, f);
}

static const char *const sentences[GATE_NAMES + 1] = {
    [GATE_PAUSE] = "sending is paused",
    [GATE_EXPIRY] = "the message has expired",
    [GATE_PURPOSE] = "the send policy has no such purpose",
    [GATE_ADDRESS] = "the lead has no address for the medium",
    [GATE_SUPPRESSION] = "the address is suppressed",
    [GATE_CONSENT] = "the lead does not consent to it now",
    [GATE_OWNER] = "a person owns the conversation",
    [GATE_HOLD_OUT] = "the lead is held out",
    [GATE_QUIET_HOURS] = "it is quiet where the lead lives",
    [GATE_CAP] = "the lead had enough messages",
    [GATE_MAX_MEDIA] = "the lead is reached in enough ways",
    [GATE_PRIORITY] = "a more important message needs the slot",
    [GATE_NAMES] = "",
};

const char *gate_sentence(enum gate_name gate)
{
    return sentences[gate];
}

struct status gate_expect(struct ctx *c, const struct gate_request *r, const struct lead_row *lead)
{
    struct send_rules rules;
    struct lead_identity *all;
    size_t n;
    TRY(send_rules_load(c, &rules));
    TRY(lead_identities(c, lead, &all, &n));
    TRY(suppression_expect(c, all, n));
    contact_expect(c, lead->id);
    if (minds_pending(send_rules_purpose(&rules, r->purpose)))
        message_waiting_expect(c, lead->id, r->priority, PENDING_MAX);
    return ok();
}

/* A question to the gate with all that it is asked about. */
struct asked {
    struct gate_result result;
    struct gate_facts facts;
    struct send_rules rules;
    struct zones_of_lead zones;
};

struct status gate_check(struct ctx *c, const struct gate_request *r, const struct lead_row *lead,
                         struct gate_result **ret)
{
    struct asked *q = ARENA_NEW(c->arena, struct asked);
    if (!q)
        return fail_memory();
    struct gate_result *g = &q->result;
    struct gate_facts *f = &q->facts;
    f->now_us = r->now_us;
    f->expire_us = r->expire_us;
    f->purpose = r->purpose;
    f->medium = (int)r->medium;
    f->priority = (int)r->priority;
    TRY(send_rules_load(c, &q->rules));
    TRY(contact_load(c, lead->id, &g->contact));
    TRY(gather(c, lead, &q->rules, g->contact.contact, f));
    zones_of_lead(c->app->zones, lead->before->time_zone, lead->before->country,
                  q->rules.policy->default_time_zone, &q->zones);
    f->zones = q->zones.all;
    f->n_zones = q->zones.n;
    gate_decide(f, &g->decision);
    g->facts = f;
    g->reason = gate_sentence(g->decision.decided_by);
    g->counts = f->rules && f->rules->caps;
    g->consent_entry = f->rules && f->rules->consent && g->decision.consent ? g->decision.consent->entry : "";
    g->medium = r->medium;
    g->lead = lead;
    *ret = g;
    return ok();
}

struct status gate_admit(struct ctx *c, struct gate_result *r)
{
    ASSERT(r->decision.answer == GATE_PASS);
    if (r->counts)
        TRY(contact_sent(c, &r->contact, r->medium));
    return contact_keep(c, r->lead, &r->contact);
}
