/* IngestEvents and ListLeadEvents. */
#include "agents/record/events.h"
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/checks.h"
#include "agents/record/engagement.h"
#include "agents/record/lead_set.h"
#include "agents/record/pages.h"
#include "agents/record/row_status.h"
#include "agents/record/times.h"
#include "base/ids.h"

#include <inttypes.h>

#define EVENT_ID_MAX 128
#define EVENT_TYPE_MAX 64
#define ATTRIBUTES_MAX 64
#define NAME_MAX_BYTES 128
#define VALUE_MAX_BYTES 1024
#define SEEN_SLOTS 4096 /* a power of two, more than twice BATCH_MAX */

struct ingest {
    struct ctx *c;
    const struct engagement_axis *axis;
    struct lead_set *set;
    IngestEventsResponse *res;
    const char *seen[SEEN_SLOTS]; /* ids that are stored, or will be with this unit */
};

/* ---- Checking ---- */

static bool is_event_id(const char *id)
{
    size_t n = strnlen(id, EVENT_ID_MAX + 1);
    for (size_t i = 0; i < n; i++)
        if (id[i] < 0x20 || id[i] > 0x7e)
            return false;
    return n >= 1 && n <= EVENT_ID_MAX;
}

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

static struct status check_event(struct ctx *c, const LeadEvent *e, const char *field, int64_t *ret_us)
{
    struct checks k = checks_start(c->arena);
    if (!is_event_id(e->event_id))
        check_fail(&k, *e->event_id ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, field, "event_id",
                   "1 to 128 printable ASCII characters");
    if (!is_event_type(e->type))
        check_fail(&k, *e->type ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, field, "type",
                   "1 to 64 of [a-z0-9_.]");
    if (!*e->lead && !*e->email && !*e->external_id)
        check_fail(&k, REASON_FIELD_REQUIRED, field, "lead",
                   "name the lead, or give an email or external_id");
    check_attributes(&k, e, field);
    TRY(k.s);
    const char *time_field = e->event_time ? arena_printf(c->arena, "%s.event_time", field) : field;
    return time_field ? given_time(c, e->event_time, time_field, ret_us) : fail_memory();
}

/* ---- Ids seen before ---- */

static const char **slot(struct ingest *g, const char *id)
{
    size_t at = hash64(str_of(id), 0) & (SEEN_SLOTS - 1);
    while (g->seen[at] && strcmp(g->seen[at], id))
        at = (at + 1) & (SEEN_SLOTS - 1);
    return &g->seen[at];
}

static struct status ask(struct ingest *g, const char *const *ids, size_t n)
{
    struct value args[1 + EVENT_GROUP] = { v_text(g->c->workspace) };
    struct rows rows;
    if (n == 0)
        return ok();
    for (size_t i = 0; i < EVENT_GROUP; i++)
        args[1 + i] = v_text(ids[MIN(i, n - 1)]); /* padded with the last one */
    TRY(db_query(g->c, &lead_room_sql[EVENT_IDS], args, &rows));
    for (size_t i = 0; i < rows.n; i++)
        *slot(g, row_at(&rows, i)[0].s.p) = row_at(&rows, i)[0].s.p;
    return ok();
}

