/* runtime.h: what the files of this room share. Private.
 *
 *   server.c  start, drain, stop, the threads that receive       bind.c    rows against protos
 *   slot.c    a call's memory: armed, taken, given back          call.c    admit, run, commit, run again
 *   stream.c  what a stream does after each step                 reply.c   answers and their error details
 *   ticker.c  waiting streams, idle streams, gauges              lane.c    threads with a queue
 *   turn.c    calls that keep losing over one row, in line       tls.c     certificates that change meanwhile
 *   peer.c    who is at the other end                            admit.c   the admit hook, and where it waits
 *   trace.c   trace ids                                          request.c bytes to the request and its id
 *   codec.c   bytes to messages                                  schema.c  the descriptor set
 *   ahead.c   items whose units are still in flight              idem.c    replies kept for a second asking
 *   health.c, reflect.c: the two services of gRPC itself
 *
 * A slot belongs to one thread at a time: whoever handles its event, runs its handler or commits its unit. It
 * changes hands through the completion queue, a lane or the committer, each of which orders memory. What two
 * threads may touch at once is atomic and marked so. */
#ifndef SERVER_RPC_RUNTIME_H
#define SERVER_RPC_RUNTIME_H

#include "server/rpc/codec.h"
#include "server/rpc/idem.h"
#include "server/rpc/lane.h"
#include "server/rpc/rpc.h"
#include "server/rpc/tls.h"

#include <grpc/grpc.h>
#include <pthread.h>

struct slot;

/* What a completion queue event leads to. */
struct tag {
    void (*on)(struct slot *s, bool ok);
    struct slot *slot;
    int handed; /* atomic: orders memory as the queue does, where a race detector can see it */
};

static inline void tag_hand_over(struct tag *t)
{
    __atomic_store_n(&t->handed, 1, __ATOMIC_RELEASE);
}

static inline void tag_take_over(struct tag *t)
{
    (void)__atomic_load_n(&t->handed, __ATOMIC_ACQUIRE);
}

/* A method being served. */
struct bound {
    const struct rpc_method *row;
    const ProtobufCMethodDescriptor *method;
    const char *name; /* "marketing.v1.TriageService/TriageLead" */
    const char *path; /* the same with a leading slash */
    const struct shape *request;
    const ProtobufCFieldDescriptor *request_id, *validate_only; /* NULL: the request type has none */
    enum lane lane;                                             /* resolved: INLINE, DB or SLOW */
    void *registered;                                           /* the C-core's handle */
    size_t metric;
    int armed; /* atomic: slots waiting for a call of this method */
    int want;  /* atomic: how many there should be */
};

/* What the handler is asked next; the table in call.c says how. */
enum phase { PHASE_UNARY, PHASE_OPEN, PHASE_ITEM, PHASE_MORE, PHASE_NEXT, PHASE_FINISH };

/* Why a stream's slot is at rest. Whoever changes it away from READ or TIMER owns the slot. */
enum waiting { WAIT_NOTHING, WAIT_READ, WAIT_WRITE, WAIT_TIMER };

struct slot {
    struct ctx ctx; /* first: a ctx of this room is a slot */
    struct rpc *rpc;
    struct bound *m;
    struct slot *next; /* free list or lane */

    /* The call, as the C-core gave it. */
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_call_details details; /* unknown methods */
    grpc_byte_buffer *payload;
    struct tag on_arrival, on_close, on_io, on_end;
    int refs;          /* atomic: events still to come that name the slot, and the thread that has it */
    int was_cancelled; /* written by the C-core */
    bool cancelled;    /* atomic: the caller hung up */

    /* The message being worked on. */
    enum phase phase;
    struct arena arena;        /* of the message */
    struct arena stream_arena; /* of a stream's state */
    struct arena_mark decoded; /* after the request: a second run starts from here */
    ProtobufCMessage *req, *res;
    void *state;
    struct unit unit;
    enum rpc_next next_is;
    struct idem_key idem;
    bool on_committer; /* settling on the committer's thread: no handler may run here */
    enum {
        TODO_START,
        TODO_ADMIT,
        TODO_READMIT,
        TODO_RECOVER,
        TODO_RUN_AGAIN
    } todo;                 /* what call_run is to do */
    unsigned line;          /* turn.c: the row it lost over */
    bool has_turn, in_line; /* in_line: under rpc->turn_lock */
    bool close_watched;

