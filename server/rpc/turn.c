#include "server/rpc/runtime.h"

/* Many callers that write one row: of each group of units one wins, all others conflict and run again, so the
 * last of fifty would need fifty runs. A call that lost therefore waits until it alone is running again; then
 * only newcomers can beat it. */

bool turn_take(struct slot *s)
{
    struct rpc *r = s->rpc;
    if (s->has_turn)
        return true;
    pthread_mutex_lock(&r->turn_lock);
    bool mine = !r->turn_taken;
    r->turn_taken = true;
    s->has_turn = mine;
    if (!mine) {
        s->next = NULL;
        if (r->turn_last)
            r->turn_last->next = s;
        else
            r->turn_first = s;
        r->turn_last = s;
    }
    pthread_mutex_unlock(&r->turn_lock);
    return mine;
}

void turn_leave(struct slot *s)
{
    struct rpc *r = s->rpc;
    s->has_turn = false;
    pthread_mutex_lock(&r->turn_lock);
    struct slot *next = r->turn_first;
    if (next) {
        r->turn_first = next->next;
        if (!r->turn_first)
            r->turn_last = NULL;
        next->has_turn = true;
    } else {
        r->turn_taken = false;
    }
    pthread_mutex_unlock(&r->turn_lock);
    if (next)
        call_resume(next);
}
