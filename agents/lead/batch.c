/* BatchCreateLeads: many leads in one commit, each row with its own status. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/record/lead_batch.h"
#include "agents/record/row_status.h"

static struct status check_row(struct ctx *c, Lead *given, const char *field)
{
    TRY(lead_required(c, given, field));
    return lead_check(c, given, field);
}

static struct status take_row(struct lead_batch *b, size_t i, BatchLeadResult *to)
{
    struct lead_row *row;
    TRY(lead_batch_resolve(b, i, &row));
    to->lead = row->lead->name;
    to->created = lead_set_effect(b->set) == LEAD_CREATED;
    return ok();
}

struct status batch_create_leads(struct ctx *c, const BatchCreateLeadsRequest *req,
                                 BatchCreateLeadsResponse *res)
{
    struct lead_batch b;
    TRY(lead_batch_take(c, req->leads, req->n_leads, check_row, &b));
    res->results = ARENA_ARRAY(c->arena, b.n, BatchLeadResult *);
    if (!res->results)
        return fail_memory();
    for (; res->n_results < b.n; res->n_results++) {
        BatchLeadResult *to = PB_NEW(c->arena, BatchLeadResult);
        if (!to)
            return fail_memory();
        res->results[res->n_results] = to;
        TRY(row_outcome(c->arena, take_row(&b, res->n_results, to), &to->status));
    }
    TRY(lead_set_each(b.set, lead_announce, c));
    return lead_set_save(b.set);
}
