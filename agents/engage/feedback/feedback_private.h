/* feedback_private.h: between the files of this room: a batch of events of one unit. */
#ifndef AGENTS_ENGAGE_FEEDBACK_FEEDBACK_PRIVATE_H
#define AGENTS_ENGAGE_FEEDBACK_FEEDBACK_PRIVATE_H

#include "agents/engage/feedback/feedback.h"
#include "agents/engage/message/message.h"
#include "agents/record/lead_events.h"
#include "agents/record/lead_set.h"

C_BEGIN

/* The name of the message that a transport id seems to be of: "messages/-" where it can be none. NULL over
 * the budget. */
const char *message_by_transport_id(struct ctx *c, const char *transport_id);

/* Reads {"events": [...]}, whose members are those of a DeliveryEvent as proto3 has them in JSON. Fails:
 * FIELD_INVALID with what is wrong and where. */
MUSTCHECK struct status events_from_json(struct ctx *c, struct str json, DeliveryEvent ***ret, size_t *ret_n);

/* ---- Effects ---- */

/* A message that events of the unit are about. */
struct subject {
    struct message_row row;
    struct lead_row *lead; /* one of the set's; NULL: it is gone */
    bool noted, suppressed, complained;
};

/* An event that is to be recorded. */
struct happening {
    const DeliveryEvent *event;
    const char *id; /* as a lead event */
    int64_t time_us;
    Message__Bounce bounce; /* unset: it is no bounce */
    struct subject *of;
};

/* "message.opened": of the log's action, and of the lead event's type. `type` is set. */
const char *happening_name(DeliveryEvent__Type type);

/* How a mail came back, by the enhanced status code (RFC 3463); unset where the text is none, or tells of no
 * failure. */
Message__Bounce bounce_by_status(const char *status);

/* What the event says of its message: times, counts, its state where that was not known. */
MUSTCHECK struct status happening_note(struct ctx *c, const struct happening *h);

/* Adds to the unit that the address takes no more, where the event says so. */
MUSTCHECK struct status happening_suppress(struct ctx *c, const struct happening *h);

/* The same for the address that the message went to, whatever its events say. */
MUSTCHECK struct status subject_suppress(struct ctx *c, struct subject *s, Suppression__Cause cause);

/* Adds to the unit what the events of the batch mean for the leads of these messages: whoever complained is
 * unsubscribed, and no send goes on that was decided before. Once a unit, before the leads are saved. */
MUSTCHECK struct status subjects_heed(struct ctx *c, struct subject *all, size_t n);

/* ---- Soft bounces ---- */

/* Suppresses addresses that came back too often, the events of this unit included. */
MUSTCHECK struct status soft_bounces_count(struct ctx *c, const struct happening *all, size_t n);

/* The attributes of lead events about messages that this room reads again, and their values: "email", "soft".
 * In the arena; NULL over the budget. */
#define ATTRIBUTE_MEDIUM "medium"
#define ATTRIBUTE_BOUNCE "bounce"
const char *medium_name(struct ctx *c, Medium medium);

C_END
#endif
