#include "server/rpc/runtime.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/metrics.h"
#include "base/pb.h"

#include <grpc/support/time.h>

static enum rpc_shape shape_of_call(const struct slot *s)
{
    return s->m->row->handler->shape;
}

bool call_cancelled(const struct slot *s)
{
    return __atomic_load_n(&s->cancelled, __ATOMIC_SEQ_CST);
}

bool call_late(const struct slot *s)
{
    return s->ctx.deadline_us != INT64_MAX && clock_mono_us() >= s->ctx.deadline_us;
}

/* ---- what the handler is asked ---- */

static void *new_response(struct slot *s)
{
    return s->res = pb_new(s->ctx.arena, s->m->method->output);
}

static struct status run_unary(struct slot *s)
{
    return new_response(s) ? s->m->row->handler->unary(&s->ctx, s->req, s->res) : fail_memory();
}

static struct status run_open(struct slot *s)
{
    return s->m->row->handler->open(&s->ctx, s->req, &s->state);
}

static struct status run_item(struct slot *s)
{
    bool replies = shape_of_call(s) == RPC_SHAPE_BIDI;
    s->res = NULL;
    if (replies && !new_response(s))
        return fail_memory();
    return s->m->row->handler->item(&s->ctx, s->state, s->req, s->res);
}

static struct status run_next(struct slot *s)
{
    s->next_is = RPC_END;
    s->news = __atomic_load_n(&s->rpc->news, __ATOMIC_SEQ_CST);
    return new_response(s) ? s->m->row->handler->next(&s->ctx, s->state, s->res, &s->next_is) : fail_memory();
}

static struct status run_finish(struct slot *s)
{
    bool replies = shape_of_call(s) == RPC_SHAPE_CLIENT_STREAM;
    s->res = NULL;
    if (replies && !new_response(s))
        return fail_memory();
    return s->m->row->handler->finish(&s->ctx, s->state, s->res);
}

static void unary_settled(struct slot *s, struct status st)
{
    if (is_ok(st) && !s->has_reply)
        st = reply_pack(s);
    reply_end(s, st);
}

static const struct step {
    struct status (*run)(struct slot *s);
    void (*settled)(struct slot *s, struct status st);
} steps[] = {
    [PHASE_UNARY] = { run_unary, unary_settled }, [PHASE_OPEN] = { run_open, open_settled },
    [PHASE_ITEM] = { run_item, item_settled },    [PHASE_NEXT] = { run_next, next_settled },
    [PHASE_MORE] = { run_item, item_settled },    [PHASE_FINISH] = { run_finish, finish_settled },
};

static void settled(struct slot *s, struct status st)
{
    if (s->has_turn)
        turn_leave(s);
    steps[s->phase].settled(s, st);
}

/* ---- what a phase has ---- */

static bool phase_has_request(const struct slot *s)
{
    return s->phase == PHASE_UNARY || s->phase == PHASE_ITEM ||
           (s->phase == PHASE_OPEN && shape_of_call(s) == RPC_SHAPE_SERVER_STREAM);
}

/* A phase whose reply is stored beside its effects. */
static bool phase_has_key(const struct slot *s)
{
    return s->idem.request_id[0] &&
           (s->phase == PHASE_UNARY || (s->phase == PHASE_ITEM && shape_of_call(s) == RPC_SHAPE_BIDI));
}

/* ---- run, commit, run again ---- */

static struct lane_pool *pool_of(struct slot *s)
{
    bool slow = s->m->lane == LANE_SLOW || s->m->row->lane == LANE_GLANCE;
    return slow ? &s->rpc->slow_lane : &s->rpc->db_lane;
}

/* On the committer's thread. The unit's effects are durable, or undone. */
static void on_outcome(struct unit *u, void *arg)
{
    struct slot *s = arg;
    s->on_committer = true;
    if (!is_ok(u->outcome)) {
        call_recover(s);
        return;
    }
    if (s->ctx.after_commit)
        s->ctx.after_commit(&s->ctx);
    if (FAULT(rpc_before_reply))
        grpc_call_cancel(s->call, NULL);
    settled(s, s->ctx.verdict);
}

static bool phase_replies(const struct slot *s)
{
    return s->res && s->phase != PHASE_NEXT;
}

static struct status commit(struct slot *s)
{
    if (phase_replies(s))
        TRY(reply_pack(s));
    if (phase_has_key(s))
        idem_seal(&s->ctx, &s->idem,
                  str_make((const char *)GRPC_SLICE_START_PTR(s->reply), GRPC_SLICE_LENGTH(s->reply)));
    if (s->ctx.arena->overflow)
        return fail_memory();
    if (call_late(s))
        return fail(NULL, REASON_DEADLINE_PASSED, "the deadline passed before the effects could be stored");
    if (!s->rpc->o.committer)
        return fail(NULL, REASON_INTERNAL, "there is no store to commit to");
    if (FAULT(rpc_before_commit))
        return fail(NULL, REASON_STORE_UNAVAILABLE, "fault rpc_before_commit");
    s->unit.done = on_outcome;
    s->unit.arg = s;
    s->unit.workspace = db_reach(&s->ctx);
    if (ahead_may_fly(s))
        return ahead_fly(s);
    return committer_submit(s->rpc->o.committer, &s->unit); /* on success the slot is no longer ours */
}

