/* rpc.h: gRPC calls in, handlers run, answers out. The only room that knows the gRPC C-core, and it knows no
 * agent.
 *
 * To add a method:
 *   1. write the RPC in proto/marketing/v1 and the handler in the room of its agent;
 *   2. put RPC_UNARY, RPC_SERVER_STREAM, RPC_CLIENT_STREAM or RPC_BIDI and a row into server/services.c.
 * rpc_serve refuses to start while an RPC of a registered service has no row, a row names no RPC, its types
 * have another size or its shape is not the proto's; a handler of the wrong type does not compile.
 *
 * The life of a call: admitted from its metadata alone (a stream every few seconds again); put on its lane;
 * the bytes checked (depth, UTF-8, NUL, enum values) and decoded into the call's arena; handler; the unit it
 * left behind committed; answered. Where another writer was first (CONFLICT) the handler runs again on fresh
 * reads, with ctx->attempt one higher and everything it put into the arena gone. A handler therefore keeps no
 * effect outside ctx->unit, its response and (streams) what *_committed writes into its state. */
#ifndef SERVER_RPC_RPC_H
#define SERVER_RPC_RPC_H

#include "base/ctx.h"
#include "store/committer.h"

#include <protobuf-c/protobuf-c.h>

C_BEGIN

/* Where a handler runs. */
enum lane {
    LANE_INLINE, /* on the thread that received the call: arithmetic only, microseconds */
    LANE_READ,   /* may read a snapshot: inline; where a read would wait (PostgreSQL), again on LANE_DB */
    LANE_DB,     /* waits for a database */
    LANE_SLOW,   /* hashes, trains, or else takes long: few threads, kept apart from everything above */
    /* LANE_SLOW after a look on the receiving thread: there ctx->may_not_wait is set, and the handler refuses
     * what it need not work for, or sets ctx->had_to_wait and fails. */
    LANE_GLANCE
};

enum rpc_shape { RPC_SHAPE_UNARY, RPC_SHAPE_SERVER_STREAM, RPC_SHAPE_CLIENT_STREAM, RPC_SHAPE_BIDI };

/* What a server stream's next() did. */
enum rpc_next {
    RPC_END,  /* nothing left: the stream ends with OK; the response is not sent */
    RPC_SEND, /* send the response, then ask again once it was written */
    RPC_WAIT  /* nothing now: ask again after wait_ms (a quarter of a second), or once a unit with news is
                 committed */
};

enum rpc_flags {
    /* Changes something: a request_id in the request makes it happen once (server/rpc/idem.h), unless
     * validate_only is set: then nothing happens, and the id is not used up. */
    RPC_MUTATES = 1 << 0,
    /* A client stream on LANE_DB that goes on while an item is being committed: see RPC_CLIENT_STREAM. */
    RPC_AHEAD = 1 << 1
};

/* The untyped form the runtime calls. Made by the macros below only. */
struct rpc_handler {
    enum rpc_shape shape;
    size_t req_size, res_size;
    struct status (*unary)(struct ctx *, const void *req, void *res);
    struct status (*open)(struct ctx *, const void *req, void **ret_state);
    struct status (*next)(struct ctx *, void *state, void *res, enum rpc_next *ret);
    struct status (*item)(struct ctx *, void *state, const void *req, void *res);
    struct status (*refused)(struct ctx *, void *state, const void *req, struct status why, void *res);
    void (*committed)(struct ctx *, void *state);
    struct status (*finish)(struct ctx *, void *state, void *res);
};

struct rpc_method {
    const ProtobufCServiceDescriptor *service; /* &marketing__v1__triage_service__descriptor */
    const char *name;                          /* "TriageLead" */
    const struct rpc_handler *handler;         /* &triage_lead_rpc */
    enum lane lane;
    const char *scope;  /* what the caller must hold: "leads.triage"; "" for none */
    unsigned quota;     /* which limit counts the call; for the admit hook: server/gate/quota.h */
    unsigned flags;     /* enum rpc_flags */
    unsigned budget_kb; /* arena of one message: decoded request, the handler's memory and the response */
    unsigned max_deadline_ms; /* longest a call may take, and its deadline where the caller gives none; 0: no
                                 end (streams) */
};

