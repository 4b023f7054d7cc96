#include "server/rpc/detail.h"

#include "base/pb.h"

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"

#define DETAILS 4 /* kinds, at most one of each */

typedef Google__Rpc__BadRequest__FieldViolation FieldViolation;
typedef Google__Rpc__ErrorInfo__MetadataEntry MetadataEntry;
typedef Google__Rpc__QuotaFailure__Violation QuotaViolation;

static char *text(const char *s)
{
    return (char *)(s ? s : "");
}

static void add(struct arena *a, Google__Rpc__Status *s, void *message)
{
    Google__Protobuf__Any *any = pb_new(a, &google__protobuf__any__descriptor);
    if (!message || !any)
        return;
    struct str bytes = pb_pack(a, message);
    any->type_url =
        arena_printf(a, "type.googleapis.com/%s", ((ProtobufCMessage *)message)->descriptor->name);
    any->value.data = (uint8_t *)bytes.p;
    any->value.len = bytes.n;
    s->details[s->n_details++] = any;
}

static void *error_info(struct arena *a, struct status st, const char *trace_id)
{
    Google__Rpc__ErrorInfo *e = pb_new(a, &google__rpc__error_info__descriptor);
    MetadataEntry *entry = pb_new(a, &google__rpc__error_info__metadata_entry__descriptor);
    MetadataEntry **entries = ARENA_NEW(a, MetadataEntry *);
    if (!e || !entry || !entries)
        return NULL;
    entry->key = text("trace_id");
    entry->value = text(trace_id);
    entries[0] = entry;
    e->reason = text(reason_name((enum reason)st.reason));
    e->domain = text("marketing.v1");
    e->n_metadata = 1;
    e->metadata = entries;
    return e;
}

static void *bad_request(struct arena *a, const struct violation *v, size_t n)
{
    Google__Rpc__BadRequest *b = pb_new(a, &google__rpc__bad_request__descriptor);
    FieldViolation **out = ARENA_ARRAY(a, n, FieldViolation *);
    if (!b || !out)
        return NULL;
    for (; v && b->n_field_violations < n; v = v->next) {
        FieldViolation *f = pb_new(a, &google__rpc__bad_request__field_violation__descriptor);
        if (!f)
            return NULL;
        f->field = text(v->field);
        f->description = text(v->description);
        out[b->n_field_violations++] = f;
    }
    b->field_violations = out;
    return b;
}

static void *quota_failure(struct arena *a, const struct violation *v)
{
    Google__Rpc__QuotaFailure *q = pb_new(a, &google__rpc__quota_failure__descriptor);
    QuotaViolation *one = pb_new(a, &google__rpc__quota_failure__violation__descriptor);
    QuotaViolation **out = ARENA_NEW(a, QuotaViolation *);
    if (!q || !one || !out)
        return NULL;
    one->subject = text(v->field);
    one->description = text(v->description);
    out[0] = one;
    q->violations = out;
    q->n_violations = 1;
    return q;
}

static void *retry_info(struct arena *a, uint32_t ms)
{
    Google__Rpc__RetryInfo *r = pb_new(a, &google__rpc__retry_info__descriptor);
    Google__Protobuf__Duration *d = pb_new(a, &google__protobuf__duration__descriptor);
    if (!r || !d)
        return NULL;
    d->seconds = ms / 1000;
    d->nanos = (int32_t)(ms % 1000) * 1000000;
    r->retry_delay = d;
    return r;
}

static void *request_info(struct arena *a, const char *trace_id)
{
    Google__Rpc__RequestInfo *r = pb_new(a, &google__rpc__request_info__descriptor);
    if (r)
        r->request_id = text(trace_id);
    return r;
}

static struct str pack(struct arena *a, struct status st, const char *trace_id, size_t violations)
{
    Google__Rpc__Status *s = pb_new(a, &google__rpc__status__descriptor);
    Google__Protobuf__Any **details = ARENA_ARRAY(a, DETAILS, Google__Protobuf__Any *);
    if (!s || !details)
        return str_make("", 0);
    s->code = st.code;
    s->message = text(st.message);
    s->details = details;
    add(a, s, error_info(a, st, trace_id));
    if (violations && st.reason == REASON_QUOTA_EXCEEDED)
        add(a, s, quota_failure(a, st.violations));
    else if (violations)
        add(a, s, bad_request(a, st.violations, violations));
    if (st.retry_after_ms)
        add(a, s, retry_info(a, st.retry_after_ms));
    add(a, s, request_info(a, trace_id));
    struct str bytes = a->overflow ? str_make("", 0) : pb_pack(a, s);
    return bytes.p ? bytes : str_make("", 0);
}

struct str detail_pack(struct arena *a, struct status st, const char *trace_id)
{
    size_t n = 0;
    for (const struct violation *v = st.violations; v; v = v->next)
        n++;
    struct str bytes = pack(a, st, trace_id, n);
    while (bytes.n > DETAIL_MAX && n > 0)
        bytes = pack(a, st, trace_id, n /= 2);
    return bytes.n > DETAIL_MAX ? str_make("", 0) : bytes;
}
