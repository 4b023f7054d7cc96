/* lead_events.h: what leads did (the table lead_event): each event is stored once, counts for its lead's
 * engagement, and is told in the log. Callers send such events (agents/lead), and messages make them
 * (agents/engage/feedback). */
#ifndef AGENTS_RECORD_LEAD_EVENTS_H
#define AGENTS_RECORD_LEAD_EVENTS_H

#include "agents/record/leads.h"

C_BEGIN

#define LEAD_EVENTS_MAX 1000 /* of one unit */

/* Types of events about messages begin with the first, their ids with the second: nobody else may use them.
 */
#define LEAD_EVENT_MESSAGE_TYPE "message."
#define LEAD_EVENT_MESSAGE_ID "message/"

struct lead_events;

/* For one unit; in the ctx's arena. Fails: as active_get. */
MUSTCHECK struct status lead_events_open(struct ctx *c, struct lead_events **ret);

/* Learns which of these events are stored. At most LEAD_EVENTS_MAX ids, which live as long as the unit. */
MUSTCHECK struct status lead_events_ask(struct lead_events *all, const char *const *ids, size_t n);

/* An event of this id is stored, as far as it was asked for, or will be with this unit. */
bool lead_events_known(const struct lead_events *all, const char *id);

/* Adds the event, which is not known, to the unit and to the engagement of its lead, which the caller saves.
 * Of `e` its identities are left out: the lead has them. Where another writer stored an event of this id
 * meanwhile the unit fails with CONFLICT. */
MUSTCHECK struct status lead_events_add(struct lead_events *all, const LeadEvent *e, int64_t event_us,
                                        struct lead_row *row);

extern const struct stmt_table lead_events_statements;

C_END
#endif
