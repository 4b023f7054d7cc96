/* A batch of delivery events. */
#include "agents/engage/feedback/feedback_private.h"
#include "agents/record/checks.h"
#include "agents/record/row_status.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "base/fault.h"
#include "base/ids.h"

#define TRANSPORT_ID_MAX 512
#define URL_MAX 2048
#define DETAIL_MAX 1024
#define AHEAD_US US_PER_DAY
#define ATTRIBUTES 7
#define MESSAGES "messages/"
#define PLACES 4096 /* a power of two, more than twice LEAD_EVENTS_MAX */

struct batch {
    struct ctx *c;
    const struct report_source *source;
    const char *field;
    RecordDeliveryEventsResponse *res;
    struct lead_set *leads;
    struct lead_events *events;
    struct subject *subjects;
    size_t n_subjects;
    uint16_t places[PLACES]; /* of subjects, by the hash of their id: number + 1; 0: free */
    struct happening *happened;
    size_t n_happened;
};

/* ---- Checking ---- */

static void check_time(struct ctx *c, struct checks *k, const char *parent, const Timestamp *t)
{
    if (!time_valid(t))
        check_fail(k, REASON_FIELD_INVALID, parent, "event_time", TIME_INVALID);
    else if (t && t->seconds > (c->now_us + AHEAD_US) / US_PER_SECOND)
        check_fail(k, REASON_FIELD_OUT_OF_RANGE, parent, "event_time", "must be at most a day ahead");
}

static Message__Bounce bounce_of(const DeliveryEvent *e)
{
    if (e->type != DELIVERY_EVENT__TYPE_BOUNCED || e->bounce)
        return e->bounce;
    return bounce_by_status(e->status);
}

static void check_bounce(struct checks *k, const char *parent, const DeliveryEvent *e)
{
    Message__Bounce bounce = bounce_of(e);
    if (bounce && e->type != DELIVERY_EVENT__TYPE_BOUNCED)
        check_fail(k, REASON_FIELD_INVALID, parent, "bounce", "goes with BOUNCED");
    else if (!bounce && e->type == DELIVERY_EVENT__TYPE_BOUNCED)
        check_fail(k, REASON_FIELD_REQUIRED, parent, "bounce",
                   "must be given where status is no code of a failure, as \"5.1.1\"");
}

static struct status check(struct batch *b, const char *parent, const DeliveryEvent *e)
{
    struct checks k = checks_start(b->c->arena);
    check_event_id(&k, parent, e->event_id);
    if (!e->type)
        check_fail(&k, REASON_FIELD_REQUIRED, parent, "type", "must be set");
    if (!*e->message == !*e->transport_id)
        check_fail(&k, REASON_FIELD_REQUIRED, parent, "message",
                   "give either the message or its transport_id");
    check_time(b->c, &k, parent, e->event_time);
    check_bounce(&k, parent, e);
    check_length(&k, parent, "transport_id", e->transport_id, TRANSPORT_ID_MAX);
    check_length(&k, parent, "url", e->url, URL_MAX);
    check_length(&k, parent, "detail", e->detail, DETAIL_MAX);
    if (*e->status && !bounce_by_status(e->status))
        check_fail(&k, REASON_FIELD_INVALID, parent, "status", "must be a code of a failure, as \"5.1.1\"");
    return k.s;
}

/* ---- Messages ---- */

/* Without the angle brackets of a header. */
static struct str bare(const char *transport_id)
{
    struct str id = str_trim(str_of(transport_id));
    if (id.n > 2 && id.p[0] == '<' && id.p[id.n - 1] == '>')
        return str_make(id.p + 1, id.n - 2);
    return id;
}

/* Our transport ids are a message's id, with `@` and a domain behind it where it is a mail's. */
const char *message_by_transport_id(struct ctx *c, const char *transport_id)
{
    struct str id = bare(transport_id), local = str_split(&id, '@');
    return id_valid(local) ? arena_printf(c->arena, MESSAGES "%.*s", (int)local.n, local.p) : MESSAGES "-";
}

