/* committer.h: makes units of work durable, many with one commit.
 *
 * One thread takes whatever is queued (it never waits for more), writes it in one transaction, and calls each
 * unit's done() after the commit. So a unit alone costs one commit, and under load a commit is shared by tens
 * of units. */
#ifndef STORE_COMMITTER_H
#define STORE_COMMITTER_H

#include "store/db.h"

C_BEGIN

struct committer;

struct committer_stats {
    uint64_t units, groups, failed_units, redone_groups; /* since start */
    uint64_t queued;                                     /* now, those being written included */
    uint64_t commit_us_total;
};

/* Queues at most queue_limit units. */
MUSTCHECK struct status committer_start(struct db *db, size_t queue_limit, struct arena *a,
                                        struct committer **ret);
/* Commits what is queued, then stops the thread. Later submissions fail with DRAINING. NULL is allowed. */
void committer_stop(struct committer *);

/* Hands the unit over. On success done() will be called once, on the committer's thread, and the caller keeps
 * its hands off the unit until then; on failure (OVERLOADED, DRAINING, REQUEST_TOO_LARGE) done() is never
 * called. Any thread. */
MUSTCHECK struct status committer_submit(struct committer *, struct unit *u);
/* Hands over all units of a chain (linked by `next`, the newest first), which then lie in the queue as one
 * and so share a commit, or as few as hold them. done() is called for each: for those that committer_submit
 * would refuse at once, on this thread, with that as the outcome. Any thread; an empty chain is allowed. */
void committer_submit_chain(struct committer *, struct unit *newest);
/* Submits and waits for the outcome: for jobs and tools, never for a thread that serves calls. */
MUSTCHECK struct status committer_run(struct committer *, struct unit *u);
/* Submits all and waits for all; each has its outcome then. The number that were made durable. */
size_t committer_run_all(struct committer *, struct unit *units, size_t n);
/* Has `fn` called on the committer's thread after each group in which a unit with `news` became durable; it
 * must not block. fn NULL: nobody is called any more, and no call is under way. Any thread. */
void committer_on_news(struct committer *, void (*fn)(void *arg), void *arg);
void committer_stats(struct committer *, struct committer_stats *ret);

C_END
#endif
