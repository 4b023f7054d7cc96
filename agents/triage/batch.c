/* BatchTriageLeads: many leads in one commit. Rows may mean the same lead; then each is laid over what the
 * row before left, as if they had come one by one, and the lead is saved once. A snapshot read would not see
 * the rows before, so the leads of the batch are kept in a table by id and by identity. */
#include "agents/triage/triage.h"

#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "agents/record/row_status.h"
#include "agents/triage/one.h"
#include "base/ids.h"
#include "store/db.h"

#define BATCH_MAX 1000
#define KEYS (1u + LEAD_IDENTITIES) /* of a lead: its id and its identities */
#define BUCKETS 8192u               /* a power of two, about twice BATCH_MAX * KEYS */

struct key {
    size_t kind; /* enum lead_text_id, LEAD_IDENTITIES for the id */
    const char *text;
    struct lead_row *row; /* NULL: free */
};

struct batch {
    struct ctx *c;
    bool explain;
    struct lead_row rows[BATCH_MAX]; /* one for each lead, whoever named it */
    size_t n;
    struct key keys[BUCKETS];
};

/* ---- The table ---- */

static struct key *place(struct batch *b, size_t kind, const char *text)
{
    size_t at = hash64(str_of(text), kind) & (BUCKETS - 1);
    while (b->keys[at].row && (b->keys[at].kind != kind || strcmp(b->keys[at].text, text)))
        at = (at + 1) & (BUCKETS - 1);
    return &b->keys[at];
}

static struct lead_row *known(struct batch *b, size_t kind, const char *text)
{
    return *text ? place(b, kind, text)->row : NULL;
}

static void learn(struct batch *b, size_t kind, const char *text, struct lead_row *row)
{
    struct key *k = *text ? place(b, kind, text) : NULL;
    if (!k)
        return;
    k->kind = kind;
    k->text = text;
    k->row = row;
}

static void learn_row(struct batch *b, struct lead_row *row)
{
    learn(b, LEAD_IDENTITIES, row->id, row);
    for (size_t i = 0; i < LEAD_IDENTITIES; i++)
        learn(b, i, lead_text(row->lead, i), row);
}

/* ---- One row ---- */

/* The lead of an earlier row that has one of the identities given; NULL where there is none. */
static struct status find_earlier(struct batch *b, const Lead *given, struct lead_row **ret)
{
    *ret = NULL;
    for (size_t i = 0; i < LEAD_IDENTITIES; i++) {
        struct lead_row *row = known(b, i, lead_text(given, i));
        if (row && *ret && row != *ret)
            return fail(b->c->arena, REASON_IDENTITY_AMBIGUOUS,
                        "its identities belong to the leads of two earlier rows");
        *ret = row ? row : *ret;
    }
    return ok();
}

/* Lays a row over the lead that an earlier row made or found. */
static struct status overlay_earlier(struct batch *b, const Lead *given, const char *field,
                                     struct lead_row *row)
{
    Lead before = *row->lead;
    struct status s = lead_overlay(b->c, row->lead, given);
    if (is_ok(s))
        s = lead_identities_free(b->c, row, field, REASON_IDENTITY_AMBIGUOUS);
    if (!is_ok(s))
        *row->lead = before;
    return s;
}

/* Finds the row's lead in the store, where an earlier row may have found it too: then what is given is laid
 * over that. */
static struct status find_stored(struct batch *b, const Lead *given, const char *field, struct lead_row **ret)
{
    struct lead_row fresh, *earlier;
    TRY(lead_resolve(b->c, given, &fresh));
    earlier = known(b, LEAD_IDENTITIES, fresh.id);
    if (earlier) {
        *ret = earlier;
        return overlay_earlier(b, given, field, earlier);
    }
    *ret = &b->rows[b->n++];
    **ret = fresh;
    return ok();
}

static struct status triage_row(struct batch *b, Lead *given, const char *field, TriageResult *to)
{
    struct lead_row *row;
    Decision *d;
    TRY(lead_given(b->c, given, field));
    TRY(find_earlier(b, given, &row));
    if (row && *given->name && strcmp(given->name, row->lead->name))
        return fail(b->c->arena, REASON_IDENTITY_AMBIGUOUS,
                    "its identities belong to the lead of an earlier row, %s", row->lead->name);
    if (row)
        TRY(overlay_earlier(b, given, field, row));
    else
        TRY(find_stored(b, given, field, &row));
    learn_row(b, row);
    TRY(triage_decide(b->c, row->lead, b->explain, &d));
    to->lead = row->lead->name;
    to->decision = decision_basic(b->c->arena, d);
    return to->decision ? ok() : fail_memory();
}

/* ---- All rows ---- */

static struct status run_row(struct batch *b, Lead *given, size_t i, TriageResult **ret)
{
    TriageResult *r = PB_NEW(b->c->arena, TriageResult);
    const char *field = arena_printf(b->c->arena, "leads[%zu]", i);
    if (!r || !field)
        return fail_memory();
    struct status s = triage_row(b, given, field, r);
    if (!is_ok(s) && !row_is_at_fault(s))
        return s;
    r->status = row_status(b->c->arena, s);
    *ret = r;
    return r->status ? ok() : fail_memory();
}

static struct status check_size(struct ctx *c, size_t n)
{
    if (n == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "leads", "give at least one");
    if (n > BATCH_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "leads", "at most %d", BATCH_MAX);
    return ok();
}

struct status batch_triage_leads(struct ctx *c, const BatchTriageLeadsRequest *req,
                                 BatchTriageLeadsResponse *res)
{
    TRY(check_size(c, req->n_leads));
    struct batch *b = ARENA_NEW(c->arena, struct batch);
    res->results = ARENA_ARRAY(c->arena, req->n_leads, TriageResult *);
    if (!b || !res->results)
        return fail_memory();
    b->c = c;
    b->explain = req->explain;
    for (; res->n_results < req->n_leads; res->n_results++)
        TRY(run_row(b, req->leads[res->n_results], res->n_results, &res->results[res->n_results]));
    for (size_t i = 0; i < b->n; i++)
        TRY(lead_save(c, &b->rows[i], REASON_CONFLICT));
    return ok();
}
