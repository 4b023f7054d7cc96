/* Mails that come back. */
#include "agents/engage/feedback/feedback_private.h"
#include "agents/engage/feedback/mail_report.h"
#include "base/ids.h"

static const struct report_source source = { "mail", "" };

/* What a mail of a kind tells. TYPE_UNSPECIFIED: nothing that is recorded. */
static const struct {
    IngestMailReportResponse__Kind kind;
    DeliveryEvent__Type type;
} kinds[] = {
    [MAIL_OTHER] = { INGEST_MAIL_REPORT_RESPONSE__KIND_UNSPECIFIED, DELIVERY_EVENT__TYPE_UNSPECIFIED },
    [MAIL_AUTOMATIC] = { INGEST_MAIL_REPORT_RESPONSE__KIND_AUTOMATIC, DELIVERY_EVENT__TYPE_UNSPECIFIED },
    [MAIL_REPLY] = { INGEST_MAIL_REPORT_RESPONSE__KIND_REPLY, DELIVERY_EVENT__TYPE_REPLIED },
    [MAIL_DELAYED] = { INGEST_MAIL_REPORT_RESPONSE__KIND_DELAYED, DELIVERY_EVENT__TYPE_UNSPECIFIED },
    [MAIL_DELIVERED] = { INGEST_MAIL_REPORT_RESPONSE__KIND_DELIVERED, DELIVERY_EVENT__TYPE_DELIVERED },
    [MAIL_FAILED] = { INGEST_MAIL_REPORT_RESPONSE__KIND_FAILED, DELIVERY_EVENT__TYPE_BOUNCED },
    [MAIL_COMPLAINT] = { INGEST_MAIL_REPORT_RESPONSE__KIND_COMPLAINT, DELIVERY_EVENT__TYPE_COMPLAINED },
};

/* The first of the ids that is one of our messages'; *ret stays "" where none is. */
static struct status find_message(struct ctx *c, const struct mail_report *r, const char **ret)
{
    *ret = "";
    for (size_t i = 0; i < r->n_ids && !**ret; i++) {
        struct message_row row;
        const char *id = arena_dup(c->arena, r->ids[i]);
        const char *name = id ? message_by_transport_id(c, id) : NULL;
        if (!name)
            return fail_memory();
        struct status s = message_load(c, name, &row);
        if (s.code != CODE_NOT_FOUND && s.code != CODE_INVALID_ARGUMENT)
            TRY(s);
        if (is_ok(s) && strcmp(row.message->transport_id, id) == 0)
            *ret = row.message->name;
    }
    return ok();
}

/* A mail is known by its bytes. Where the server that sent it back tells no code we cannot know that the
 * address is none. */
static struct status make_event(struct ctx *c, const IngestMailReportRequest *req,
                                const struct mail_report *r, DeliveryEvent *e)
{
    char mark[ID_TEXT];
    id_derive(STR("mail report"), str_make((const char *)req->mail.data, req->mail.len), mark);
    e->event_id = arena_dup(c->arena, str_of(mark));
    e->type = kinds[r->kind].type;
    e->detail = (char *)r->detail;
    if (e->type == DELIVERY_EVENT__TYPE_BOUNCED) {
        e->bounce = bounce_by_status(r->status);
        e->status = e->bounce ? (char *)r->status : (char *)protobuf_c_empty_string;
        e->bounce = e->bounce ? e->bounce : MESSAGE__BOUNCE_SOFT;
    }
    return e->event_id ? ok() : fail_memory();
}

static struct status record(struct ctx *c, DeliveryEvent *e, IngestMailReportResponse *res)
{
    RecordDeliveryEventsResponse done = RECORD_DELIVERY_EVENTS_RESPONSE_INIT;
    e->message = res->message;
    TRY(report_delivery(c, &source, &e, 1, "mail", &done));
    res->recorded = done.recorded_count == 1;
    return ok();
}

struct status ingest_mail_report(struct ctx *c, const IngestMailReportRequest *req,
                                 IngestMailReportResponse *res)
{
    struct mail_report r;
    DeliveryEvent e = DELIVERY_EVENT_INIT;
    const char *message;
    if (req->mail.len == 0 || req->mail.len > MAIL_REPORT_BYTES_MAX)
        return fail_field(c->arena, req->mail.len ? REASON_FIELD_TOO_LONG : REASON_FIELD_REQUIRED, "mail",
                          "must be 1 to %u bytes", MAIL_REPORT_BYTES_MAX);
    if (!mail_report_read(c->arena, str_make((const char *)req->mail.data, req->mail.len), &r))
        return fail_memory();
    TRY(find_message(c, &r, &message));
    res->kind = kinds[r.kind].kind;
    res->message = (char *)message;
    TRY(make_event(c, req, &r, &e));
    return *message && e.type ? record(c, &e, res) : ok();
}
