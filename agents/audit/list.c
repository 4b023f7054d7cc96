/* ListAuditEvents. Entries are read newest first, in windows of the log of all workspaces, so that one with
 * few entries does not read everybody's; those that the filter wants are kept. */
#include "agents/audit/audit.h"
#include "agents/audit/audit_sql.h"
#include "agents/audit/entry.h"
#include "agents/record/aside.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/filter.h"
#include "base/ids.h"

#define WINDOW 2000    /* entries of all workspaces */
#define WINDOWS_MAX 50 /* for one page */
#define WINDOW_BYTES (size_t)(64 * 1024 * 1024)

/* ---- The filter ---- */

static const struct filter_field fields[] = {
    { "action", FILTER_TEXT, ENTRY_ACTION, NULL, NULL },
    { "subject", FILTER_TEXT, ENTRY_SUBJECT, NULL, NULL },
    { "principal", FILTER_TEXT, ENTRY_PRINCIPAL, NULL, NULL },
    { "method", FILTER_TEXT, ENTRY_METHOD, NULL, NULL },
    { "request_id", FILTER_TEXT, ENTRY_REQUEST_ID, NULL, NULL },
    { "trace_id", FILTER_TEXT, ENTRY_TRACE_ID, NULL, NULL },
    { "decision", FILTER_TEXT, ENTRY_DECISION_ID, NULL, NULL },
    { "agent", FILTER_TEXT, ENTRY_AGENT_ID, NULL, NULL },
    { "create_time", FILTER_TIME, ENTRY_CREATE_TIME, NULL, NULL },
};
static const struct filter_schema schema = { fields, COUNT(fields) };

#define TRACE_HEX 33

/* A row, and its trace id in hex. */
struct entry {
    const struct value *row;
    char trace[TRACE_HEX];
};

static struct entry entry_of(const struct value *row)
{
    struct entry e = { row, "" };
    struct str trace = row[ENTRY_TRACE_ID].s;
    if (trace.n == TRACE_HEX / 2)
        hex_text((const unsigned char *)trace.p, trace.n, e.trace);
    return e;
}

static struct filter_value look(void *arg, const struct filter_field *field, struct str rest)
{
    const struct entry *e = arg;
    if (field->tag == ENTRY_CREATE_TIME)
        return filter_integer(e->row[ENTRY_CREATE_TIME].i);
    if (field->tag == ENTRY_TRACE_ID)
        return filter_text(str_of(e->trace));
    return filter_text(e->row[field->tag].s);
}

/* ---- An entry as a message ---- */

static bool is_denial(struct str action)
{
    return str_starts(action, STR("call.den"));
}

static bool put_text(struct arena *a, const struct value *v, char **ret)
{
    *ret = pb_str(a, v->s);
    return *ret != NULL;
}

static struct status event_message(struct ctx *c, const struct entry *e, AuditEvent **ret)
{
    struct arena *a = c->arena;
    const struct value *row = e->row;
    AuditEvent *m = PB_NEW(a, AuditEvent);
    if (!m || !(m->name = arena_printf(a, "auditEvents/%lld", (long long)row[ENTRY_SEQ].i)) ||
        !(m->create_time = time_message(a, row[ENTRY_CREATE_TIME].i)) ||
        !put_text(a, &row[ENTRY_ACTION], &m->action) || !put_text(a, &row[ENTRY_SUBJECT], &m->subject) ||
        !put_text(a, &row[ENTRY_PRINCIPAL], &m->principal) || !put_text(a, &row[ENTRY_METHOD], &m->method) ||
        !put_text(a, &row[ENTRY_REQUEST_ID], &m->request_id) ||
        !put_text(a, &row[ENTRY_DECISION_ID], &m->decision) ||
        !put_text(a, &row[ENTRY_AGENT_ID], &m->agent) || !(m->trace_id = pb_str(a, str_of(e->trace))))
        return fail_memory();
    if (is_denial(row[ENTRY_ACTION].s))
        m->denial = PB_UNPACK(a, AuditDenial, row[ENTRY_PAYLOAD].s);
    *ret = m;
    return a->overflow ? fail_memory() : ok();
}

static struct status put_entry(struct ctx *c, const struct entry *e, AuditEvent *m)
{
    struct str text = entry_text(c->arena, e->row);
    m->entry.data = (uint8_t *)text.p;
    m->entry.len = text.n;
    return text.p ? ok() : fail_memory();
}

/* ---- The scan ---- */

struct scan {
    struct ctx *c;
    const struct filter *filter;
    int64_t before; /* the seq that the next entry lies below */
    int64_t wanted;
    bool entries; /* as their hashes cover them too */
    bool ended;   /* there are no more entries */
    ListAuditEventsResponse *res;
};

static bool page_is_full(const struct scan *s)
{
    return s->ended || (int64_t)s->res->n_audit_events >= s->wanted;
}

static struct status keep(struct scan *s, const struct entry *e)
{
    AuditEvent **m = &s->res->audit_events[s->res->n_audit_events++];
    TRY(event_message(s->c, e, m));
    return s->entries ? put_entry(s->c, e, *m) : ok();
}

static struct status take(struct scan *s, const struct rows *rows)
{
    for (size_t i = 0; i < rows->n && !page_is_full(s); i++) {
        struct entry e = entry_of(row_at(rows, i));
        s->before = e.row[ENTRY_SEQ].i;
        if (filter_match(s->filter, look, &e))
            TRY(keep(s, &e));
    }
    return ok();
}

static struct status scan_window(struct scan *s, struct ctx *step)
{
    struct rows rows;
    db_reach_all(step);
    TRY(DB_QUERY(step, &audit_sql[LOG_WINDOW], &rows, v_int(s->before), v_int(WINDOW)));
    db_reach_own(step);
    int64_t from = row_at(&rows, 0)[0].i;
    s->ended = from == 0;
    if (s->ended)
        return ok();
    TRY(DB_QUERY(step, &audit_sql[LOG_BEFORE], &rows, v_text(s->c->workspace), v_int(s->before), v_int(from),
                 v_int(WINDOW)));
    TRY(take(s, &rows));
    if (!page_is_full(s))
        s->before = from;
    return ok();
}

static struct status scan_window_aside(struct scan *s)
{
    struct aside own;
    aside_begin(&own, s->c, WINDOW_BYTES);
    return aside_end(&own, s->c, scan_window(s, &own.ctx));
}

static struct status read_key(struct ctx *c, const char *after, int64_t *ret)
{
    *ret = INT64_MAX;
    if (!*after || str_to_i64(str_of(after), ret))
        return ok();
    return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token", "not a token of this list");
}

static struct status put_token(struct scan *s, const char *filter)
{
    const char *key = arena_printf(s->c->arena, "%lld", (long long)s->before);
    return page_token(s->c, filter, key, &s->res->next_page_token);
}

struct status list_audit_events(struct ctx *c, const ListAuditEventsRequest *req,
                                ListAuditEventsResponse *res)
{
    struct page page;
    struct scan s = { .c = c, .res = res, .entries = req->entries };
    TRY(filter_parse(c->arena, "filter", str_of(req->filter), &schema, &s.filter));
    TRY(page_read(c, req->page_size, req->page_token, req->filter, &page));
    TRY(read_key(c, page.after, &s.before));
    s.wanted = page.size;
    res->audit_events = ARENA_ARRAY(c->arena, (size_t)page.size, AuditEvent *);
    if (!res->audit_events)
        return fail_memory();
    for (int i = 0; i < WINDOWS_MAX && !page_is_full(&s); i++)
        TRY(scan_window_aside(&s));
    return s.ended ? ok() : put_token(&s, req->filter);
}
