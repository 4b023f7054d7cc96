/* feedback.h: what became of messages after they left (proto/marketing/v1/feedback.proto, docs/feedback.md).
 *
 *   report.c   a batch of events: each checked, its message found, recorded once
 *   effect.c   what an event does to its message and to what may be sent from now on
 *   hook.c     what a channel's provider posts: signed, as JSON (hook_json.c)
 *   mail.c     mails that come back, read by mail_report.c
 *   soft.c     when mails that come back for now have come back too often */
#ifndef AGENTS_ENGAGE_FEEDBACK_FEEDBACK_H
#define AGENTS_ENGAGE_FEEDBACK_FEEDBACK_H

#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

MUSTCHECK struct status record_delivery_events(struct ctx *c, const RecordDeliveryEventsRequest *req,
                                               RecordDeliveryEventsResponse *res);

MUSTCHECK struct status receive_delivery_events(struct ctx *c, const ReceiveDeliveryEventsRequest *req,
                                                ReceiveDeliveryEventsResponse *res);

MUSTCHECK struct status ingest_mail_report(struct ctx *c, const IngestMailReportRequest *req,
                                           IngestMailReportResponse *res);

/* Who tells of events. What a source tells twice under one id happened once; another source's ids are others.
 */
struct report_source {
    const char *name;
    const char *channel; /* "channels/x": it may tell of messages that left through it alone; "": of all */
};

/* Records events, at most 1,000. `field` is what they are called in errors. */
MUSTCHECK struct status report_delivery(struct ctx *c, const struct report_source *source,
                                        DeliveryEvent *const *events, size_t n, const char *field,
                                        RecordDeliveryEventsResponse *res);

extern const struct stmt_table feedback_statements;

C_END
#endif
