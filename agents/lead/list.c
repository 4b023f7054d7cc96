/* ListLeads. Leads are read in id order in steps of their own memory, and those that the filter wants are
 * kept. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/aside.h"
#include "agents/record/lead_text.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/filter.h"

#define SCAN_MAX 10000 /* rows read for one page */
#define STEP_MAX 500   /* rows read at once */
#define STEP_BYTES (size_t)(64 * 1024 * 1024)
#define PAGE_BYTES (size_t)(2 * 1024 * 1024) /* a page ends when its leads are larger than this */

/* ---- The filter ---- */

enum {
    TEXT_TAGS = LEAD_TEXTS,
    CREATED = TEXT_TAGS,
    UPDATED,
    CATEGORY,
    DESTINATION,
    PRIORITY,
    FIT,
    ENGAGEMENT,
    ATTRIBUTE
};

#define TEXT(id, name)                                                                                       \
    {                                                                                                        \
        name, FILTER_TEXT, id, NULL, NULL                                                                    \
    }
static const struct filter_field fields[] = {
    TEXT(LEAD_EMAIL, "email"),
    TEXT(LEAD_PHONE, "phone"),
    TEXT(LEAD_EXTERNAL_ID, "external_id"),
    TEXT(LEAD_FULL_NAME, "full_name"),
    TEXT(LEAD_COMPANY, "company"),
    TEXT(LEAD_JOB_TITLE, "job_title"),
    TEXT(LEAD_SOURCE, "source"),
    TEXT(LEAD_COUNTRY, "country"),
    TEXT(LEAD_TIME_ZONE, "time_zone"),
    { "create_time", FILTER_TIME, CREATED, NULL, NULL },
    { "update_time", FILTER_TIME, UPDATED, NULL, NULL },
    { "triage.category", FILTER_ENUM, CATEGORY, &LeadCategory_descriptor, "LEAD_CATEGORY_" },
    { "triage.destination", FILTER_ENUM, DESTINATION, &AgentType_descriptor, "AGENT_TYPE_" },
    { "triage.priority", FILTER_ENUM, PRIORITY, &Priority_descriptor, "PRIORITY_" },
    { "triage.fit_score", FILTER_NUMBER, FIT, NULL, NULL },
    { "triage.engagement_score", FILTER_NUMBER, ENGAGEMENT, NULL, NULL },
    { "attributes.", FILTER_LOOSE, ATTRIBUTE, NULL, NULL },
};
static const struct filter_schema schema = { fields, COUNT(fields) };

static struct filter_value triage_value(const LeadTriage *t, int tag)
{
    if (!t)
        return filter_none();
    if (tag == FIT || tag == ENGAGEMENT)
        return filter_number(tag == FIT ? t->fit_score : t->engagement_score);
    int value = tag == CATEGORY      ? (int)t->category
                : tag == DESTINATION ? (int)t->destination
                                     : (int)t->priority;
    return value ? filter_integer(value) : filter_none();
}

static struct filter_value look(void *arg, const struct filter_field *field, struct str rest)
{
    const Lead *l = arg;
    if (field->tag < TEXT_TAGS)
        return filter_text(str_of(lead_text(l, (size_t)field->tag)));
    if (field->tag == ATTRIBUTE)
        return filter_text(str_of(lead_attribute(l, rest)));
    if (field->tag == CREATED || field->tag == UPDATED) {
        const Timestamp *t = field->tag == CREATED ? l->create_time : l->update_time;
        return t ? filter_integer(time_us(t)) : filter_none();
    }
    return triage_value(l->triage, field->tag);
}

/* ---- The scan ---- */

struct scan {
    struct ctx *c;
    const struct filter *filter;
    int64_t wanted, step; /* leads of the page, rows read at once */
    ListLeadsResponse *res;
    const char *last; /* id of the last row that was read */
    int64_t read;
    size_t bytes;
    bool ended; /* there are no more rows */
};

static bool page_is_full(const struct scan *s)
{
    return s->ended || s->read >= SCAN_MAX || (int64_t)s->res->n_leads >= s->wanted || s->bytes >= PAGE_BYTES;
}

static struct status keep(struct scan *s, struct str data)
{
    Lead *l = PB_UNPACK(s->c->arena, Lead, data);
    if (!l)
        return fail_memory();
    s->res->leads[s->res->n_leads++] = l;
    s->bytes += data.n;
    return ok();
}

/* Rows lie in the step's memory; what is kept is decoded again into the request's. */
static struct status take(struct scan *s, struct ctx *step, const struct rows *rows, bool last_rows)
{
    size_t i = 0;
    for (; i < rows->n && !page_is_full(s); i++, s->read++) {
        struct str data = row_at(rows, i)[1].s;
        struct arena_mark mark = arena_mark(step->arena);
        Lead *l = PB_UNPACK(step->arena, Lead, data);
        if (!l && step->arena->overflow)
            return fail_memory();
        if (!l)
            return fail(s->c->arena, REASON_INTERNAL, "lead %s cannot be decoded", row_at(rows, i)[0].s.p);
        if (filter_match(s->filter, look, l))
            TRY(keep(s, data));
        arena_rewind(step->arena, mark);
    }
    s->ended = last_rows && i == rows->n;
    if (i)
        s->last = arena_dup(s->c->arena, row_at(rows, i - 1)[0].s);
    return s->last ? ok() : fail_memory();
}

/* Where the rows are too large for the step's memory, fewer are read. */
static struct status scan_step(struct scan *s)
{
    struct arena memory;
    struct rows rows;
    int64_t room = filter_is_empty(s->filter) ? s->wanted - (int64_t)s->res->n_leads + 1 : SCAN_MAX - s->read;
    int64_t limit = MIN(s->step, room);
    arena_init(&memory, STEP_BYTES);
    struct ctx step = aside(s->c, &memory);
    struct status st = DB_QUERY(&step, &lead_room_sql[LEADS_PAGE], &rows, v_text(s->c->workspace),
                                v_text(s->last), v_int(limit));
    if (is_ok(st))
        st = take(s, &step, &rows, (int64_t)rows.n < limit);
    bool too_large = memory.overflow && limit > 1;
    st = aside_end(s->c, &step, st);
    arena_done(&memory);
    if (!too_large)
        return st;
    s->step = limit / 4 + 1;
    return ok();
}

struct status list_leads(struct ctx *c, const ListLeadsRequest *req, ListLeadsResponse *res)
{
    struct page page;
    struct scan s = { .c = c, .res = res, .step = STEP_MAX };
    TRY(filter_parse(c->arena, "filter", str_of(req->filter), &schema, &s.filter));
    TRY(page_read(c, req->page_size, req->page_token, req->filter, &page));
    res->leads = ARENA_ARRAY(c->arena, (size_t)page.size, Lead *);
    if (!res->leads)
        return fail_memory();
    s.wanted = page.size;
    s.last = page.after;
    while (!page_is_full(&s))
        TRY(scan_step(&s));
    if (!s.ended && !(res->next_page_token = page_token(c, req->filter, s.last)))
        return fail_memory();
    return ok();
}
