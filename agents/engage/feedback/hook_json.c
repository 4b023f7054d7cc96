/* Delivery events from JSON. */
#include "agents/engage/feedback/feedback_private.h"
#include "agents/record/times.h"
#include "base/clock.h"

#include <jansson.h>

/* Puts the value of a member of event i where it belongs. */
typedef struct status take_fn(struct ctx *c, const json_t *value, void *to, const char *path);

static void json_drop(json_t **j)
{
    json_decref(*j);
}

static struct status wrong(struct ctx *c, const char *path, const char *what)
{
    return fail_field(c->arena, REASON_FIELD_INVALID, "body", "%s: %s", path, what);
}

/* ---- Values ---- */

static struct status take_text(struct ctx *c, const json_t *value, void *to, const char *path)
{
    if (!json_is_string(value))
        return wrong(c, path, "must be a string");
    char *copy = arena_dup(c->arena, str_make(json_string_value(value), json_string_length(value)));
    *(char **)to = copy;
    return copy ? ok() : fail_memory();
}

static struct status take_time(struct ctx *c, const json_t *value, void *to, const char *path)
{
    int64_t us;
    if (!json_is_string(value) || !clock_parse(str_of(json_string_value(value)), &us))
        return wrong(c, path, "must be a time of RFC 3339");
    Timestamp *t = time_message(c->arena, us);
    *(Timestamp **)to = t;
    return t ? ok() : fail_memory();
}

static struct status take_enum(struct ctx *c, const ProtobufCEnumDescriptor *d, const json_t *value, int *ret,
                               const char *path)
{
    const char *name = json_string_value(value);
    const ProtobufCEnumValue *v = name ? protobuf_c_enum_descriptor_get_value_by_name(d, name) : NULL;
    if (!v)
        return wrong(c, path, "must be the name of a value");
    *ret = v->value;
    return ok();
}

static struct status take_type(struct ctx *c, const json_t *value, void *to, const char *path)
{
    int type = 0;
    TRY(take_enum(c, &DeliveryEvent__Type_descriptor, value, &type, path));
    *(DeliveryEvent__Type *)to = (DeliveryEvent__Type)type;
    return ok();
}

static struct status take_bounce(struct ctx *c, const json_t *value, void *to, const char *path)
{
    int bounce = 0;
    TRY(take_enum(c, &Message__Bounce_descriptor, value, &bounce, path));
    *(Message__Bounce *)to = (Message__Bounce)bounce;
    return ok();
}

/* ---- Events ---- */

static const struct member {
    const char *name;
    size_t offset; /* in a DeliveryEvent */
    take_fn *take;
} members[] = {
    { "event_id", offsetof(DeliveryEvent, event_id), take_text },
    { "message", offsetof(DeliveryEvent, message), take_text },
    { "transport_id", offsetof(DeliveryEvent, transport_id), take_text },
    { "type", offsetof(DeliveryEvent, type), take_type },
    { "event_time", offsetof(DeliveryEvent, event_time), take_time },
    { "url", offsetof(DeliveryEvent, url), take_text },
    { "bounce", offsetof(DeliveryEvent, bounce), take_bounce },
    { "status", offsetof(DeliveryEvent, status), take_text },
    { "detail", offsetof(DeliveryEvent, detail), take_text },
};

static const struct member *find(const char *name)
{
    for (size_t i = 0; i < COUNT(members); i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static struct status take_event(struct ctx *c, json_t *json, size_t i, DeliveryEvent *e)
{
    const char *name;
    json_t *value;
    const char *at = arena_printf(c->arena, "events[%zu]", i);
    if (!at)
        return fail_memory();
    if (!json_is_object(json))
        return wrong(c, at, "must be an object");
    json_object_foreach(json, name, value)
    {
        const struct member *m = find(name);
        const char *path = arena_printf(c->arena, "%s.%.80s", at, name);
        if (!path)
            return fail_memory();
        if (!m)
            return wrong(c, path, "there is no such member");
        TRY(m->take(c, value, (char *)e + m->offset, path));
    }
    return ok();
}

struct status events_from_json(struct ctx *c, struct str json, DeliveryEvent ***ret, size_t *ret_n)
{
    json_error_t e;
    CLEANUP(json_drop) json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        return fail_field(c->arena, REASON_FIELD_INVALID, "body", "line %d, column %d: %s", e.line, e.column,
                          e.text);
    json_t *events = json_object_get(root, "events");
    if (!json_is_array(events) || json_object_size(root) != 1)
        return wrong(c, "the report", "must be {\"events\": [...]}");
    size_t n = MIN(json_array_size(events),
                   (size_t)LEAD_EVENTS_MAX + 1); /* one too many is told by report_delivery */
    *ret = ARENA_ARRAY(c->arena, n + 1, DeliveryEvent *);
    if (!*ret)
        return fail_memory();
    for (*ret_n = 0; *ret_n < n; (*ret_n)++) {
        DeliveryEvent *event = (*ret)[*ret_n] = PB_NEW(c->arena, DeliveryEvent);
        if (!event)
            return fail_memory();
        TRY(take_event(c, json_array_get(events, *ret_n), *ret_n, event));
    }
    return ok();
}
