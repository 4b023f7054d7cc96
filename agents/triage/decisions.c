/* Reading decisions. */
#include "agents/record/decisions.h"

#include "agents/record/aside.h"
#include "agents/record/checks.h"
#include "agents/record/leads.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "agents/triage/one.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"

#include <stdio.h>

/* ---- Get ---- */

struct status get_decision(struct ctx *c, const GetDecisionRequest *req, Decision *res)
{
    Decision *d;
    TRY(decision_get(c, req->name, &d));
    *res = *d;
    if (req->view != DECISION_VIEW_FULL)
        res->inputs = NULL;
    return ok();
}

/* ---- List ---- */

#define SCAN_MAX 10000 /* rows looked at by one call, where a filter lets few through */
#define SCAN_STEP 100
#define STEP_BUDGET ((size_t)256 * 1024 * 1024) /* a hundred of the largest decisions there can be */
#define ID_TEXT_MAX 64

enum {
    CATEGORY,
    DESTINATION,
    PRIORITY,
    ABSTAINED,
    KIND,
    CREATE_TIME,
    PROBABILITY,
    ENGAGEMENT,
    POLICY,
    MODEL
};

static const struct filter_field fields[] = {
    { "category", FILTER_ENUM, CATEGORY, &LeadCategory_descriptor, "LEAD_CATEGORY_" },
    { "destination", FILTER_ENUM, DESTINATION, &AgentType_descriptor, "AGENT_TYPE_" },
    { "priority", FILTER_ENUM, PRIORITY, &Priority_descriptor, "PRIORITY_" },
    { "abstained", FILTER_BOOL, ABSTAINED, NULL, NULL },
    { "kind", FILTER_ENUM, KIND, &Decision__Kind_descriptor, "KIND_" },
    { "create_time", FILTER_TIME, CREATE_TIME, NULL, NULL },
    { "fit.probability", FILTER_NUMBER, PROBABILITY, NULL, NULL },
    { "engagement.score", FILTER_NUMBER, ENGAGEMENT, NULL, NULL },
    { "routing_policy", FILTER_TEXT, POLICY, NULL, NULL },
    { "fit.model_version", FILTER_TEXT, MODEL, NULL, NULL },
};
static const struct filter_schema schema = { fields, COUNT(fields) };

/* Nothing that is personal is looked at: the decision is not open yet. */
static struct filter_value lookup(void *arg, const struct filter_field *field, struct str rest)
{
    const Decision *d = arg;
    switch (field->tag) {
    case CATEGORY:
        return filter_integer(d->category);
    case DESTINATION:
        return filter_integer(d->destination);
    case PRIORITY:
        return filter_integer(d->priority);
    case ABSTAINED:
        return filter_integer(d->abstained);
    case KIND:
        return filter_integer(d->kind);
    case CREATE_TIME:
        return filter_integer(time_us(d->create_time));
    case PROBABILITY:
        return d->fit ? filter_number(d->fit->probability) : filter_none();
    case ENGAGEMENT:
        return d->engagement ? filter_number(d->engagement->score) : filter_none();
    case POLICY:
        return filter_text(str_of(d->routing_policy));
    case MODEL:
        return filter_text(str_of(d->fit ? d->fit->model_version : ""));
    }
    return filter_none();
}

/* Where a list stands. */
struct scan {
    const char *lead_id; /* "" for all */
    const struct filter *filter;
    size_t wanted, scanned;
    char after[ID_TEXT_MAX]; /* the last id looked at */
    bool ended;
};

/* A match goes into the reply as a copy without its inputs; the reader's memory ends with its step. */
static struct status keep(struct ctx *c, struct ctx *reader, struct listed_decision *l,
                          ListDecisionsResponse *res)
{
    TRY(decision_open(reader, l));
    Decision *basic = decision_basic(reader->arena, l->decision);
    struct str bytes = basic ? pb_pack(reader->arena, basic) : str_make(NULL, 0);
    if (!bytes.p)
        return fail_memory();
    res->decisions[res->n_decisions] = PB_UNPACK(c->arena, Decision, bytes);
    return res->decisions[res->n_decisions++] ? ok() : fail_memory();
}

static struct status look(struct ctx *c, struct ctx *reader, struct scan *s, ListDecisionsResponse *res)
{
    struct decision_list list;
    size_t i = 0, step = SCAN_STEP;
    if (filter_is_empty(s->filter))
        step = MIN(step, s->wanted - res->n_decisions + 1); /* one more tells whether there is a next page */
    TRY(decisions_after(reader, s->lead_id, s->after, step, &list));
    for (; i < list.n && res->n_decisions < s->wanted; i++) {
        snprintf(s->after, sizeof s->after, "%s", list.at[i].id);
        if (filter_match(s->filter, lookup, list.at[i].decision))
            TRY(keep(c, reader, &list.at[i], res));
    }
    s->scanned += i;
    s->ended = i == list.n && list.n < step;
    return ok();
}

/* Looks at the next rows, in memory of their own: inputs are large and not listed. */
static struct status scan_step(struct ctx *c, struct scan *s, ListDecisionsResponse *res)
{
    struct aside own;
    aside_begin(&own, c, STEP_BUDGET);
    return aside_end(&own, c, look(c, &own.ctx, s, res));
}

static struct status scan_start(struct ctx *c, const ListDecisionsRequest *req, const char *scope,
                                struct scan *s)
{
    struct page page;
    TRY(page_read(c, req->page_size, req->page_token, scope, &page));
    TRY(filter_parse(c->arena, "filter", str_of(req->filter), &schema, &s->filter));
    s->lead_id = "";
    if (*req->lead)
        TRY(name_id(c->arena, req->lead, "leads/", "lead", &s->lead_id));
    s->wanted = (size_t)page.size;
    s->scanned = 0;
    s->ended = false;
    snprintf(s->after, sizeof s->after, "%s", page.after);
    return ok();
}

struct status list_decisions(struct ctx *c, const ListDecisionsRequest *req, ListDecisionsResponse *res)
{
    struct scan s;
    const char *scope = arena_printf(c->arena, "%s\n%s", req->lead, req->filter);
    if (!scope)
        return fail_memory();
    TRY(scan_start(c, req, scope, &s));
    res->decisions = ARENA_ARRAY(c->arena, s.wanted, Decision *);
    if (!res->decisions)
        return fail_memory();
    while (!s.ended && res->n_decisions < s.wanted && s.scanned < SCAN_MAX)
        TRY(scan_step(c, &s, res));
    return s.ended ? ok() : page_token(c, scope, s.after, &res->next_page_token);
}
