/* ctx.h: what one call or one tick of a job carries with it. Made by server/rpc (or a job), passed to every
 * handler, never global.
 *
 * A handler reads through its snapshot (store/db.h), decides, and leaves its effects in `unit`; whoever made
 * the ctx commits the unit and answers only then. A handler may run again (another writer was first), so it
 * keeps no effect of its own outside the unit and the response. One thread at a time uses a ctx. */
#ifndef BASE_CTX_H
#define BASE_CTX_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

struct app;       /* agents/record/app.h: the parts that main opened */
struct db;        /* store/db.h: where db_query reads */
struct db_read;   /* store/db.h: the snapshot, opened at the first read */
struct memo;      /* store/memo.h: what the snapshot has answered */
struct unit;      /* store/db.h: the effects */
struct principal; /* server/iam/principal.h: whom a credential stands for */

struct ctx {
    struct arena *arena;
    struct app *app;
    struct db *db;                  /* NULL where the call reads nothing */
    const char *method;             /* "marketing.v1.TriageService/TriageLead", or the job's name */
    const char *workspace;          /* the tenant, from the credential; never from the request */
    const char *principal;          /* who calls: "anonymous" without authentication */
    const struct principal *caller; /* the same, with what it may do; NULL without authentication */
    const char *peer;               /* the caller's address where the method needs no credential, else "" */
    const char *request_id;         /* the request's own id, "" where it gave none */
    const char *trace_id;           /* 32 hex digits from traceparent, or made here */
    int64_t now_us;                 /* wall time at which this attempt decides; all its rows carry it */
    int64_t because_us;             /* when that happened which it reacts to; 0: now */
    int64_t deadline_us;            /* on clock_mono_us(); INT64_MAX: none */
    int attempt;                    /* 0 for the first run */
    const volatile bool *cancelled; /* set when the caller hung up; may be NULL */
    struct db_read *read;
    struct memo *memo; /* of several ctxs that share `read`; NULL: every query is asked */
    struct unit *unit;
    bool every_workspace; /* store/db.h, "The wall": what it reads and writes is not its workspace's alone */
    /* On the thread that receives calls a read that would wait for another process fails and leaves
     * `had_to_wait`; then the handler runs again where it may wait. Most calls of hot methods read nothing
     * that is not in memory, and never get there. */
    bool may_not_wait, had_to_wait;
    /* Set where no commit will check the answer (validate_only, a comparison of etags): what memory says of
     * the store is not enough. */
    bool ask_store;
    /* Streams that go ahead (server/rpc/rpc.h): the item before is not durable yet; set by the handler: this
     * one must wait for it; set by the handler: the message holds more than this item. */
    bool ahead, too_early, more;
    /* Set by a handler: called once after its unit was committed and before the caller is answered, on the
     * committer's thread. It must not block or fail: it marks a cache stale, wakes a job. */
    void (*after_commit)(struct ctx *c);
    /* Set by a handler of a unary call that returns ok: a refusal that goes with an effect. The caller is
     * answered this once the unit is durable. */
    struct status verdict;
};

C_END
#endif