/* Was the key there first? Reads with memory of its own: the call's arena may be full. */
static struct status find_reply(struct slot *s, bool *ret_found)
{
    struct arena scratch, *own = s->ctx.arena;
    struct str stored;
    arena_init(&scratch, s->rpc->o.max_message + (64u << 10));
    s->ctx.arena = &scratch;
    struct status st = idem_find(&s->ctx, &s->idem, ret_found, &stored);
    s->ctx.arena = own;
    if (is_ok(st) && *ret_found) {
        reply_set(s, stored);
        s->replayed = true;
        metric_add(METRIC_rpc_replays, s->m->metric, 1);
    }
    if (st.reason == REASON_REQUEST_ID_REUSED)
        st = fail_field(own, REASON_REQUEST_ID_REUSED, "request_id", "was used before with another body");
    arena_done(&scratch);
    return st;
}

static void attempt(struct slot *s);
static void watch_close(struct slot *s);

#define CONFLICT_RETRY_MS 50 /* the hint to a caller whose every run lost */

static bool may_run_again(struct slot *s, struct status st)
{
    return s->todo == TODO_RECOVER && st.reason == REASON_CONFLICT &&
           (unsigned)s->ctx.attempt + 1 < s->rpc->o.max_attempts && !call_late(s) && !call_cancelled(s);
}

/* The step failed, or has neither effects nor a key to store. Who may not do a thing is not shown the reply
 * that somebody got who may. */
static void recover(struct slot *s, struct status st)
{
    bool found = false;
    if (phase_has_key(s) && st.code != CODE_PERMISSION_DENIED) {
        struct status looked = find_reply(s, &found);
        if (looked.reason == REASON_REQUEST_ID_REUSED)
            st = looked;
    }
    if (found) {
        settled(s, ok());
    } else if (may_run_again(s, st)) {
        metric_add(METRIC_rpc_reruns, s->m->metric, 1);
        arena_rewind(s->ctx.arena, s->decoded);
        s->ctx.attempt++;
        if (!s->close_watched)
            watch_close(s);
        if (turn_take(s))
            attempt(s);
    } else {
        if (st.reason == REASON_CONFLICT)
            st.retry_after_ms = CONFLICT_RETRY_MS;
        settled(s, st);
    }
}

/* Where the handler runs on the thread that receives calls, and the database is another process or it is to
 * do no more than glance at the call. */
static bool must_not_wait(const struct slot *s)
{
    bool reads_wait = s->rpc->o.db && !s->rpc->o.db->ops->reads_inline;
    return s->m->lane == LANE_INLINE && (reads_wait || s->m->row->lane == LANE_GLANCE);
}

void call_settle(struct slot *s, struct status st)
{
    if (is_ok(st) && (s->unit.n > 0 || phase_has_key(s))) {
        st = commit(s);
        if (is_ok(st))
            return;
    }
    if (phase_has_key(s) && s->ctx.may_not_wait) {
        s->unit.outcome = st;
        call_recover(s);
        return;
    }
    recover(s, st);
}

/* The handler asked for a read that waits: from the start again, on a thread that may. */
static void move_to_lane(struct slot *s)
{
    arena_rewind(s->ctx.arena, s->decoded);
    s->todo = TODO_RUN_AGAIN;
    if (!s->close_watched)
        watch_close(s);
    if (!lane_push(pool_of(s), s, s->phase != PHASE_UNARY))
        reply_refuse(s, REASON_OVERLOADED, "the method's queue is full");
}

static void attempt(struct slot *s)
{
    if (!ahead_may_run(s))
        return;
    s->todo = TODO_START;
    s->ctx.had_to_wait = false;
    s->ctx.now_us = clock_wall_us();
    s->ctx.after_commit = NULL;
    db_reach_own(&s->ctx);
    s->ctx.verdict = ok();
    reply_drop(s);
    memset(&s->unit, 0, sizeof s->unit);
    s->unit.arena = s->ctx.arena;
    struct status st = FAULT(rpc_before_handler)
                           ? fail(NULL, REASON_STORE_UNAVAILABLE, "fault rpc_before_handler")
                           : steps[s->phase].run(s);
    db_read_done(&s->ctx);
    if (s->ctx.had_to_wait) {
        move_to_lane(s);
        return;
    }
    if (is_ok(st) && s->ctx.arena->overflow)
        st = fail_memory();
    if (ahead_may_settle(s, st))
        call_settle(s, st);
}

static struct status prepare(struct slot *s)
{
    if (call_cancelled(s))
        return fail(NULL, REASON_CALL_CANCELLED, "the caller hung up");
    if (call_late(s))
        return fail(NULL, REASON_DEADLINE_PASSED, "the deadline passed while the call waited its turn");
    return phase_has_request(s) ? request_take(s) : ok();
}

