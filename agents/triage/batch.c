/* BatchTriageLeads: many leads in one commit, each row with its own status. Rows that mean the same lead come
 * out as if they had come one by one (agents/record/lead_set.h); the lead is saved once. */
#include "agents/triage/triage.h"

#include "agents/record/lead_set.h"
#include "agents/record/row_status.h"
#include "agents/triage/one.h"

#define BATCH_MAX 1000

struct row {
    Lead *given;
    const char *field; /* "leads[3]" */
    struct status status;
};

struct batch {
    struct ctx *c;
    bool explain;
    struct lead_set *set;
    struct row *rows;
    size_t n;
};

static struct status start(struct ctx *c, const BatchTriageLeadsRequest *req, struct batch *b)
{
    if (req->n_leads == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "leads", "give 1 to %d", BATCH_MAX);
    if (req->n_leads > BATCH_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "leads", "at most %d", BATCH_MAX);
    b->set = lead_set_new(c, b->n);
    b->rows = ARENA_ARRAY(c->arena, b->n, struct row);
    for (size_t i = 0; b->rows && i < b->n; i++)
        b->rows[i].given = req->leads[i];
    return b->set && b->rows ? ok() : fail_memory();
}

/* Checks all rows, then asks for all their identities at once. */
static struct status check_rows(struct batch *b)
{
    Lead **good = ARENA_ARRAY(b->c->arena, b->n, Lead *);
    size_t n = 0;
    if (!good)
        return fail_memory();
    for (size_t i = 0; i < b->n; i++) {
        struct row *r = &b->rows[i];
        r->field = arena_printf(b->c->arena, "leads[%zu]", i);
        if (!r->field)
            return fail_memory();
        r->status = lead_given(b->c, r->given, r->field);
        if (is_ok(r->status))
            good[n++] = r->given;
    }
    return lead_set_prefetch(b->set, good, n);
}

static struct status decide_row(struct batch *b, const struct row *r, TriageResult *to)
{
    static const char *const actions[] = { [LEAD_CREATED] = "lead.created", [LEAD_UPDATED] = "lead.updated" };
    struct lead_row *row;
    Decision *d;
    TRY(r->status);
    TRY(lead_set_resolve(b->set, r->given, r->field, &row));
    enum lead_effect effect = lead_set_effect(b->set);
    if (effect != LEAD_UNCHANGED)
        announce(b->c, row->lead, actions[effect]);
    TRY(triage_decide(b->c, row, b->explain, &d));
    to->lead = row->lead->name;
    to->decision = decision_basic(b->c->arena, d);
    return to->decision ? ok() : fail_memory();
}

static struct status add_result(struct batch *b, const struct row *r, BatchTriageLeadsResponse *res)
{
    TriageResult *to = PB_NEW(b->c->arena, TriageResult);
    if (!to)
        return fail_memory();
    struct status s = decide_row(b, r, to);
    if (!is_ok(s) && !row_is_at_fault(s))
        return s;
    to->status = row_status(b->c->arena, s);
    res->results[res->n_results++] = to;
    return to->status ? ok() : fail_memory();
}

struct status batch_triage_leads(struct ctx *c, const BatchTriageLeadsRequest *req,
                                 BatchTriageLeadsResponse *res)
{
    struct batch b = { c, req->explain, NULL, NULL, req->n_leads };
    TRY(start(c, req, &b));
    TRY(check_rows(&b));
    res->results = ARENA_ARRAY(c->arena, b.n, TriageResult *);
    if (!res->results)
        return fail_memory();
    for (size_t i = 0; i < b.n; i++)
        TRY(add_result(&b, &b.rows[i], res));
    return lead_set_save(b.set);
}
