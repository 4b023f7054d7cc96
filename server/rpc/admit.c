#include "server/rpc/runtime.h"

/* The hook may read. Where its read would have to wait, the call is put on the lane that may, and admitted
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
