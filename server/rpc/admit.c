#include "server/rpc/runtime.h"

#include "base/clock.h"

/* The hooks may read. Where a read would have to wait, the call is put on the lane that may, and admitted
 * there. */

bool admitted(struct slot *s)
{
    struct db *db = s->rpc->o.db;
    if (!s->rpc->o.admit)
        return true;
    s->ctx.may_not_wait = s->todo != TODO_ADMIT && db && !db->ops->reads_inline;
    s->ctx.had_to_wait = false;
    s->todo = TODO_START;
    struct status st = s->rpc->o.admit(s->rpc->o.admit_arg, (const struct rpc_call *)s, &s->ctx);
    db_read_done(&s->ctx);
    if (!s->ctx.had_to_wait && is_ok(st))
        return true;
    if (!s->ctx.had_to_wait) {
        reply_end(s, st);
        return false;
    }
    s->todo = TODO_ADMIT;
    if (!lane_push(&s->rpc->db_lane, s, false))
        reply_refuse(s, REASON_OVERLOADED, "the queue of calls that wait to be admitted is full");
    return false;
}

/* ---- streams, again ---- */

bool readmit_due(const struct slot *s, int64_t now)
{
    int64_t admitted_us = __atomic_load_n(&s->admitted_us, __ATOMIC_RELAXED);
    return s->listed && s->rpc->o.readmit && now - admitted_us >= (int64_t)s->rpc->o.readmit_ms * 1000;
}

bool readmitted(struct slot *s)
{
    struct arena_mark before = arena_mark(s->ctx.arena);
    int64_t now = clock_mono_us();
    if (!readmit_due(s, now))
        return true;
    s->ctx.had_to_wait = false;
    struct status st = s->rpc->o.readmit(s->rpc->o.admit_arg, (const struct rpc_call *)s, &s->ctx);
    db_read_done(&s->ctx);
    if (s->ctx.had_to_wait) {
        lane_push(&s->rpc->db_lane, s, true);
        return false;
    }
    if (!is_ok(st)) {
        reply_end(s, st);
        return false;
    }
    arena_rewind(s->ctx.arena, before);
    __atomic_store_n(&s->admitted_us, now, __ATOMIC_RELAXED);
    return true;
}

void readmit_waiting(struct slot *s)
{
    s->todo = TODO_READMIT;
    s->ctx.arena = &s->arena;
    arena_reset(&s->arena);
    lane_push(&s->rpc->db_lane, s, true);
}

void readmit_go_on(struct slot *s)
{
    if (!readmitted(s))
        return;
    s->todo = TODO_START;
    slot_ref(s); /* once it waits, the slot is anybody's */
    read_go_on(s, __atomic_load_n(&s->rest_us, __ATOMIC_RELAXED));
    ahead_look(s);
    slot_unref(s);
}