/* RPC_UNARY(triage_lead, Req, Res) wants
 *     struct status triage_lead(struct ctx *, const Req *, Res *);
 * and makes triage_lead_rpc. The response comes initialised; what it points at lives in ctx->arena. */
#define RPC_UNARY(fn, Req, Res)                                                                              \
    static struct status fn##_call_(struct ctx *c, const void *req, void *res)                               \
    {                                                                                                        \
        return fn(c, (const Req *)req, (Res *)res);                                                          \
    }                                                                                                        \
    static const struct rpc_handler fn##_rpc = {                                                             \
        RPC_SHAPE_UNARY, sizeof(Req), sizeof(Res), fn##_call_, NULL, NULL, NULL, NULL, NULL, NULL            \
    };

/* Streams keep a state. open() makes it: in open(), ctx->arena is the stream's own and lives as long as the
 * call (foreign resources hang on it by arena_on_reset); elsewhere ctx->arena is the message's and is emptied
 * after each message. A state that must grow keeps the arena of its open(). The functions of one call never
 * run at the same time. On LANE_READ any of them may be run again from its start, on a thread that may wait,
 * when a read of its had to: it changes the state after its last read.
 *
 * RPC_SERVER_STREAM(watch_leads, Req, Res, struct watch) wants
 *     struct status watch_leads_open(struct ctx *, const Req *, struct watch **ret);
 *     struct status watch_leads_next(struct ctx *, struct watch *, Res *, enum rpc_next *ret);
 * The request lives as long as the call. next() is called when the message before it was written; it leaves
 * no unit. */
#define RPC_SERVER_STREAM(fn, Req, Res, State)                                                               \
    static struct status fn##_open_(struct ctx *c, const void *req, void **ret)                              \
    {                                                                                                        \
        State *s = NULL;                                                                                     \
        struct status st = fn##_open(c, (const Req *)req, &s);                                               \
        *ret = s;                                                                                            \
        return st;                                                                                           \
    }                                                                                                        \
    static struct status fn##_next_(struct ctx *c, void *s, void *res, enum rpc_next *ret)                   \
    {                                                                                                        \
        return fn##_next(c, (State *)s, (Res *)res, ret);                                                    \
    }                                                                                                        \
    static const struct rpc_handler fn##_rpc = { RPC_SHAPE_SERVER_STREAM,                                    \
                                                 sizeof(Req),                                                \
                                                 sizeof(Res),                                                \
                                                 NULL,                                                       \
                                                 fn##_open_,                                                 \
                                                 fn##_next_,                                                 \
                                                 NULL,                                                       \
                                                 NULL,                                                       \
                                                 NULL,                                                       \
                                                 NULL };

#define RPC_STREAM_STATE_(fn, State)                                                                         \
    static struct status fn##_open_(struct ctx *c, const void *req, void **ret)                              \
    {                                                                                                        \
        State *s = NULL;                                                                                     \
        struct status st = fn##_open(c, &s);                                                                 \
        *ret = s;                                                                                            \
        return st;                                                                                           \
    }                                                                                                        \
    static void fn##_committed_(struct ctx *c, void *s)                                                      \
    {                                                                                                        \
        fn##_committed(c, (State *)s);                                                                       \
    }

/* RPC_CLIENT_STREAM(import_leads, Req, Res, struct import) wants
 *     struct status import_leads_open(struct ctx *, struct import **ret);
 *     struct status import_leads_item(struct ctx *, struct import *, const Req *);
 *     void import_leads_committed(struct ctx *, struct import *);
 *     struct status import_leads_finish(struct ctx *, struct import *, Res *);
 * The unit that an item leaves is committed before the next message is read (so a fast sender waits). item()
 * may run again after a conflict; committed() runs once for each item, after its unit is durable (or at once
 * where it left none), on the committer's thread: it copies a few numbers into the state and never waits. The
 * call fails with the first item that fails.
 *
 * With RPC_AHEAD the next message is read, and its item() runs, while the unit of the item before is being
 * committed; its own unit is committed after that one. Then ctx->ahead is set, committed() for the item
 * before is still to come (it never runs beside another function of the call), and reads do not show that
 * item's effects. item() takes them from the state, where the item before put them; where that is not enough
 * it sets ctx->too_early, and runs again when they are durable. Where the item before fails and runs again,
 * so does this one after it. An item that would be too large for one unit sets ctx->more: item() then runs
 * again with req NULL, as an item of its own. Memory is that of two messages. */
