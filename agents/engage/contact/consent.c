/* Consent: what leads say about being written to. */
#include "agents/engage/contact/consent.h"

#include "agents/engage/contact/address.h"
#include "agents/record/contact.h"
#include "agents/record/events.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"

#define LEDGER_SHOWN 100

/* ---- GetConsent ---- */

struct status get_consent(struct ctx *c, const GetConsentRequest *req, GetConsentResponse *res)
{
    struct lead_row lead;
    struct contact_row row;
    TRY(lead_load(c, req->name, "name", &lead));
    TRY(contact_load(c, lead.id, &row));
    res->contact = row.contact;
    return contact_ledger(c, lead.id, LEDGER_SHOWN, &res->entries, &res->n_entries);
}

/* ---- UpdateConsent ---- */

static void check_proof(struct checks *k, const char *parent, const Consent *said)
{
    check_length(k, parent, "source", said->source, 256);
    check_length(k, parent, "text_version", said->text_version, 128);
    check_length(k, parent, "ip_address", said->ip_address, 64);
    check_length(k, parent, "user_agent", said->user_agent, 512);
}

static struct status check_consent(struct ctx *c, const Consent *said)
{
    struct checks k = checks_start(c->arena);
    if (!said)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "consent", "must be given");
    if (!*said->purpose)
        check_fail(&k, REASON_FIELD_REQUIRED, "consent", "purpose", "must be given");
    purpose_check(&k, "consent", said->purpose);
    check_proof(&k, "consent", said);
    if (!said->state)
        check_fail(&k, REASON_FIELD_INVALID, "consent", "state", "must be GRANTED, WITHDRAWN or PAUSED");
    if ((said->state == CONSENT__STATE_PAUSED) != (said->pause_end_time != NULL))
        check_fail(&k, REASON_FIELD_INVALID, "consent", "pause_end_time",
                   "goes with PAUSED, and only with it");
    if (!time_valid(said->pause_end_time))
        check_fail(&k, REASON_FIELD_INVALID, "consent", "pause_end_time", TIME_INVALID);
    return k.s;
}

struct status update_consent(struct ctx *c, const UpdateConsentRequest *req, Consent *res)
{
    struct lead_row lead;
    struct contact_row row;
    TRY(check_consent(c, req->consent));
    TRY(lead_load(c, req->name, "name", &lead));
    TRY(contact_load(c, lead.id, &row));
    TRY(contact_say(c, &row, req->consent));
    TRY(contact_keep(c, &lead, &row));
    *res = *row.contact->consents[row.contact->n_consents - 1];
    return ok();
}

/* ---- Unsubscribe ---- */

struct subject {
    struct lead_row lead; /* lead.before is NULL where no lead has the address */
    const struct lead_identity *identities;
    size_t n;
};

static struct status subject_of_lead(struct ctx *c, const UnsubscribeRequest *req, struct subject *ret)
{
    struct lead_identity *all;
    if (*req->email || *req->phone)
        return fail_field(c->arena, REASON_FIELD_INVALID, "lead", "give one of lead, email and phone");
    TRY(lead_load(c, req->lead, "lead", &ret->lead));
    TRY(lead_identities(c, &ret->lead, &all, &ret->n));
    ret->identities = all;
    return ok();
}

static struct status subject_of_address(struct ctx *c, const UnsubscribeRequest *req, struct subject *ret)
{
    struct address *a = ARENA_NEW(c->arena, struct address);
    if (!a)
        return fail_memory();
    TRY(address_find(c, req->email, req->phone, a));
    *ret = (struct subject){ a->row, &a->identity, 1 };
    return ok();
}

static struct status check_unsubscribe(struct ctx *c, const UnsubscribeRequest *req, Consent *proof)
{
    struct checks k = checks_start(c->arena);
    proof->source = req->source;
    proof->ip_address = req->ip_address;
    proof->user_agent = req->user_agent;
    purpose_check(&k, "", req->purpose);
    check_proof(&k, "", proof);
    return k.s;
}

static bool ends(const UnsubscribeRequest *req, const Consent *s)
{
    return s->state != CONSENT__STATE_WITHDRAWN &&
           (!*req->purpose || strcmp(req->purpose, s->purpose) == 0) &&
           (!req->medium || req->medium == s->medium);
}

/* Each consent that the request covers ends with an entry of its own. Those for all media stay where only one
 * medium is meant: the suppression binds that one. */
static struct status withdraw(struct ctx *c, const UnsubscribeRequest *req, const Consent *proof,
                              struct contact_row *row, UnsubscribeResponse *res)
{
    size_t n = row->contact->n_consents;
    Consent **before = ARENA_ARRAY(c->arena, n + 1, Consent *);
    res->withdrawn = ARENA_ARRAY(c->arena, n + 1, Consent *);
    if (!before || !res->withdrawn)
        return fail_memory();
    if (n)
        memcpy(before, row->contact->consents, n * sizeof *before);
    for (size_t i = 0; i < n; i++) {
        Consent said = *proof;
        if (!ends(req, before[i]))
            continue;
        said.purpose = before[i]->purpose;
        said.medium = before[i]->medium;
        said.state = CONSENT__STATE_WITHDRAWN;
        TRY(contact_say(c, row, &said));
        res->withdrawn[res->n_withdrawn++] = row->contact->consents[row->contact->n_consents - 1];
    }
    return ok();
}

static struct status withdraw_of_lead(struct ctx *c, const UnsubscribeRequest *req, const Consent *proof,
                                      const struct lead_row *lead, UnsubscribeResponse *res)
{
    struct contact_row row;
    TRY(contact_load(c, lead->id, &row));
    TRY(withdraw(c, req, proof, &row, res));
    res->lead = row.contact->lead;
    if (res->n_withdrawn)
        return contact_keep(c, lead, &row);
    contact_touch(c, lead->id);
    return ok();
}

struct status unsubscribe(struct ctx *c, const UnsubscribeRequest *req, UnsubscribeResponse *res)
{
    const struct suppression what = { SUPPRESSION__CAUSE_UNSUBSCRIBE, req->purpose, req->medium };
    struct subject s;
    Consent proof = CONSENT_INIT;
    const char *name = "";
    TRY(check_unsubscribe(c, req, &proof));
    TRY(*req->lead ? subject_of_lead(c, req, &s) : subject_of_address(c, req, &s));
    TRY(suppression_add(c, s.identities, s.n, &what));
    if (s.lead.before)
        TRY(withdraw_of_lead(c, req, &proof, &s.lead, res));
    if (s.n)
        TRY(suppression_name(c, &s.identities[0], &name));
    event_note(c, "engage", "address.unsubscribed", s.lead.before ? res->lead : name);
    return ok();
}
