/* event_log.h: reading the event log (events.h) as it grows, without missing what is committed out of order.
 *
 * On SQLite there is one writer, and numbers are committed in their order. On PostgreSQL another replica may
 * have taken a smaller number and not have committed it yet; so the end of the log is noted together with the
 * transactions that were writing to it, and what is up to there is complete once all of them have ended. A
 * number that is still missing then belongs to a transaction that was undone, and never comes. */
#ifndef AGENTS_RECORD_EVENT_LOG_H
#define AGENTS_RECORD_EVENT_LOG_H

#include "agents/record/app.h"
#include "base/buf.h"

C_BEGIN

struct event_log {
    int64_t complete;   /* nothing will be added up to here any more */
    int64_t end;        /* of the log, when it was looked at last; 0: never */
    struct buf writers; /* transactions that could still commit something below `end`, with blanks between */
};

void event_log_init(struct event_log *l);
void event_log_done(struct event_log *l);

/* Moves l->complete on, to the end of the log where nobody is writing to it; what the ctx reads from now on
 * shows all of the log up to it. To be called again and again, by one thread at a time, with a ctx that
 * reaches all workspaces (db_reach_all), or always its own one alone: then it is that one's log. Fails: as
 * db_query. */
MUSTCHECK struct status event_log_follow(struct ctx *c, struct event_log *l);

/* An event as others react to it. Texts lie in the arena. */
struct event_seen {
    int64_t seq, time_us;
    const char *workspace, *action, *subject, *decision;
    const char *trace_id; /* 32 hex digits, or "" */
    struct str payload;
};

#define EVENT_ACTIONS_MAX 8
struct event_actions {
    const char *names[EVENT_ACTIONS_MAX];
    size_t n;         /* at least 1 */
    const char *slot; /* only of workspaces that ever had this in service (active.h); "": of all */
};

/* At most `limit` events of these actions with seq in (from, to], in order. Whether a workspace had something
 * in service, and its events, are of one snapshot. */
MUSTCHECK struct status event_log_read(struct ctx *c, int64_t from, int64_t to,
                                       const struct event_actions *actions, size_t limit,
                                       struct event_seen **ret, size_t *ret_n);

/* The same of the ctx's own workspace, of actions that begin with `prefix` ("message."). */
MUSTCHECK struct status event_log_read_own(struct ctx *c, int64_t from, int64_t to, const char *prefix,
                                           size_t limit, struct event_seen **ret, size_t *ret_n);

extern const struct stmt_table event_log_statements;

C_END
#endif