#define RPC_CLIENT_STREAM(fn, Req, Res, State)                                                               \
    RPC_STREAM_STATE_(fn, State)                                                                             \
    static struct status fn##_item_(struct ctx *c, void *s, const void *req, void *res)                      \
    {                                                                                                        \
        return fn##_item(c, (State *)s, (const Req *)req);                                                   \
    }                                                                                                        \
    static struct status fn##_finish_(struct ctx *c, void *s, void *res)                                     \
    {                                                                                                        \
        return fn##_finish(c, (State *)s, (Res *)res);                                                       \
    }                                                                                                        \
    static const struct rpc_handler fn##_rpc = {                                                             \
        RPC_SHAPE_CLIENT_STREAM, sizeof(Req), sizeof(Res), NULL, fn##_open_, NULL, fn##_item_, NULL,         \
        fn##_committed_,         fn##_finish_                                                                \
    };

/* RPC_BIDI(stream_triage, Req, Res, struct triage_stream) wants
 *     struct status stream_triage_open(struct ctx *, struct triage_stream **ret);
 *     struct status stream_triage_item(struct ctx *, struct triage_stream *, const Req *, Res *);
 *     void stream_triage_committed(struct ctx *, struct triage_stream *);
 *     struct status stream_triage_refused(struct ctx *, struct triage_stream *, const Req *,
 *                                         struct status why, Res *);
 *     struct status stream_triage_finish(struct ctx *, struct triage_stream *);
 * One reply an item, in order, each written after the item's unit is durable. An item that fails, or whose
 * unit does, goes to refused(): it either puts the error into the (fresh) response and returns ok(), and the
 * stream goes on, or returns the status that ends the call. */
#define RPC_BIDI(fn, Req, Res, State)                                                                        \
    RPC_STREAM_STATE_(fn, State)                                                                             \
    static struct status fn##_item_(struct ctx *c, void *s, const void *req, void *res)                      \
    {                                                                                                        \
        return fn##_item(c, (State *)s, (const Req *)req, (Res *)res);                                       \
    }                                                                                                        \
    static struct status fn##_refused_(struct ctx *c, void *s, const void *req, struct status why,           \
                                       void *res)                                                            \
    {                                                                                                        \
        return fn##_refused(c, (State *)s, (const Req *)req, why, (Res *)res);                               \
    }                                                                                                        \
    static struct status fn##_finish_(struct ctx *c, void *s, void *res)                                     \
    {                                                                                                        \
        return fn##_finish(c, (State *)s);                                                                   \
    }                                                                                                        \
    static const struct rpc_handler fn##_rpc = { RPC_SHAPE_BIDI,  sizeof(Req), sizeof(Res), NULL,            \
                                                 fn##_open_,      NULL,        fn##_item_,  fn##_refused_,   \
                                                 fn##_committed_, fn##_finish_ };

struct rpc_call; /* one call, as the admit hook sees it */

/* The first value of a metadata key (lower case). False where the call has none. Lives as long as the call.
 */
bool rpc_metadata(const struct rpc_call *call, const char *key, struct str *ret);
const struct rpc_method *rpc_call_method(const struct rpc_call *call);
/* The caller's address ("ipv4:127.0.0.1:41000"), copied into the arena. */
const char *rpc_peer(const struct rpc_call *call, struct arena *a);

#define RPC_PEER_NAMES 8

/* The names in the certificate that the caller's connection showed: of its subject alternative names the
 * URIs, then the DNS names (in small letters), each in the certificate's order; never the subject. At most
 * RPC_PEER_NAMES, texts copied into the arena; 0 where the connection has no TLS. */
size_t rpc_peer_names(const struct rpc_call *call, struct arena *a, struct str ret[RPC_PEER_NAMES]);