    /* The answer. */
    grpc_slice reply;
    bool has_reply, sent_initial, replayed;
    struct status status; /* with which the call ended */
    grpc_metadata trailer;
    grpc_slice message;
    bool has_trailer;

    int64_t start_us;
    char trace_id[33];
    void (*release)(void *); /* rpc_keep */
    void *kept;

    /* Streams. */
    struct slot *prev_stream, *next_stream; /* under rpc->streams_lock */
    bool listed;
    int waiting;           /* atomic: enum waiting */
    bool read_came;        /* atomic: the message that was waited for is there, or will not come */
    struct flight *flight; /* ahead.c; NULL for calls that do not go ahead */
    /* Held while a read is started: who claims the wait for it lets the start end first. */
    pthread_mutex_t io_lock;
    int64_t rest_us;     /* atomic: since when it waits */
    uint64_t news;       /* of rpc->news, when the handler was last asked for what is next */
    int64_t admitted_us; /* atomic: when it was last admitted */
};

#define TURN_LINES 64

/* Calls that lost over one row; one of them has its turn, the others wait (turn.c). */
struct turn_line {
    struct slot *first, *last; /* linked by slot->next */
    bool taken;
};

struct rpc {
    struct rpc_options o;
    struct arena arena; /* everything made at start */
    struct schema schema;
    struct shape_book shapes;
    struct bound *methods;
    size_t n_methods;
    struct bound unknown; /* calls of methods nobody knows */
    int port;

    grpc_server *server;
    grpc_completion_queue *cq;
    pthread_t *pollers;
    unsigned n_pollers;
    struct lane_pool db_lane, slow_lane;

    struct slot *slots;
    size_t n_slots;
    pthread_mutex_t free_lock;
    struct slot *free;
    size_t n_free;
    int in_core; /* atomic: slots the C-core or a call holds */

    pthread_mutex_t streams_lock;
    struct slot *streams;
    int n_streams; /* atomic */
    pthread_cond_t ticker_wake;
    pthread_t ticker;
    bool ticking, woken, ticker_stop; /* under streams_lock */
    uint64_t news;                    /* atomic: calls of rpc_wake so far */

    pthread_mutex_t turn_lock;
    struct turn_line turn_lines[TURN_LINES]; /* under turn_lock */
    int turn_waiting;                        /* atomic: calls in all lines */

    bool draining; /* atomic: streams that wait for news are sent away */
    bool evicting; /* atomic: streams that wait for their caller as well */
    bool shut;     /* atomic: the server takes no more calls */
    pthread_mutex_t shut_lock;
    pthread_cond_t shut_done;
    bool shut_complete;        /* under shut_lock */
    bool holding;              /* changed under shut_lock; atomic */
    struct slot *held;         /* under shut_lock */
    struct slot shutdown_slot; /* lends its tag to the end of the server */

    struct tls *tls; /* NULL: plain text */
    struct health *health;
    uint64_t trace_seed[2], trace_count; /* trace_count: atomic */
};

static inline struct rpc *rpc_of(struct ctx *c)
{
    return ((struct slot *)c)->rpc;
}

static inline bool sends_one_request(const struct rpc_method *row)
{
    return row->handler->shape == RPC_SHAPE_UNARY || row->handler->shape == RPC_SHAPE_SERVER_STREAM;
}

/* bind.c */
MUSTCHECK struct status bind_all(struct rpc *r);

/* server.c */
bool drain_holds(struct slot *s); /* true: the server is about to end, and begins the call later */

/* slot.c */
MUSTCHECK struct status slots_make(struct rpc *r);
void slots_free(struct rpc *r);
void slots_arm_all(struct rpc *r);
/* On arrival: keeps the method armed. False where no slot is left for the next call: this one has to go. */
bool slot_replace(struct slot *s);
void slot_ref(struct slot *s);
void slot_unref(struct slot *s); /* the last one takes the slot back */
/* Starts a batch of the call. The slot may be another thread's before this returns. */
void slot_batch(struct slot *s, const grpc_op *ops, size_t n, struct tag *t);

