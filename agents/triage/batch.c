/* BatchTriageLeads: many leads in one commit, each row with its own status. A lead that several rows mean is
 * decided on for each, and saved once. */
#include "agents/triage/triage.h"

#include "agents/record/events.h"
#include "agents/record/lead_batch.h"
#include "agents/record/row_status.h"
#include "agents/triage/one.h"

static struct status decide_row(struct ctx *c, struct lead_batch *b, size_t i, bool explain, TriageResult *to)
{
    static const char *const actions[] = { [LEAD_CREATED] = "lead.created", [LEAD_UPDATED] = "lead.updated" };
    struct lead_row *row;
    Decision *d;
    TRY(lead_batch_resolve(b, i, &row));
    enum lead_effect effect = lead_set_effect(b->set);
    if (effect != LEAD_UNCHANGED)
        event_note(c, "lead", actions[effect], row->lead->name);
    TRY(triage_decide(c, row, explain, &d));
    to->lead = row->lead->name;
    to->decision = decision_basic(c->arena, d);
    return to->decision ? ok() : fail_memory();
}

struct status batch_triage_leads(struct ctx *c, const BatchTriageLeadsRequest *req,
                                 BatchTriageLeadsResponse *res)
{
    struct lead_batch b;
    TRY(lead_batch_take(c, req->leads, req->n_leads, lead_given, &b));
    res->results = ARENA_ARRAY(c->arena, b.n, TriageResult *);
    if (!res->results)
        return fail_memory();
    for (; res->n_results < b.n; res->n_results++) {
        TriageResult *to = PB_NEW(c->arena, TriageResult);
        if (!to)
            return fail_memory();
        res->results[res->n_results] = to;
        TRY(row_outcome(c->arena, decide_row(c, &b, res->n_results, req->explain, to), &to->status));
    }
    return lead_set_save(b.set);
}
