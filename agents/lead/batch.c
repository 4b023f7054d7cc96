/* BatchCreateLeads: many leads in one commit, each row with its own status. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/record/lead_set.h"
#include "agents/record/row_status.h"

struct row {
    Lead *given;
    const char *field; /* "leads[3]" */
    struct status status;
};

struct batch {
    struct ctx *c;
    struct lead_set *set;
    struct row *rows;
    size_t n;
};

static struct status check_row(struct ctx *c, Lead *given, const char *field)
{
    TRY(lead_required(c, given, field));
    return lead_check(c, given, field);
}

/* Checks all rows, then asks for all their identities at once. */
static struct status check_rows(struct batch *b)
{
    Lead **good = ARENA_ARRAY(b->c->arena, b->n, Lead *);
    size_t n = 0;
    if (!good)
        return fail_memory();
    for (size_t i = 0; i < b->n; i++) {
        b->rows[i].field = arena_printf(b->c->arena, "leads[%zu]", i);
        if (!b->rows[i].field)
            return fail_memory();
        b->rows[i].status = check_row(b->c, b->rows[i].given, b->rows[i].field);
        if (is_ok(b->rows[i].status))
            good[n++] = b->rows[i].given;
    }
    return lead_set_prefetch(b->set, good, n);
}

static struct status take_row(struct batch *b, const struct row *r, BatchLeadResult *to)
{
    struct lead_row *row;
    TRY(r->status);
    TRY(lead_set_resolve(b->set, r->given, r->field, &row));
    to->lead = row->lead->name;
    to->created = lead_set_effect(b->set) == LEAD_CREATED;
    return ok();
}

static struct status add_result(struct batch *b, const struct row *r, BatchCreateLeadsResponse *res)
{
    BatchLeadResult *to = PB_NEW(b->c->arena, BatchLeadResult);
    if (!to)
        return fail_memory();
    struct status s = take_row(b, r, to);
    if (!is_ok(s) && !row_is_at_fault(s))
        return s;
    to->status = row_status(b->c->arena, s);
    res->results[res->n_results++] = to;
    return to->status ? ok() : fail_memory();
}

static struct status batch_start(struct ctx *c, const BatchCreateLeadsRequest *req, struct batch *ret)
{
    if (req->n_leads == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "leads", "give 1 to %d", BATCH_MAX);
    if (req->n_leads > BATCH_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "leads", "at most %d", BATCH_MAX);
    ret->c = c;
    ret->n = req->n_leads;
    ret->set = lead_set_new(c, ret->n);
    ret->rows = ARENA_ARRAY(c->arena, ret->n, struct row);
    for (size_t i = 0; ret->rows && i < ret->n; i++)
        ret->rows[i].given = req->leads[i];
    return ret->set && ret->rows ? ok() : fail_memory();
}

struct status batch_create_leads(struct ctx *c, const BatchCreateLeadsRequest *req,
                                 BatchCreateLeadsResponse *res)
{
    struct batch b = { 0 };
    TRY(batch_start(c, req, &b));
    TRY(check_rows(&b));
    res->results = ARENA_ARRAY(c->arena, b.n, BatchLeadResult *);
    if (!res->results)
        return fail_memory();
    for (size_t i = 0; i < b.n; i++)
        TRY(add_result(&b, &b.rows[i], res));
    TRY(lead_set_each(b.set, lead_announce, c));
    return lead_set_save(b.set);
}
