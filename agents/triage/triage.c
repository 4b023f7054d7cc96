#include "agents/triage/triage.h"

#include "agents/record/decisions.h"
#include "agents/record/events.h"
#include "agents/record/lead_text.h"
#include "agents/record/row_status.h"
#include "agents/record/times.h"
#include "agents/triage/one.h"
#include "agents/triage/stored.h"
#include "base/clock.h"

#include <math.h>

#define REASONS_GIVEN 3

/* ---- Deciding ---- */

static struct status add_reasons(struct ctx *c, const struct decide_inputs *in,
                                 const struct decide_with *with, Decision *d)
{
    struct reasons why;
    TRY(decide_reasons(c->arena, in, with->scorer, &why));
    d->contributions = why.parts;
    d->n_contributions = MIN(why.n, REASONS_GIVEN);
    return ok();
}

/* Decides on a lead as it is with what is in service; reads and stores nothing else. The decision carries its
 * inputs, and reasons where asked for. */
static struct status decide_on_lead(struct ctx *c, const Lead *lead, bool explain, Decision **ret)
{
    struct decide_inputs in;
    struct decide_with with;
    TRY(lead_fields(c, lead, &in.fields, &in.n));
    in.engagement = lead->engagement;
    in.decide_us = c->now_us;
    TRY(with_in_service(c, &with));
    TRY(decide(c->arena, &in, &with, ret));
    TRY(decide_inputs_keep(c->arena, &in, &(*ret)->inputs));
    return explain ? add_reasons(c, &in, &with, *ret) : ok();
}

/* ---- Recording ---- */

/* What the lead keeps of its last decision. */
static LeadTriage *summary(struct arena *a, const Decision *d)
{
    LeadTriage *t = PB_NEW(a, LeadTriage);
    if (!t)
        return NULL;
    t->decision = d->name;
    t->category = d->category;
    t->destination = d->destination;
    t->priority = d->priority;
    t->fit_score = d->fit->probability;
    t->engagement_score = d->engagement->score;
    t->decide_time = d->create_time;
    return t;
}

struct status decision_record(struct ctx *c, struct lead_row *row, Decision *d, const char *action)
{
    Lead *lead = row->lead;
    d->lead = lead->name;
    d->supersedes = lead->triage ? lead->triage->decision : (char *)protobuf_c_empty_string;
    TRY(decision_name(c, d));
    TRY(decision_add(c, row, d));
    lead->triage = summary(c->arena, d);
    if (!lead->triage)
        return fail_memory();
    struct event e = {
        AGENT_TYPE_TRIAGE, "triage", action, lead->name, "", d->name, pb_pack(c->arena, lead->triage)
    };
    if (!e.payload.p)
        return fail_memory();
    event_add(c, &e);
    return ok();
}

struct status triage_decide(struct ctx *c, struct lead_row *row, bool explain, Decision **ret)
{
    TRY(decide_on_lead(c, row->lead, explain, ret));
    return decision_record(c, row, *ret, "lead.triaged");
}

/* Before the decision: from then on every lead has changed. */
static void announce_row(struct ctx *c, const struct lead_row *row)
{
    if (!row->before)
        event_note(c, "lead", "lead.created", row->lead->name);
    else if (lead_changed(row))
        event_note(c, "lead", "lead.updated", row->lead->name);
}

/* ---- TriageLead ---- */

static bool says_nothing(const Lead *l)
{
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        if (*lead_text(l, i))
            return false;
    return !l->n_attributes && !*l->name;
}

struct status lead_given(struct ctx *c, Lead *lead, const char *field)
{
    if (!lead)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, field, "must be given");
    TRY(lead_check(c, lead, field));
    if (says_nothing(lead))
        return fail_field(c->arena, REASON_FIELD_REQUIRED, field,
                          "must hold an identity, a field or an attribute");
    return ok();
}

static struct status find_lead(struct ctx *c, const TriageLeadRequest *req, struct lead_row *row)
{
    if (*req->lead_name && req->lead)
        return fail_field(c->arena, REASON_FIELD_INVALID, "lead_name", "give either lead or lead_name");
    if (*req->lead_name)
        return lead_load(c, req->lead_name, "lead_name", row);
    TRY(lead_given(c, req->lead, "lead"));
    return lead_resolve(c, req->lead, row);
}