static void run(struct slot *s)
{
    s->on_committer = false;
    if (s->todo == TODO_RECOVER) {
        recover(s, s->unit.outcome);
        return;
    }
    if (s->todo == TODO_RUN_AGAIN) {
        attempt(s);
        return;
    }
    if (!readmitted(s))
        return;
    struct status st = prepare(s);
    if (!is_ok(st)) {
        reply_end(s, st);
        return;
    }
    s->decoded = arena_mark(s->ctx.arena);
    attempt(s);
}

void call_run(struct slot *s)
{
    s->ctx.may_not_wait = false;
    if (s->todo == TODO_ADMIT)
        call_begin(s);
    else if (s->todo == TODO_READMIT)
        readmit_go_on(s);
    else
        run(s);
}

static void dispatch(struct slot *s, bool must)
{
    s->ctx.may_not_wait = must_not_wait(s);
    if (s->m->lane == LANE_INLINE && !s->on_committer)
        run(s);
    else if (!lane_push(pool_of(s), s, must))
        reply_refuse(s, REASON_OVERLOADED, "the method's queue is full");
}

void call_recover(struct slot *s)
{
    s->todo = TODO_RECOVER;
    lane_push(pool_of(s), s, true);
}

void call_resume(struct slot *s)
{
    s->todo = TODO_RUN_AGAIN;
    lane_push(pool_of(s), s, true);
}

void call_step(struct slot *s, enum phase p)
{
    s->phase = p;
    s->todo = TODO_START;
    s->replayed = false;
    s->ctx.attempt = 0;
    s->idem.request_id = s->ctx.request_id = "";
    s->ctx.arena = p == PHASE_OPEN ? &s->stream_arena : &s->arena;
    if (p != PHASE_OPEN)
        arena_reset(&s->arena);
    dispatch(s, true);
}

/* ---- arrival ---- */

static void fill_deadline(struct slot *s)
{
    unsigned cap_ms = s->m->row ? s->m->row->max_deadline_ms : 0;
    int64_t cap = cap_ms ? s->start_us + (int64_t)cap_ms * 1000 : INT64_MAX;
    int64_t own = INT64_MAX;
    if (gpr_time_cmp(s->deadline, gpr_inf_future(s->deadline.clock_type)) != 0) {
        gpr_timespec t = gpr_convert_clock_type(s->deadline, GPR_CLOCK_MONOTONIC);
        own = t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000;
    }
    s->ctx.deadline_us = MIN(cap, own);
}

static void fill_context(struct slot *s)
{
    struct ctx *c = &s->ctx;
    memset(c, 0, sizeof *c);
    s->start_us = s->admitted_us = clock_mono_us();
    c->arena = &s->arena;
    c->app = s->rpc->o.app;
    c->db = s->rpc->o.db;
    c->method = s->m->name;
    c->workspace = "default";
    c->principal = "anonymous";
    c->peer = c->request_id = s->idem.request_id = "";
    c->trace_id = s->trace_id;
    c->cancelled = &s->cancelled;
    c->unit = &s->unit;
    fill_deadline(s);
    trace_fill(s);
}

static void on_closed(struct slot *s, bool ok)
{
    if (s->was_cancelled) {
        __atomic_store_n(&s->cancelled, true, __ATOMIC_SEQ_CST);
        turn_quit(s);
        if (stream_claim(s, WAIT_TIMER))
            reply_refuse(s, REASON_CALL_CANCELLED, "the caller hung up");
    }
    slot_unref(s);
}

/* Learns of a cancellation while the call is under way; costs an event, so calls that end at once do without.
 */
static void watch_close(struct slot *s)
{
    grpc_op op;
    memset(&op, 0, sizeof op);
    op.op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    op.data.recv_close_on_server.cancelled = &s->was_cancelled;
    s->on_close.on = on_closed;
    slot_ref(s);
    s->close_watched = true;
    slot_batch(s, &op, 1, &s->on_close);
}

void call_begin(struct slot *s)
{
    bool unary = shape_of_call(s) == RPC_SHAPE_UNARY;
    if (!admitted(s))
        return;
    if (!unary && !stream_enter(s)) {
        reply_refuse(s, REASON_OVERLOADED, "too many streams are open");
        return;
    }
    if (!unary || s->m->lane != LANE_INLINE)
        watch_close(s);
    s->phase = unary ? PHASE_UNARY : PHASE_OPEN;
    s->ctx.arena = unary ? &s->arena : &s->stream_arena;
    dispatch(s, false);
}

void call_arrived(struct slot *s, bool ok)
{
    bool room;
    if (!ok) { /* the server shuts down; there is no call */
        __atomic_sub_fetch(&s->m->armed, 1, __ATOMIC_RELAXED);
        slot_unref(s);
        return;
    }
    room = slot_replace(s);
    fill_context(s);
    if (!s->m->row)
        reply_refuse(s, REASON_METHOD_UNKNOWN, "no such method is served");
    else if (!room)
        reply_refuse(s, REASON_OVERLOADED, "as many calls as this server takes are under way");
    else if (!drain_holds(s))
        call_begin(s);
}