static struct status load_subject(struct batch *b, const char *name, struct subject *ret)
{
    struct status s = message_load(b->c, name, &ret->row);
    if (s.reason == REASON_FIELD_INVALID)
        return fail(b->c->arena, REASON_MESSAGE_NOT_FOUND, "there is no %s", name);
    TRY(s);
    s = lead_set_load(b->leads, ret->row.message->lead, "lead", &ret->lead);
    if (s.reason == REASON_LEAD_NOT_FOUND) {
        ret->lead = NULL;
        return ok();
    }
    return s;
}

/* The message, loaded once for all events of the unit. */
static struct status find_subject(struct batch *b, const char *name, struct subject **ret)
{
    size_t at = hash64(str_of(name), 0) & (PLACES - 1);
    for (; b->places[at]; at = (at + 1) & (PLACES - 1))
        if (strcmp(b->subjects[b->places[at] - 1].row.message->name, name) == 0) {
            *ret = &b->subjects[b->places[at] - 1];
            return ok();
        }
    struct subject *s = &b->subjects[b->n_subjects];
    TRY(load_subject(b, name, s));
    b->places[at] = (uint16_t)++b->n_subjects;
    *ret = s;
    return ok();
}

/* A transport id names its message in full: another's id with our beginning is none of ours. */
static struct status find_message(struct batch *b, const DeliveryEvent *e, struct subject **ret)
{
    const char *name = *e->message ? e->message : message_by_transport_id(b->c, e->transport_id);
    if (!name)
        return fail_memory();
    TRY(find_subject(b, name, ret));
    const Message *m = (*ret)->row.message;
    if (*e->transport_id && !str_eq(bare(e->transport_id), str_of(m->transport_id)))
        return fail(b->c->arena, REASON_MESSAGE_NOT_FOUND, "no message has the transport id %s",
                    e->transport_id);
    if (*b->source->channel && strcmp(m->channel, b->source->channel) != 0)
        return fail(b->c->arena, REASON_MESSAGE_NOT_FOUND, "no such message left through %s",
                    b->source->channel);
    if (!*m->transport_id)
        return fail(b->c->arena, REASON_MESSAGE_STATE, "%s has not left", m->name);
    return ok();
}

/* ---- Recording ---- */

static struct status put(struct ctx *c, LeadEvent *e, const char *key, const char *value)
{
    if (!value || !*value)
        return value ? ok() : fail_memory();
    LeadEvent__AttributesEntry *a = PB_NEW(c->arena, LeadEvent__AttributesEntry);
    if (!a)
        return fail_memory();
    a->key = (char *)key;
    a->value = (char *)value;
    e->attributes[e->n_attributes++] = a;
    return ok();
}

/* The enum's value without its type's name, in lower case. */
static const char *short_name(struct ctx *c, const ProtobufCEnumDescriptor *d, int value, const char *prefix)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    char *text = arena_dup(c->arena, str_of(v ? v->name + strlen(prefix) : ""));
    for (char *p = text; p && *p; p++)
        *p = ascii_lower(*p);
    return text;
}

const char *medium_name(struct ctx *c, Medium medium)
{
    return short_name(c, &Medium_descriptor, (int)medium, "MEDIUM_");
}

static const char *bounce_name(struct ctx *c, Message__Bounce bounce)
{
    return short_name(c, &Message__Bounce_descriptor, (int)bounce, "BOUNCE_");
}

static struct status tell_lead(struct batch *b, const struct happening *h)
{
    LeadEvent e = LEAD_EVENT_INIT;
    const Message *m = h->of->row.message;
    e.event_id = (char *)h->id;
    e.type = (char *)happening_name(h->event->type);
    e.attributes = ARENA_ARRAY(b->c->arena, ATTRIBUTES, LeadEvent__AttributesEntry *);
    if (!e.attributes)
        return fail_memory();
    TRY(put(b->c, &e, "message", m->name));
    TRY(put(b->c, &e, "channel", m->channel));
    TRY(put(b->c, &e, ATTRIBUTE_MEDIUM, medium_name(b->c, m->medium)));
    TRY(put(b->c, &e, ATTRIBUTE_BOUNCE, h->bounce ? bounce_name(b->c, h->bounce) : ""));
    TRY(put(b->c, &e, "status", h->event->status));
    TRY(put(b->c, &e, "url", h->event->url));
    TRY(put(b->c, &e, "detail", h->event->detail));
    return lead_events_add(b->events, &e, h->time_us, h->of->lead);
}

