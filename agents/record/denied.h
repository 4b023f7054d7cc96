/* denied.h: calls that were refused for want of a credential or a permission, on their way into the event
 * log. Refusing must stay cheap whatever comes in, so they wait in a queue of fixed size for a job, and what
 * does not fit is only counted. */
#ifndef AGENTS_RECORD_DENIED_H
#define AGENTS_RECORD_DENIED_H

#include "agents/record/app.h"

C_BEGIN

struct denied;

MUSTCHECK struct status denied_open(struct arena *a, struct denied **ret);

/* Notes that the ctx's call was denied with this status. Takes what is known of the caller from the ctx:
 * without a workspace the entry goes to the log of "default". d and peer may be NULL. Any thread; never waits
 * for I/O. */
void denied_note(struct denied *d, const struct ctx *c, const char *peer, struct status why);

/* A job: adds to the ctx's unit an event "call.denied" for each of those that wait, and one
 * "call.denials_dropped" with the number of those that did not fit. */
MUSTCHECK struct status denied_write(struct ctx *c);

C_END
#endif
