#include "server/rpc/runtime.h"

#include "base/clock.h"
#include "base/metrics.h"
#include "base/pb.h"

#include <grpc/byte_buffer.h>

/* ---- the list of open streams ---- */

bool stream_enter(struct slot *s)
{
    struct rpc *r = s->rpc;
    pthread_mutex_lock(&r->streams_lock);
    bool room = r->n_streams < (int)r->o.streams;
    if (room) {
        s->listed = true;
        s->prev_stream = NULL;
        s->next_stream = r->streams;
        if (r->streams)
            r->streams->prev_stream = s;
        r->streams = s;
        r->n_streams++;
        if (r->n_streams == 1)
            pthread_cond_signal(&r->ticker_wake);
    }
    pthread_mutex_unlock(&r->streams_lock);
    return room;
}

void stream_leave(struct slot *s)
{
    struct rpc *r = s->rpc;
    pthread_mutex_lock(&r->streams_lock);
    if (s->prev_stream)
        s->prev_stream->next_stream = s->next_stream;
    else
        r->streams = s->next_stream;
    if (s->next_stream)
        s->next_stream->prev_stream = s->prev_stream;
    s->listed = false;
    r->n_streams--;
    pthread_mutex_unlock(&r->streams_lock);
}

bool stream_claim(struct slot *s, enum waiting w)
{
    int expected = w;
    return __atomic_compare_exchange_n(&s->waiting, &expected, WAIT_NOTHING, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

static void rest_since(struct slot *s, enum waiting w, int64_t since_us)
{
    __atomic_store_n(&s->rest_us, since_us, __ATOMIC_RELAXED);
    __atomic_store_n(&s->waiting, w, __ATOMIC_SEQ_CST);
}

static void rest(struct slot *s, enum waiting w)
{
    rest_since(s, w, clock_mono_us());
}

/* ---- reading and writing ---- */

static void take_read(struct slot *s)
{
    if (s->payload) {
        metric_add(METRIC_rpc_messages, s->m->metric, 1);
        call_step(s, PHASE_ITEM);
    } else if (call_cancelled(s) || grpc_call_failed_before_recv_message(s->call)) {
        reply_refuse(s, REASON_CALL_CANCELLED, "the caller hung up");
    } else {
        call_step(s, PHASE_FINISH);
    }
}

static void on_read(struct slot *s, bool ok)
{
    __atomic_store_n(&s->read_came, true, __ATOMIC_SEQ_CST);
    if (stream_claim(s, WAIT_READ)) {
        s->on_committer = false;
        take_read(s);
    }
    slot_unref(s); /* the event's own reference */
}

void read_go_on(struct slot *s, int64_t since_us)
{
    slot_ref(s);
    rest_since(s, WAIT_READ, since_us);
    if (__atomic_load_n(&s->read_came, __ATOMIC_SEQ_CST) && stream_claim(s, WAIT_READ))
        take_read(s);
    slot_unref(s);
}

static void on_written(struct slot *s, bool ok)
{
    __atomic_store_n(&s->waiting, WAIT_NOTHING, __ATOMIC_SEQ_CST);
    s->on_committer = false;
    metric_add(METRIC_rpc_messages, s->m->metric, 1);
    if (ok)
        call_step(s, PHASE_NEXT);
    else
        reply_refuse(s, REASON_CALL_CANCELLED, "the caller hung up");
}

/* Fills the first ops of a batch: the reply, behind the initial metadata where they are still to go. */
static size_t fill_write(struct slot *s, grpc_op *ops, grpc_byte_buffer **ret_message)
{
    size_t n = 0;
    if (!s->sent_initial)
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
    s->sent_initial = true;
    ops[n].op = GRPC_OP_SEND_MESSAGE;
    ops[n].data.send_message.send_message = *ret_message = reply_buffer(s);
    reply_drop(s);
    return n + 1;
}

/* The reply, where there is one, and the request for the caller's next message, in one batch. */
static void write_and_read(struct slot *s)
{
    grpc_op ops[3];
    grpc_byte_buffer *message = NULL;
    memset(ops, 0, sizeof ops);
    size_t n = s->has_reply ? fill_write(s, ops, &message) : 0;
    ops[n].op = GRPC_OP_RECV_MESSAGE;
    ops[n++].data.recv_message.recv_message = &s->payload;
    s->on_io.on = on_read;
    __atomic_store_n(&s->read_came, false, __ATOMIC_SEQ_CST);
    slot_ref(s); /* the event's: it may come after the ticker ended the stream */
    slot_ref(s); /* ours */
    pthread_mutex_lock(&s->io_lock);
    rest(s, WAIT_READ);
    slot_batch(s, ops, n, &s->on_io);
    pthread_mutex_unlock(&s->io_lock);
    if (message)
        grpc_byte_buffer_destroy(message);
    slot_unref(s);
}

static void write_reply(struct slot *s)
{
    grpc_op ops[2];
    grpc_byte_buffer *message;
    memset(ops, 0, sizeof ops);
    size_t n = fill_write(s, ops, &message);
    s->on_io.on = on_written;
    rest(s, WAIT_WRITE);
    slot_batch(s, ops, n, &s->on_io);
    grpc_byte_buffer_destroy(message);
}

/* ---- what follows each step ---- */

void open_settled(struct slot *s, struct status st)
{
    if (is_ok(st) && s->m->row->flags & RPC_AHEAD)
        st = ahead_make(s);
    if (!is_ok(st))
        reply_end(s, st);
    else if (s->m->row->handler->shape == RPC_SHAPE_SERVER_STREAM)
        call_step(s, PHASE_NEXT);
    else
        write_and_read(s);
}

/* Asks the handler what to make of an item that failed. On the thread of the item's lane. */
static struct status refuse_item(struct slot *s, struct status why)
{
    reply_drop(s);
    s->res = pb_new(s->ctx.arena, s->m->method->output);
    if (!s->res || !s->m->row->handler->refused)
        return why;
    TRY(s->m->row->handler->refused(&s->ctx, s->state, s->req, why, s->res));
    return s->ctx.arena->overflow ? fail_memory() : reply_pack(s);
}

void item_settled(struct slot *s, struct status st)
{
    if (is_ok(st)) {
        if (!s->replayed)
            s->m->row->handler->committed(&s->ctx, s->state);
        if (s->res && !s->has_reply)
            st = reply_pack(s);
    } else if (s->m->row->handler->shape == RPC_SHAPE_BIDI) {
        st = refuse_item(s, st);
    }
    if (is_ok(st))
        item_next(s);
    else
        reply_end(s, st);
}

void item_next(struct slot *s)
{
    if (ahead_unpark(s))
        return;
    if (s->ctx.more) {
        s->req = NULL;
        call_step(s, PHASE_MORE);
    } else {
        write_and_read(s);
    }
}

/* Once it waits, the slot is anybody's. */
static void wait_for_news(struct slot *s)
{
    uint64_t news = s->news;
    slot_ref(s);
    rest(s, WAIT_TIMER);
    if (call_cancelled(s) && stream_claim(s, WAIT_TIMER))
        reply_refuse(s, REASON_CALL_CANCELLED, "the caller hung up");
    if (news != __atomic_load_n(&s->rpc->news, __ATOMIC_SEQ_CST))
        streams_wake(s->rpc); /* some came while it was asked */
    slot_unref(s);
}

void next_settled(struct slot *s, struct status st)
{
    if (is_ok(st) && s->next_is == RPC_SEND)
        st = reply_pack(s);
    if (!is_ok(st) || s->next_is == RPC_END) {
        reply_end(s, st);
    } else if (s->next_is == RPC_SEND) {
        write_reply(s);
    } else {
        wait_for_news(s);
    }
}

void finish_settled(struct slot *s, struct status st)
{
    if (is_ok(st) && s->res && !s->has_reply)
        st = reply_pack(s);
    reply_end(s, st);
}
