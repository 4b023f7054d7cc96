/* OverrideDecision: a person decides otherwise. */
#include "agents/record/decisions.h"
#include "agents/record/leads.h"
#include "agents/triage/one.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"

#define JUSTIFICATION_MAX 1024

static struct status check(struct ctx *c, const OverrideDecisionRequest *req)
{
    size_t n = strlen(req->justification);
    if (!req->category)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "category", "say what it should have been");
    if (n == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "justification", "say why");
    if (n > JUSTIFICATION_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "justification", "at most %d bytes",
                          JUSTIFICATION_MAX);
    return ok();
}

/* The decision must still be the lead's last: else the person judged what is no longer so. */
static struct status load_last(struct ctx *c, const Decision *d, struct lead_row *row)
{
    TRY(lead_load(c, d->lead, "name", row));
    const char *last = row->lead->triage ? row->lead->triage->decision : "";
    if (strcmp(last, d->name) == 0)
        return ok();
    return fail(c->arena, REASON_ETAG_MISMATCH, "%s is not the last decision on %s: %s is", d->name,
                row->lead->name, *last ? last : "none");
}

/* The first rule of the policy in force that gives the category says who acts and how soon. */
static struct status fill_route(struct ctx *c, const OverrideDecisionRequest *req, Decision *d)
{
    struct decide_with with;
    TRY(with_in_service(c, &with));
    const struct route_policy *p = with.policy;
    size_t i = 0;
    while (i < p->n && p->rules[i].category != req->category)
        i++;
    if (i == p->n && (!req->destination || !req->priority))
        return fail_field(c->arena, REASON_FIELD_REQUIRED, req->destination ? "priority" : "destination",
                          "no rule of the policy in force gives this category");
    d->destination = req->destination ? req->destination : p->rules[i].destination;
    d->priority = req->priority ? req->priority : p->rules[i].priority;
    return ok();
}

/* Scores, versions and inputs are those that the person saw. */
static struct status make(struct ctx *c, const OverrideDecisionRequest *req, const Decision *old,
                          Decision **ret)
{
    Decision *d = arena_raw(c->arena, sizeof *d);
    if (!d)
        return fail_memory();
    *d = *old;
    d->kind = DECISION__KIND_OVERRIDE;
    d->category = req->category;
    d->rule_id = (char *)protobuf_c_empty_string;
    d->reason = (char *)"A person decided.";
    d->abstained = false;
    d->abstain_cause = DECISION__ABSTAIN_CAUSE_UNSPECIFIED;
    d->code_version = (char *)c->app->code_version;
    d->actor = (char *)c->principal;
    d->justification = req->justification;
    *ret = d;
    return fill_route(c, req, d);
}

struct status override_decision(struct ctx *c, const OverrideDecisionRequest *req, Decision *res)
{
    struct lead_row row;
    Decision *old, *d = NULL;
    TRY(check(c, req));
    TRY(decision_get(c, req->name, &old));
    TRY(load_last(c, old, &row));
    TRY(make(c, req, old, &d));
    TRY(decision_record(c, &row, d, "decision.overridden"));
    TRY(lead_save(c, &row, REASON_CONFLICT));
    *res = *d;
    res->inputs = NULL;
    return ok();
}
