/* IngestEvents and ListLeadEvents. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/lead_events.h"
#include "agents/record/lead_set.h"
#include "agents/record/pages.h"
#include "agents/record/row_status.h"
#include "agents/record/times.h"

#include <inttypes.h>

#define EVENT_TYPE_MAX 64
#define ATTRIBUTES_MAX 64
#define NAME_MAX_BYTES 128
#define VALUE_MAX_BYTES 1024

struct ingest {
    struct ctx *c;
    struct lead_events *events;
    struct lead_set *set;
    IngestEventsResponse *res;
};

/* ---- Checking ---- */

static bool is_event_type(const char *type)
{
    size_t n = strnlen(type, EVENT_TYPE_MAX + 1);
    return n >= 1 && n <= EVENT_TYPE_MAX && strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_.") == n;
}

static void check_attributes(struct checks *k, const LeadEvent *e, const char *field)
{
    if (e->n_attributes > ATTRIBUTES_MAX) {
        check_fail(k, REASON_FIELD_TOO_LONG, field, "attributes", "at most %d", ATTRIBUTES_MAX);
        return;
    }
    for (size_t i = 0; i < e->n_attributes; i++) {
        const LeadEvent__AttributesEntry *a = e->attributes[i];
        if (strlen(a->key) > NAME_MAX_BYTES || strlen(a->value) > VALUE_MAX_BYTES)
            check_fail(k, REASON_FIELD_TOO_LONG, field, "attributes",
                       "%.40s: names have at most %d bytes, values %d", a->key, NAME_MAX_BYTES,
                       VALUE_MAX_BYTES);
    }
}

static bool begins_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What became of messages is reported in other ways, which know the message. */
static void check_reserved(struct checks *k, const LeadEvent *e, const char *field)
{
    if (begins_with(e->event_id, LEAD_EVENT_MESSAGE_ID))
        check_fail(k, REASON_FIELD_INVALID, field, "event_id",
                   "must not begin with \"" LEAD_EVENT_MESSAGE_ID "\"");
    if (begins_with(e->type, LEAD_EVENT_MESSAGE_TYPE))
        check_fail(k, REASON_FIELD_INVALID, field, "type",
                   "must not begin with \"" LEAD_EVENT_MESSAGE_TYPE "\": RecordDeliveryEvents records what "
                   "became of messages");
}

static struct status check_event(struct ctx *c, const LeadEvent *e, const char *field, int64_t *ret_us)
{
    struct checks k = checks_start(c->arena);
    check_event_id(&k, field, e->event_id);
    if (!is_event_type(e->type))
        check_fail(&k, *e->type ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, field, "type",
                   "1 to 64 of [a-z0-9_.]");
    if (!*e->lead && !*e->email && !*e->external_id)
        check_fail(&k, REASON_FIELD_REQUIRED, field, "lead",
                   "name the lead, or give an email or external_id");
    check_reserved(&k, e, field);
    check_attributes(&k, e, field);
    TRY(k.s);
    const char *time_field = e->event_time ? arena_printf(c->arena, "%s.event_time", field) : field;
    return time_field ? given_time(c, e->event_time, time_field, ret_us) : fail_memory();
}

/* Learns which of the events are stored. */
static struct status find_stored(struct ingest *g, const IngestEventsRequest *req)
{
    const char **ids = ARENA_ARRAY(g->c->arena, req->n_events, const char *);
    size_t n = 0;
    if (!ids)
        return fail_memory();
    for (size_t i = 0; i < req->n_events; i++)
        if (event_id_valid(req->events[i]->event_id))
            ids[n++] = req->events[i]->event_id;
    return lead_events_ask(g->events, ids, n);
}

/* ---- Storing ---- */

/* The event's lead; made where there is none of that identity. */
static struct status find_lead(struct ingest *g, const LeadEvent *e, const char *field, struct lead_row **ret)
{
    if (*e->lead) {
        const char *path = arena_printf(g->c->arena, "%s.lead", field);
        return path ? lead_set_load(g->set, e->lead, path, ret) : fail_memory();
    }
    Lead *given = PB_NEW(g->c->arena, Lead);
    if (!given)
        return fail_memory();
    if (*e->email)
        given->email = pb_str(g->c->arena, str_of(e->email));
    else
        given->external_id = e->external_id;
    if (!given->email)
        return fail_memory();
    TRY(lead_check(g->c, given, field));
    return lead_set_resolve(g->set, given, field, ret);
}