/* Learns which of the events are stored. */
static struct status find_stored(struct ingest *g, const IngestEventsRequest *req)
{
    const char *ids[EVENT_GROUP];
    size_t n = 0;
    for (size_t i = 0; i < req->n_events; i++) {
        if (!is_event_id(req->events[i]->event_id))
            continue;
        ids[n++] = req->events[i]->event_id;
        if (n < EVENT_GROUP)
            continue;
        TRY(ask(g, ids, n));
        n = 0;
    }
    return ask(g, ids, n);
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

/* As it is kept: its lead is the row's column, and who it was known by is the lead's matter. */
static struct status pack_event(struct ctx *c, const LeadEvent *e, int64_t event_us, struct str *ret)
{
    LeadEvent kept = *e;
    kept.lead = kept.email = kept.external_id = (char *)protobuf_c_empty_string;
    kept.event_time = time_message(c->arena, event_us);
    kept.ingest_time = time_message(c->arena, c->now_us);
    if (!kept.event_time || !kept.ingest_time)
        return fail_memory();
    *ret = pb_pack(c->arena, &kept);
    return ret->p ? ok() : fail_memory();
}

/* Of what a caller wrote the log holds nothing, for it outlives the lead; marks of the event's id and type
 * let those who react find the event, and see whether they need to. */
static struct status announce_event(struct ctx *c, const LeadEvent *e, int64_t event_us,
                                    const struct lead_row *row)
{
    char mark[ID_TEXT], type[ID_TEXT];
    LeadEvent told = LEAD_EVENT_INIT;
    event_id_mark(str_of(e->event_id), mark);
    event_type_mark(str_of(e->type), type);
    told.event_id = mark;
    told.type = type;
    told.event_time = time_message(c->arena, event_us);
    struct str payload = told.event_time ? pb_pack(c->arena, &told) : str_make(NULL, 0);
    if (!payload.p)
        return fail_memory();
    lead_event(c, "lead.event_recorded", row->lead, "", payload);
    return ok();
}

static struct status store_event(struct ingest *g, const LeadEvent *e, int64_t event_us, struct lead_row *row)
{
    struct str data;
    double weight = engagement_weight(g->axis, str_of(e->type));
    TRY(pack_event(g->c, e, event_us, &data));
    TRY(lead_engage(g->c, row->lead, event_us, weight, g->axis->half_life_us));
    UNIT_ADD(g->c->unit, &lead_room_sql[EVENT_INSERT], 1, REASON_CONFLICT, v_text(g->c->workspace),
             v_text(e->event_id), v_text(row->id), v_int(event_us), v_int(g->c->now_us), v_text(e->type),
             v_bytes(data));
    return announce_event(g->c, e, event_us, row);
}

static struct status take_event(struct ingest *g, const LeadEvent *e, const char *field)
{
    struct lead_row *row;
    int64_t event_us;
    TRY(check_event(g->c, e, field, &event_us));
    const char **seen = slot(g, e->event_id);
    if (*seen) {
        g->res->duplicate_count++;
        return ok();
    }
    TRY(find_lead(g, e, field, &row));
    TRY(store_event(g, e, event_us, row));
    *seen = e->event_id;
    g->res->stored_count++;
    return ok();
}

static struct status add_status(struct ingest *g, const LeadEvent *e, size_t i)
{
    const char *field = arena_printf(g->c->arena, "events[%zu]", i);
    struct status s = field ? take_event(g, e, field) : fail_memory();
    if (!is_ok(s) && !row_is_at_fault(s))
        return s;
    RowStatus *r = row_status(g->c->arena, s);
    g->res->statuses[g->res->n_statuses++] = r;
    return r ? ok() : fail_memory();
}

static struct status ingest_start(struct ctx *c, const IngestEventsRequest *req, IngestEventsResponse *res,
                                  struct ingest **ret)
{
    if (req->n_events == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "events", "give 1 to %d", BATCH_MAX);
    if (req->n_events > BATCH_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "events", "at most %d", BATCH_MAX);
    struct ingest *g = ARENA_NEW(c->arena, struct ingest);
    res->statuses = ARENA_ARRAY(c->arena, req->n_events, RowStatus *);
    if (!g || !res->statuses || !(g->set = lead_set_new(c, req->n_events)))
        return fail_memory();
    g->c = c;
    g->res = res;
    *ret = g;
    return lead_axis(c, &g->axis);
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
        if (!e)
            return c->arena->overflow ? fail_memory()
                                      : fail(c->arena, REASON_INTERNAL, "an event cannot be decoded");
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
    res->next_page_token = key ? page_token(c, row.id, key) : NULL;
    return res->next_page_token ? ok() : fail_memory();
}
