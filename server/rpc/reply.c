#include "server/rpc/runtime.h"

#include "base/clock.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/pb.h"
#include "server/rpc/detail.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>

#define MESSAGE_MAX 1024         /* bytes of a status message on the wire */
#define DETAIL_MEMORY (1u << 20) /* of the arena in which details are made */

/* ---- the message ---- */

void reply_drop(struct slot *s)
{
    if (s->has_reply)
        grpc_slice_unref(s->reply);
    s->has_reply = false;
}

void reply_set(struct slot *s, struct str bytes)
{
    reply_drop(s);
    s->reply = grpc_slice_from_copied_buffer(bytes.p, bytes.n);
    s->has_reply = true;
}

struct status reply_pack(struct slot *s)
{
    struct pb_room room;
    struct str small;
    if (pb_pack_into(s->res, &room, &small)) {
        reply_set(s, small);
        return ok();
    }
    size_t n = protobuf_c_message_get_packed_size(s->res);
    if (n > s->rpc->o.max_message)
        return fail(NULL, REASON_REQUEST_TOO_LARGE,
                    "the answer is larger than a message may be; ask for less at a time");
    reply_drop(s);
    s->reply = grpc_slice_malloc(n);
    s->has_reply = true;
    protobuf_c_message_pack(s->res, GRPC_SLICE_START_PTR(s->reply));
    return ok();
}

grpc_byte_buffer *reply_buffer(struct slot *s)
{
    return grpc_raw_byte_buffer_create(&s->reply, 1);
}

/* ---- the end ---- */

static bool our_fault(struct status st)
{
    return (st.code == CODE_UNKNOWN || st.code == CODE_INTERNAL || st.code == CODE_UNAVAILABLE ||
            st.code == CODE_DATA_LOSS) &&
           st.reason != REASON_DRAINING;
}

static void log_method(struct log_line *l, const struct slot *s)
{
    if (s->m->row)
        log_text(l, "method", s->m->name);
    else
        log_str(l, "method",
                str_make((const char *)GRPC_SLICE_START_PTR(s->details.method),
                         MIN(GRPC_SLICE_LENGTH(s->details.method), 128)));
}

static void log_call(const struct slot *s, int64_t us)
{
    struct log_line l;
    struct str given;
    if (!s->rpc->o.log_calls && !our_fault(s->status))
        return;
    log_begin(&l, our_fault(s->status) ? LEVEL_WARN : LEVEL_INFO, "call");
    log_method(&l, s);
    log_text(&l, "code", code_name((enum code)s->status.code));
    if (!is_ok(s->status))
        log_text(&l, "reason", reason_name((enum reason)s->status.reason));
    log_int(&l, "us", us);
    log_text(&l, "workspace", s->ctx.workspace);
    log_text(&l, "principal", s->ctx.principal);
    log_text(&l, "trace", s->trace_id);
    if (rpc_metadata((const struct rpc_call *)s, "x-request-id", &given))
        log_str(&l, "request", str_make(given.p, MIN(given.n, 128)));
    if (s->ctx.attempt)
        log_int(&l, "attempt", s->ctx.attempt);
    if (s->replayed)
        log_int(&l, "replayed", 1);
    if (our_fault(s->status))
        log_text(&l, "message", s->status.message);
    log_end(&l);
}

static void on_ended(struct slot *s, bool sent)
{
    int64_t us = clock_mono_us() - s->start_us;
    (void)sent; /* a caller that is gone: nothing to be done about it */
    (void)FAULT(rpc_after_reply);
    metric_add(METRIC_rpc_handled, metric_method_code(s->m->metric, s->status.code), 1);
    metric_time(METRIC_rpc_time, s->m->metric, us);
    log_call(s, us);
    slot_unref(s);
}

static grpc_slice short_message(const char *text)
{
    struct str t = str_of(text);
    size_t n = MIN(t.n, MESSAGE_MAX);
    while (n < t.n && n > 0 && ((unsigned char)t.p[n] & 0xc0) == 0x80)
        n--; /* not through a character */
    return grpc_slice_from_copied_buffer(t.p, n);
}

static void add_details(struct slot *s, grpc_op *op)
{
    struct arena a;
    arena_init(&a, DETAIL_MEMORY);
    struct str details = detail_pack(&a, s->status, s->trace_id);
    s->message = short_message(s->status.message);
    s->trailer.key = grpc_slice_from_static_string("grpc-status-details-bin");
    s->trailer.value = grpc_slice_from_copied_buffer(details.p, details.n);
    s->has_trailer = true;
    op->data.send_status_from_server.status_details = &s->message;
    op->data.send_status_from_server.trailing_metadata = &s->trailer;
    op->data.send_status_from_server.trailing_metadata_count = details.n ? 1 : 0;
    arena_done(&a);
}

static size_t fill_end(struct slot *s, grpc_op ops[4], grpc_byte_buffer **ret_message)
{
    size_t n = 0;
    memset(ops, 0, 4 * sizeof *ops);
    *ret_message = NULL;
    if (!s->close_watched) {
        ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
        ops[n++].data.recv_close_on_server.cancelled = &s->was_cancelled;
    }
    if (!s->sent_initial)
        ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (is_ok(s->status) && s->has_reply) {
        *ret_message = reply_buffer(s);
        ops[n].op = GRPC_OP_SEND_MESSAGE;
        ops[n++].data.send_message.send_message = *ret_message;
    }
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n].data.send_status_from_server.status = (grpc_status_code)s->status.code;
    if (!is_ok(s->status))
        add_details(s, &ops[n]);
    return n + 1;
}

void reply_end(struct slot *s, struct status st)
{
    grpc_op ops[4];
    grpc_byte_buffer *message;
    s->status = st;
    size_t n = fill_end(s, ops, &message);
    s->sent_initial = true;
    s->on_end.on = on_ended;
    if (s->listed) {
        __atomic_store_n(&s->rest_us, clock_mono_us(), __ATOMIC_RELAXED);
        __atomic_store_n(&s->waiting, WAIT_WRITE, __ATOMIC_SEQ_CST);
    }
    slot_batch(s, ops, n, &s->on_end);
    if (message)
        grpc_byte_buffer_destroy(message);
}

void reply_refuse(struct slot *s, enum reason why, const char *text)
{
    struct status st = fail(NULL, why, "refused");
    st.message = text;
    reply_end(s, st);
}

/* ---- what the admit hook and handlers see of a call ---- */

bool rpc_metadata(const struct rpc_call *call, const char *key, struct str *ret)
{
    const struct slot *s = (const struct slot *)call;
    size_t n = strlen(key);
    for (size_t i = 0; i < s->metadata.count; i++) {
        const grpc_metadata *m = &s->metadata.metadata[i];
        if (GRPC_SLICE_LENGTH(m->key) == n && memcmp(GRPC_SLICE_START_PTR(m->key), key, n) == 0) {
            *ret = str_make((const char *)GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value));
            return true;
        }
    }
    return false;
}

const struct rpc_method *rpc_call_method(const struct rpc_call *call)
{
    return ((const struct slot *)call)->m->row;
}

void rpc_keep(const struct rpc_call *call, void (*release)(void *), void *p)
{
    struct slot *s = (struct slot *)call;
    ASSERT(!s->release);
    s->release = release;
    s->kept = p;
}