static struct status take_event(struct ingest *g, const LeadEvent *e, const char *field)
{
    struct lead_row *row;
    int64_t event_us;
    TRY(check_event(g->c, e, field, &event_us));
    if (lead_events_known(g->events, e->event_id)) {
        g->res->duplicate_count++;
        return ok();
    }
    TRY(find_lead(g, e, field, &row));
    TRY(lead_events_add(g->events, e, event_us, row));
    g->res->stored_count++;
    return ok();
}

static struct status add_status(struct ingest *g, const LeadEvent *e, size_t i)
{
    const char *field = arena_printf(g->c->arena, "events[%zu]", i);
    struct status s = field ? take_event(g, e, field) : fail_memory();
    return row_outcome(g->c->arena, s, &g->res->statuses[g->res->n_statuses++]);
}

static struct status ingest_start(struct ctx *c, const IngestEventsRequest *req, IngestEventsResponse *res,
                                  struct ingest **ret)
{
    if (req->n_events == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "events", "give 1 to %d", LEAD_EVENTS_MAX);
    if (req->n_events > LEAD_EVENTS_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "events", "at most %d", LEAD_EVENTS_MAX);
    struct ingest *g = ARENA_NEW(c->arena, struct ingest);
    res->statuses = ARENA_ARRAY(c->arena, req->n_events, RowStatus *);
    if (!g || !res->statuses || !(g->set = lead_set_new(c, req->n_events)))
        return fail_memory();
    g->c = c;
    g->res = res;
    *ret = g;
    return lead_events_open(c, &g->events);
}

static struct status announce_new(void *arg, struct lead_row *row)
{
    if (!row->before)
        return lead_announce(arg, row);
    return ok();
}

struct status ingest_events(struct ctx *c, const IngestEventsRequest *req, IngestEventsResponse *res)
{
    struct ingest *g = NULL;
    TRY(ingest_start(c, req, res, &g));
    TRY(find_stored(g, req));
    for (size_t i = 0; i < req->n_events; i++)
        TRY(add_status(g, req->events[i], i));
    TRY(lead_set_each(g->set, announce_new, c));
    return lead_set_save(g->set);
}

/* ---- ListLeadEvents ---- */

/* A page's key is "event_time event_id". */
static struct status read_key(struct ctx *c, const char *key, int64_t *ret_us, const char **ret_id)
{
    struct str s = str_of(key), time = str_split(&s, ' ');
    *ret_us = INT64_MIN;
    *ret_id = s.p;
    if (*key && !str_to_i64(time, ret_us))
        return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token", "not a token of this list");
    return ok();
}

static struct status take_events(struct ctx *c, const struct rows *rows, const Lead *lead,
                                 ListLeadEventsResponse *res)
{
    for (; res->n_events < rows->n; res->n_events++) {
        LeadEvent *e = PB_UNPACK(c->arena, LeadEvent, row_at(rows, res->n_events)[2].s);
        TRY(decoded(c, e, "an event"));
        e->lead = lead->name;
        res->events[res->n_events] = e;
    }
    return ok();
}

struct status list_lead_events(struct ctx *c, const ListLeadEventsRequest *req, ListLeadEventsResponse *res)
{
    struct lead_row row;
    struct page page;
    struct rows rows;
    const char *after_id;
    int64_t after_us;
    TRY(lead_load(c, req->parent, "parent", &row));
    TRY(page_read(c, req->page_size, req->page_token, row.id, &page));
    TRY(read_key(c, page.after, &after_us, &after_id));
    TRY(DB_QUERY(c, &lead_room_sql[EVENTS_PAGE], &rows, v_text(c->workspace), v_text(row.id), v_int(after_us),
                 v_text(after_id), v_int(page.size + 1)));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->events = ARENA_ARRAY(c->arena, rows.n + 1, LeadEvent *);
    if (!res->events)
        return fail_memory();
    TRY(take_events(c, &rows, row.lead, res));
    if (!more)
        return ok();
    const struct value *last = row_at(&rows, rows.n - 1);
    const char *key = arena_printf(c->arena, "%" PRId64 " %s", last[0].i, last[1].s.p);
    return page_token(c, row.id, key, &res->next_page_token);
}
