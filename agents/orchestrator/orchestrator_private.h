/* orchestrator_private.h: between the files of this room. */
#ifndef AGENTS_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H
#define AGENTS_ORCHESTRATOR_ORCHESTRATOR_PRIVATE_H

#include "agents/orchestrator/orchestrator.h"
#include "store/db.h"

C_BEGIN

enum reaction_stmt {
    CURSOR_GET,
    CURSOR_MOVE,
    PARK,
    PARKED_LIST, /* workspace, after seq, after subscriber, with the dismissed (1), limit -> PARKED_COLUMNS */
    PARKED_GET,  /* workspace, subscriber, seq -> PARKED_COLUMNS */
    PARKED_DISMISS, /* time, who, why, workspace, subscriber, seq */
    UNPARK,         /* workspace, subscriber, seq */
    REACTION_STATEMENTS
};
extern const struct stmt reaction_sql[REACTION_STATEMENTS];

/* Has the subscriber react to the event: to the ctx's unit is added what follows. */
MUSTCHECK struct status orchestrator_apply(const struct orchestrator *o, struct ctx *c,
                                           const char *subscriber, const struct event_seen *e);

C_END
#endif
