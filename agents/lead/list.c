/* ListLeads. Leads are read in id order in steps of their own memory, and those that the filter wants are
 * kept. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/aside.h"
#include "agents/record/decoded.h"
#include "agents/record/lead_filter.h"
#include "agents/record/pages.h"

#include <stdio.h>

#define SCAN_MAX 10000 /* rows read for one page */
#define STEP_MAX 500   /* rows read at once */
#define STEP_BYTES (size_t)(64 * 1024 * 1024)
#define LAST_BYTES 64                        /* an id has 63 characters */
#define PAGE_BYTES (size_t)(2 * 1024 * 1024) /* a page ends when its leads are larger than this */

/* ---- The scan ---- */

struct scan {
    struct ctx *c;
    const struct filter *filter;
    int64_t wanted, step; /* leads of the page, rows read at once */
    ListLeadsResponse *res;
    char last[LAST_BYTES]; /* id of the last row that was read */
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
        const struct value *row = row_at(rows, i);
        struct arena_mark mark = arena_mark(step->arena);
        Lead *l = PB_UNPACK(step->arena, Lead, row[1].s);
        TRY(decoded(step, l, "lead %s", row[0].s.p));
        if (filter_match(s->filter, lead_filter_look, l))
            TRY(keep(s, row[1].s));
        snprintf(s->last, sizeof s->last, "%s", row[0].s.p);
        arena_rewind(step->arena, mark);
    }
    s->ended = last_rows && i == rows->n;
    return ok();
}

/* Where the rows are too large for the step's memory, fewer are read. */
static struct status scan_step(struct scan *s)
{
    struct aside own;
    struct rows rows;
    int64_t room = filter_is_empty(s->filter) ? s->wanted - (int64_t)s->res->n_leads + 1 : SCAN_MAX - s->read;
    int64_t limit = MIN(s->step, room);
    aside_begin(&own, s->c, STEP_BYTES);
    struct status st = DB_QUERY(&own.ctx, &lead_room_sql[LEADS_PAGE], &rows, v_text(s->c->workspace),
                                v_text(s->last), v_int(limit));
    if (is_ok(st))
        st = take(s, &own.ctx, &rows, (int64_t)rows.n < limit);
    bool too_large = own.memory.overflow && limit > 1;
    st = aside_end(&own, s->c, st);
    if (!too_large)
        return st;
    s->step = limit / 4 + 1;
    return ok();
}

struct status list_leads(struct ctx *c, const ListLeadsRequest *req, ListLeadsResponse *res)
{
    struct page page;
    struct scan s = { .c = c, .res = res, .step = STEP_MAX };
    TRY(filter_parse(c->arena, "filter", str_of(req->filter), &lead_filter_schema, &s.filter));
    TRY(page_read(c, req->page_size, req->page_token, req->filter, &page));
    res->leads = ARENA_ARRAY(c->arena, (size_t)page.size, Lead *);
    if (!res->leads)
        return fail_memory();
    s.wanted = page.size;
    snprintf(s.last, sizeof s.last, "%s", page.after);
    while (!page_is_full(&s))
        TRY(scan_step(&s));
    return s.ended ? ok() : page_token(c, req->filter, s.last, &res->next_page_token);
}