/* call.c */
void call_arrived(struct slot *s, bool ok);
void call_begin(struct slot *s);                    /* admits it, and has its first step run */
void call_run(struct slot *s);                      /* a lane's thread: the step that was queued */
void call_step(struct slot *s, enum phase p);       /* asks the handler, on the method's lane */
void call_settle(struct slot *s, struct status st); /* the handler has answered: commits, or ends the step */
void call_recover(struct slot *s);                  /* on a lane: the step's unit failed with unit.outcome */
bool call_late(const struct slot *s);
bool call_cancelled(const struct slot *s);

/* request.c: decodes the slot's payload into s->req and takes the request id from it. A call that was
 * cancelled at once, or a caller that closed without sending, comes without a payload: MALFORMED_MESSAGE. */
MUSTCHECK struct status request_take(struct slot *s);

/* trace.c */
void trace_fill(struct slot *s); /* the caller's trace id, or one of our own */

/* admit.c: whether the call goes on now; else it was answered, or is admitted on a lane (TODO_ADMIT). */
MUSTCHECK bool admitted(struct slot *s);
/* The same of a stream that is to go on: before each step, */
bool readmit_due(const struct slot *s, int64_t now);
MUSTCHECK bool readmitted(struct slot *s);
/* and where it waits for its caller: a claimed WAIT_READ is put on a lane, and waits again after that. */
void readmit_waiting(struct slot *s);
void readmit_go_on(struct slot *s);

/* stream.c: what follows a step that was settled (and its unit, if any, is durable) */
void open_settled(struct slot *s, struct status st);
void item_settled(struct slot *s, struct status st);
void next_settled(struct slot *s, struct status st);
void finish_settled(struct slot *s, struct status st);
bool stream_enter(struct slot *s); /* false: too many streams */
void stream_leave(struct slot *s);
void item_next(struct slot *s); /* the item is dealt with, or in flight: the next one */
/* Takes a slot that waits for `w`; false where another thread was first. */
bool stream_claim(struct slot *s, enum waiting w);
/* Waits again for the message that a claimed WAIT_READ was waiting for; silent since then is its caller. */
void read_go_on(struct slot *s, int64_t since_us);

/* reply.c */
struct status reply_pack(struct slot *s); /* s->res into s->reply */
void reply_set(struct slot *s, struct str bytes);
void reply_drop(struct slot *s);
/* The call's last batch, with s->reply where st is ok and there is one. */
void reply_end(struct slot *s, struct status st);
void reply_refuse(struct slot *s, enum reason why, const char *text); /* text: a literal */
grpc_byte_buffer *reply_buffer(struct slot *s);

/* turn.c */
bool turn_take(struct slot *s); /* false: the slot waits, and comes back by call_resume or call_recover */
void turn_leave(struct slot *s);
void turn_quit(struct slot *s);   /* where it waits: no more, its caller has hung up */
void turn_expire(struct rpc *r);  /* the same for all whose deadline has passed */
void call_resume(struct slot *s); /* runs the handler again, on the method's lane */

/* ahead.c. Where one of the first two says false, the slot waits for the flight, or for the repair of what it
 * failed of, and comes back by itself. Calls that do not go ahead are told true and false at once. */
MUSTCHECK struct status ahead_make(struct slot *s);
bool ahead_may_run(struct slot *s);                      /* the step's handler */
bool ahead_may_settle(struct slot *s, struct status st); /* the step, its handler having answered st */
bool ahead_may_fly(const struct slot *s);                /* the unit of the step */
MUSTCHECK struct status ahead_fly(struct slot *s);       /* on success the slot is no longer the caller's */
void ahead_look(struct slot *s);   /* it waits for its caller again; the caller holds a reference */
bool ahead_unpark(struct slot *s); /* after an item was repaired: what it interrupted; false: nothing */

/* ticker.c */
MUSTCHECK struct status ticker_start(struct rpc *r);
void ticker_stop(struct rpc *r);
/* As rpc_wake, for streams that may have missed one. */
void streams_wake(struct rpc *r);

/* health.c, reflect.c */
#define HEALTH_METHODS 2
#define REFLECT_METHODS 2
extern const struct rpc_method health_methods[HEALTH_METHODS], reflect_methods[REFLECT_METHODS];
MUSTCHECK struct status health_make(struct rpc *r);
void health_set_all(struct rpc *r, bool serving);

#endif