/* Calls release(p) when the call has ended, and nothing of it looks at p any more. Once a call at most. */
void rpc_keep(const struct rpc_call *call, void (*release)(void *), void *p);

/* Decides from the metadata alone whether the call goes on, before a byte of the request is unpacked, and
 * sets ctx->workspace and ctx->principal to texts that live as long as the call (rpc_keep). It runs on the
 * receiving thread and may read through the ctx; where a read of its had to wait it runs again, from its
 * start, on a thread that may. */
typedef struct status (*rpc_admit_fn)(void *arg, const struct rpc_call *call, struct ctx *c);

/* Asked again of an open stream, under the same rules: whether it may still go on. It leaves the ctx as it
 * is. What it fails with ends the stream. */
typedef struct status (*rpc_readmit_fn)(void *arg, const struct rpc_call *call, struct ctx *c);

struct rpc_options {
    const char *address; /* "127.0.0.1:50052", "unix:/run/x.sock"; port 0 takes a free one */
    const struct rpc_method *methods;
    size_t n_methods;
    struct str descriptors; /* the FileDescriptorSet of every registered service, for reflection and the
                               checks at start */
    struct app *app;        /* handed to the handlers */
    struct db *db;          /* NULL: no reads, no units, no request ids (benches) */
    struct committer *committer;
    rpc_admit_fn admit;     /* NULL: everyone is "anonymous" in the workspace "default" */
    rpc_readmit_fn readmit; /* NULL: whoever was admitted stays */
    void *admit_arg;        /* of both */
    bool knows_callers;     /* admit refuses strangers */
    /* PEM files, all or none: TLS with client certificates. Read again as they change. */
    const char *tls_cert, *tls_key, *tls_client_ca;
    unsigned threads; /* that receive calls, on one completion queue */
    unsigned slots;   /* calls at once, those waiting for a lane included */
    unsigned streams; /* of them at most this many streams */
    unsigned db_threads, db_queue;
    unsigned slow_threads, slow_queue;
    size_t max_message;  /* bytes, either way */
    unsigned readmit_ms; /* a stream that goes on is asked for so often, whether it sends, reads or waits */
    unsigned wait_ms;    /* a stream that said RPC_WAIT is asked again after so long without news */
    unsigned stream_idle_ms;  /* a stream whose caller neither reads nor sends for this long is ended */
    unsigned max_attempts;    /* runs of one handler in the face of conflicts */
    unsigned drain_linger_ms; /* between health saying NOT_SERVING and the end of new calls */
    unsigned drain_hold_ms;   /* calls of so long before the connections are told to go begin after it */
    unsigned drain_evict_ms;  /* between telling the last streams to go and cutting them off */
    bool log_calls;           /* a line for every call; else only for those that fail by our fault */
};

/* The defaults. The settings of the transport itself stand, with their reasons, in server/rpc/server.c. */
void rpc_options_init(struct rpc_options *o);

struct rpc;

/* Starts to serve. Fails (message in the arena) where a row and its proto disagree, the address cannot be
 * bound, or it is neither loopback nor a unix socket, and TLS is not given or callers are not known. */
MUSTCHECK struct status rpc_serve(const struct rpc_options *o, struct arena *a, struct rpc **ret);
int rpc_port(const struct rpc *r); /* 0 for a unix socket */
/* Health says NOT_SERVING, connections are told to go, calls that came before may end within grace_ms; then
 * they are cancelled. Returns when no call is left. A call that is on the way while the connections are told
 * may end with a bare CANCELLED, which the C-core gives it; none of a caller that waits for its answers is.
 */
void rpc_drain(struct rpc *r, unsigned grace_ms);
/* Drains without grace where that was not done, stops the threads, frees. NULL is allowed. */
void rpc_stop(struct rpc *r);

/* Health of one service ("" for the server as a whole). Any thread. */
void rpc_health_set(struct rpc *r, const char *service, bool serving);
/* Asks every stream that said RPC_WAIT again, as happens where units with `news` are committed. Where there
 * are many streams, that is half a millisecond for each of them apart. Any thread. */
void rpc_wake(struct rpc *r);

C_END
#endif
