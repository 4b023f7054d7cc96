#include "server/rpc/runtime.h"

#include "base/metrics.h"

#include <grpc/byte_buffer.h>
#include <grpc/slice.h>
#include <stdlib.h>

/* Slots kept waiting for calls of one method. Calls that find none wait inside the C-core, behind a lock,
 * until one is armed. */
#define ARMED_UNARY 4
#define ARMED_STREAM 1
#define ARMED_MAX 64

static int want_of(const struct rpc_method *row)
{
    return !row || row->handler->shape == RPC_SHAPE_UNARY ? ARMED_UNARY : ARMED_STREAM;
}

static void push_free(struct rpc *r, struct slot *s)
{
    pthread_mutex_lock(&r->free_lock);
    s->next = r->free;
    r->free = s;
    r->n_free++;
    pthread_mutex_unlock(&r->free_lock);
}

static struct slot *pop_free(struct rpc *r, size_t *ret_left)
{
    pthread_mutex_lock(&r->free_lock);
    struct slot *s = r->free;
    if (s) {
        r->free = s->next;
        r->n_free--;
    }
    *ret_left = r->n_free;
    pthread_mutex_unlock(&r->free_lock);
    return s;
}

static void slot_init(struct rpc *r, struct slot *s)
{
    s->rpc = r;
    s->on_arrival.slot = s->on_close.slot = s->on_io.slot = s->on_end.slot = s;
    s->on_arrival.on = call_arrived;
    pthread_mutex_init(&s->io_lock, NULL);
    arena_init(&s->arena, 0);
    arena_init(&s->stream_arena, 0);
    push_free(r, s);
}

struct status slots_make(struct rpc *r)
{
    r->n_slots = r->o.slots;
    for (size_t i = 0; i < r->n_methods; i++)
        r->n_slots += (size_t)(r->methods[i].want = want_of(r->methods[i].row));
    r->n_slots += (size_t)(r->unknown.want = want_of(NULL));
    r->slots = calloc(r->n_slots, sizeof *r->slots);
    if (!r->slots)
        return fail_memory();
    for (size_t i = 0; i < r->n_slots; i++)
        slot_init(r, &r->slots[i]);
    return ok();
}

void slots_free(struct rpc *r)
{
    for (size_t i = 0; r->slots && i < r->n_slots; i++) {
        pthread_mutex_destroy(&r->slots[i].io_lock);
        arena_done(&r->slots[i].arena);
        arena_done(&r->slots[i].stream_arena);
    }
    free(r->slots);
    r->slots = NULL;
}

/* Waits for a call of the method. m->armed counts the slot already. */
static void arm(struct slot *s, struct bound *m)
{
    struct rpc *r = s->rpc;
    grpc_call_error e;
    s->m = m;
    s->arena.budget = s->stream_arena.budget = m->row ? (size_t)m->row->budget_kb * 1024 : 4096;
    __atomic_store_n(&s->refs, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&r->in_core, 1, __ATOMIC_SEQ_CST);
    grpc_metadata_array_init(&s->metadata);
    if (!m->row)
        grpc_call_details_init(&s->details);
    tag_hand_over(&s->on_arrival);
    if (m->row) {
        e = grpc_server_request_registered_call(r->server, m->registered, &s->call, &s->deadline,
                                                &s->metadata, sends_one_request(m->row) ? &s->payload : NULL,
                                                r->cq, r->cq, &s->on_arrival);
    } else {
        e = grpc_server_request_call(r->server, &s->call, &s->details, &s->metadata, r->cq, r->cq,
                                     &s->on_arrival);
    }
    ASSERT(e == GRPC_CALL_OK);
}

void slots_arm_all(struct rpc *r)
{
    size_t left;
    for (size_t i = 0; i <= r->n_methods; i++) {
        struct bound *m = i < r->n_methods ? &r->methods[i] : &r->unknown;
        for (int k = 0; k < m->want; k++) {
            __atomic_add_fetch(&m->armed, 1, __ATOMIC_RELAXED);
            arm(pop_free(r, &left), m);
        }
    }
}

bool slot_replace(struct slot *s)
{
    struct bound *m = s->m;
    size_t free_left;
    int left = __atomic_sub_fetch(&m->armed, 1, __ATOMIC_RELAXED);
    int want = __atomic_load_n(&m->want, __ATOMIC_RELAXED);
    if (left > want / 2)
        return true;
    struct slot *other = pop_free(s->rpc, &free_left);
    if (!other)
        return left > 0;
    if (left == 0 && want < ARMED_MAX && free_left > s->rpc->o.slots / 2)
        __atomic_store_n(&m->want, want * 2, __ATOMIC_RELAXED);
    __atomic_add_fetch(&m->armed, 1, __ATOMIC_RELAXED);
    arm(other, m);
    return true;
}

void slot_batch(struct slot *s, const grpc_op *ops, size_t n, struct tag *t)
{
    grpc_call *call = s->call;
    tag_hand_over(t);
    /* Fails only where it is misused. */
    ASSERT(grpc_call_start_batch(call, ops, n, t, NULL) == GRPC_CALL_OK);
}

void slot_ref(struct slot *s)
{
    __atomic_add_fetch(&s->refs, 1, __ATOMIC_RELAXED);
}

static void release_call(struct slot *s)
{
    if (s->call)
        grpc_call_unref(s->call);
    if (s->payload)
        grpc_byte_buffer_destroy(s->payload);
    reply_drop(s);
    if (s->has_trailer) {
        grpc_slice_unref(s->trailer.value);
        grpc_slice_unref(s->message);
    }
    grpc_metadata_array_destroy(&s->metadata);
    if (!s->m->row)
        grpc_call_details_destroy(&s->details);
}

static void forget_call(struct slot *s)
{
    s->call = NULL;
    s->payload = NULL;
    s->req = s->res = NULL;
    if (s->release)
        s->release(s->kept);
    s->release = NULL;
    s->state = NULL;
    s->has_trailer = s->sent_initial = s->replayed = s->close_watched = false;
    s->on_committer = s->cancelled = s->has_turn = false;
    s->todo = TODO_START;
    s->was_cancelled = 0;
    s->waiting = WAIT_NOTHING;
    s->status = ok();
}

void slot_unref(struct slot *s)
{
    struct rpc *r = s->rpc;
    struct bound *m = s->m;
    if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (s->listed)
        stream_leave(s);
    db_read_done(&s->ctx);
    release_call(s);
    arena_reset(&s->arena);
    arena_reset(&s->stream_arena);
    forget_call(s);
    if (__atomic_load_n(&r->shut, __ATOMIC_SEQ_CST)) {
        push_free(r, s);
    } else if (__atomic_fetch_add(&m->armed, 1, __ATOMIC_RELAXED) <
               __atomic_load_n(&m->want, __ATOMIC_RELAXED)) {
        arm(s, m);
    } else {
        __atomic_sub_fetch(&m->armed, 1, __ATOMIC_RELAXED);
        push_free(r, s);
    }
    __atomic_sub_fetch(&r->in_core, 1, __ATOMIC_SEQ_CST);
}
