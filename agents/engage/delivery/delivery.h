/* delivery.h: messages on their way: what is due is put through the gate and handed to its provider, each
 * effect once.
 *
 *   loop.c     who does it: a thread that claims what is due, others that attempt it and leave the outcome
 *              to the committer
 *   hands.c    the messages in hand, and the line for an attempt
 *   batch.c    claims, many through one snapshot and with one commit
 *   claim.c    the unit that lets a message through: gate, words, place in the lead's order, state SENDING
 *   words.c    what is handed over
 *   preview.c  the same of a message that is only asked about
 *   attempt.c  the drivers
 *   outcome.c  the unit that tells what became of it
 *   pace.c     how fast a channel may go
 *   marks.c    which claims were not attempted, for whoever comes after a process that was killed
 *
 * Every step states the version of the message's row that it read, so of two who have a message in hand, in
 * this process or another, one goes on. A message in SENDING whose lease (its due_time) has run out was left
 * by a process that died or stood still, and so was every one that is found at the start where one process at
 * a time writes to the database, or in a database that was put back (agents/record/moved.h). What that
 * process did not come to attempt, by its marks, is sent as if nothing had been. Else a mail is UNKNOWN, and
 * never sent again on its own; a webhook, whose receiver acts once on a key, is sent again with the same
 * bytes and key. */
#ifndef AGENTS_ENGAGE_DELIVERY_DELIVERY_H
#define AGENTS_ENGAGE_DELIVERY_DELIVERY_H

#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

struct delivery;

struct delivery_options {
    unsigned threads;      /* that deliver; each keeps its connections */
    unsigned attempts;     /* to hand over a message that a provider does not take, at least 1 */
    int64_t first_wait_us; /* after the first attempt; four times as long after each further one */
    int64_t margin_us;     /* by which a lease outlasts the longest attempt: for commits that take long */
};

/* Starts the threads; their memory is the arena's, which must last until delivery_stop. app->send is set. */
MUSTCHECK struct status delivery_start(struct app *app, const struct delivery_options *o, struct arena *a,
                                       struct delivery **ret);
/* Waits for attempts under way; what is waiting stays for the next start, or another replica. NULL is
 * allowed. */
void delivery_stop(struct delivery *d);

/* What would be handed over of a message that is not stored, in place of its name: nothing of it can be sent,
 * followed or signed. Fails: as the template's rendering; CHANNEL_STATE where no channel can be used. */
MUSTCHECK struct status delivery_preview(struct ctx *c, Message *m, const Lead *lead,
                                         PreviewMessageResponse *res);

extern const struct stmt_table delivery_statements;

C_END
#endif