Decision *decision_basic(struct arena *a, const Decision *d)
{
    Decision *basic = arena_raw(a, sizeof *basic);
    if (!basic)
        return NULL;
    *basic = *d;
    basic->inputs = NULL;
    return basic;
}

static struct status try_only(struct ctx *c, const TriageLeadRequest *req, const struct lead_row *row,
                              TriageLeadResponse *res)
{
    Decision *d;
    TRY(decide_on_lead(c, row->lead, req->explain, &d));
    if (row->before)
        d->lead = res->lead = row->lead->name;
    res->decision = decision_basic(c->arena, d);
    return res->decision ? ok() : fail_memory();
}

/* Decides on the lead; decision and lead are in the unit. */
static struct status decide_and_save(struct ctx *c, struct lead_row *row, bool explain, Decision **ret)
{
    announce_row(c, row);
    TRY(triage_decide(c, row, explain, ret));
    return lead_save(c, row, REASON_CONFLICT);
}

struct status triage_lead(struct ctx *c, const TriageLeadRequest *req, TriageLeadResponse *res)
{
    struct lead_row row;
    Decision *d;
    c->ask_store |= req->validate_only;
    TRY(find_lead(c, req, &row));
    res->lead_created = !row.before;
    if (req->validate_only)
        return try_only(c, req, &row, res);
    TRY(decide_and_save(c, &row, req->explain, &d));
    res->lead = row.lead->name;
    res->decision = decision_basic(c->arena, d);
    return res->decision ? ok() : fail_memory();
}

/* ---- ScoreLead ---- */

/* The only place where a caller's engagement counts. */
static struct status check_engagement(struct ctx *c, const EngagementState *e)
{
    if (!e)
        return ok();
    if (!(e->value >= 0) || !isfinite(e->value))
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "lead.engagement.value",
                          "must not be negative");
    return time_valid(e->as_of_time)
               ? ok()
               : fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "lead.engagement.as_of_time", TIME_INVALID);
}

struct status score_lead(struct ctx *c, const ScoreLeadRequest *req, ScoreLeadResponse *res)
{
    Decision *d;
    TRY(lead_given(c, req->lead, "lead"));
    TRY(check_engagement(c, req->lead->engagement));
    TRY(decide_on_lead(c, req->lead, req->explain, &d));
    res->decision = decision_basic(c->arena, d);
    return res->decision ? ok() : fail_memory();
}

/* ---- StreamTriage: a row at a time, each in a commit of its own ---- */

#define CORRELATION_MAX 128

/* Nothing is kept from row to row. */
struct status stream_triage_open(struct ctx *c, struct triage_stream **ret)
{
    *ret = NULL;
    return ok();
}

struct status stream_triage_item(struct ctx *c, struct triage_stream *s, const StreamTriageRequest *req,
                                 StreamTriageResponse *res)
{
    struct lead_row row;
    Decision *d;
    if (strlen(req->correlation_id) > CORRELATION_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "correlation_id", "at most %d bytes",
                          CORRELATION_MAX);
    TRY(lead_given(c, req->lead, "lead"));
    TRY(lead_resolve(c, req->lead, &row));
    TRY(decide_and_save(c, &row, req->explain, &d));
    TriageResult *r = PB_NEW(c->arena, TriageResult);
    if (!r || !(r->status = row_status(c->arena, ok())) || !(r->decision = decision_basic(c->arena, d)))
        return fail_memory();
    r->lead = row.lead->name;
    res->result = r;
    res->correlation_id = req->correlation_id;
    return ok();
}

void stream_triage_committed(struct ctx *c, struct triage_stream *s) {}

/* A bad row, one that lost every race or one too large is answered; what stands behind all rows ends the
 * stream. */
struct status stream_triage_refused(struct ctx *c, struct triage_stream *s, const StreamTriageRequest *req,
                                    struct status why, StreamTriageResponse *res)
{
    if (!row_is_at_fault(why) && why.reason != REASON_CONFLICT && why.reason != REASON_REQUEST_TOO_LARGE)
        return why;
    TriageResult *r = PB_NEW(c->arena, TriageResult);
    if (!r || !(r->status = row_status(c->arena, why)))
        return fail_memory();
    res->result = r;
    res->correlation_id = req->correlation_id;
    return ok();
}

struct status stream_triage_finish(struct ctx *c, struct triage_stream *s)
{
    return ok();
}
