/* orchestrator.h: what happens because something happened. Agents never call each other: each effect appends
 * an event (agents/record/events.h), and here events lead to reactions, a row of a table each.
 *
 * A subscriber has a cursor in the database, which moves in the commit of what its reactions did: an event is
 * reacted to once, whatever crashes and however many replicas run. Where a reaction fails for good its event
 * is parked, with the reason, and the others go on; what only failed for now (no store, another writer) is
 * tried again. Events that a subscriber has no reaction to stay in the database. */
#ifndef AGENTS_ORCHESTRATOR_ORCHESTRATOR_H
#define AGENTS_ORCHESTRATOR_ORCHESTRATOR_H

#include "agents/record/event_log.h"

C_BEGIN

/* A new subscriber also needs a row in reaction_cursor, made by a migration, which says where in the log of
 * an older database it begins. */
struct reaction {
    const char *subscriber; /* "engage" */
    const char *action;     /* "lead.triaged" */
    /* "journeys": there is nothing to do in a workspace that never had this in service
     * (agents/record/active.h), so its events are not even read; "": there may be in any. The same for all of
     * a subscriber. */
    const char *slot;
    /* Adds to the ctx's unit what follows from the event. The ctx is one of the event's workspace and trace,
     * with the principal "agents/SUBSCRIBER". Other events may be reacted to in the same unit. */
    struct status (*react)(struct ctx *c, const struct event_seen *e);
};

struct orchestrator;

/* The reactions (ended by a row without subscriber) must stay where they are. */
MUSTCHECK struct status orchestrator_open(const struct reaction *reactions, struct arena *a,
                                          struct orchestrator **ret);
void orchestrator_close(struct orchestrator *o); /* NULL is allowed */

/* A job: commits the reactions of each subscriber to its next events, in units of its own. One thread. Fails:
 * as the store; what failed is tried again at the next call. */
MUSTCHECK struct status orchestrator_react(struct ctx *c);

/* Handlers of SystemService: what was parked in the caller's workspace; another try with one of it, in the
 * call's own unit; and leaving one alone. */
MUSTCHECK struct status list_parked_events(struct ctx *c, const ListParkedEventsRequest *req,
                                           ListParkedEventsResponse *res);
MUSTCHECK struct status retry_parked_event(struct ctx *c, const RetryParkedEventRequest *req,
                                           ParkedEvent *res);
MUSTCHECK struct status dismiss_parked_event(struct ctx *c, const DismissParkedEventRequest *req,
                                             ParkedEvent *res);

extern const struct stmt_table orchestrator_statements;

C_END
#endif