/* Of a message whose lead is gone only what forbids its address is of use; that may be said twice. */
static struct status record(struct batch *b, const struct happening *h)
{
    TRY(happening_suppress(b->c, h));
    b->res->recorded_count++;
    if (!h->of->lead)
        return ok();
    TRY(happening_note(b->c, h));
    TRY(tell_lead(b, h));
    return message_announce(b->c, h->of->row.message, happening_name(h->event->type));
}

static struct status take(struct batch *b, const char *id, const DeliveryEvent *e, size_t i)
{
    struct happening h = { e, id, 0, bounce_of(e), NULL };
    const char *path = arena_printf(b->c->arena, "%s[%zu]", b->field, i);
    if (!path)
        return fail_memory();
    TRY(check(b, path, e));
    if (lead_events_known(b->events, id)) {
        b->res->duplicate_count++;
        return ok();
    }
    TRY(find_message(b, e, &h.of));
    h.time_us = e->event_time ? time_us(e->event_time) : b->c->now_us;
    b->happened[b->n_happened++] = h;
    return record(b, &h);
}

static struct status take_all(struct batch *b, const char *const *ids, DeliveryEvent *const *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        TRY(row_outcome(b->c->arena, take(b, ids[i], events[i], i), &b->res->statuses[b->res->n_statuses++]));
    return ok();
}

static struct status store(struct batch *b)
{
    TRY(soft_bounces_count(b->c, b->happened, b->n_happened));
    TRY(subjects_heed(b->c, b->subjects, b->n_subjects));
    for (size_t i = 0; i < b->n_subjects; i++)
        if (b->subjects[i].noted)
            TRY(message_store(b->c, &b->subjects[i].row, 0, str_make(NULL, 0)));
    return lead_set_save(b->leads);
}

/* ---- Batches ---- */

/* The ids under which the events are kept: what two sources call alike is not the same. */
static struct status make_ids(struct ctx *c, const char *source, DeliveryEvent *const *events, size_t n,
                              const char ***ret)
{
    const char **ids = *ret = ARENA_ARRAY(c->arena, n, const char *);
    if (!ids)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        char mark[ID_TEXT];
        const char *seed = arena_printf(c->arena, "%s\n%s", source, events[i]->event_id);
        if (!seed)
            return fail_memory();
        id_derive(STR("delivery event"), str_of(seed), mark);
        ids[i] = arena_printf(c->arena, LEAD_EVENT_MESSAGE_ID "%s", mark);
        if (!ids[i])
            return fail_memory();
    }
    return ok();
}

static struct status open_batch(struct ctx *c, size_t n, RecordDeliveryEventsResponse *res,
                                struct batch **ret)
{
    struct batch *b = *ret = ARENA_NEW(c->arena, struct batch);
    res->statuses = ARENA_ARRAY(c->arena, n, RowStatus *);
    if (!b || !res->statuses || !(b->leads = lead_set_new(c, n)) ||
        !(b->subjects = ARENA_ARRAY(c->arena, n, struct subject)) ||
        !(b->happened = ARENA_ARRAY(c->arena, n, struct happening)))
        return fail_memory();
    b->c = c;
    b->res = res;
    return lead_events_open(c, &b->events);
}

struct status report_delivery(struct ctx *c, const struct report_source *source, DeliveryEvent *const *events,
                              size_t n, const char *field, RecordDeliveryEventsResponse *res)
{
    struct batch *b;
    const char **ids;
    if (n == 0)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, field, "give 1 to %d", LEAD_EVENTS_MAX);
    if (n > LEAD_EVENTS_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, field, "at most %d", LEAD_EVENTS_MAX);
    TRY(open_batch(c, n, res, &b));
    b->source = source;
    b->field = field;
    TRY(make_ids(c, source->name, events, n, &ids));
    TRY(lead_events_ask(b->events, ids, n));
    TRY(take_all(b, ids, events, n));
    TRY(store(b));
    (void)FAULT(feedback_before_commit);
    return ok();
}

struct status record_delivery_events(struct ctx *c, const RecordDeliveryEventsRequest *req,
                                     RecordDeliveryEventsResponse *res)
{
    const struct report_source source = { "", "" };
    return report_delivery(c, &source, req->events, req->n_events, "events", res);
}
