#include "server/rpc/runtime.h"

/* Many callers that write one row: of each group of units one wins, all others conflict and run again, so the
 * last of fifty would need fifty runs. A call that lost therefore waits in the line of that row until none of
 * those that lost over it is running again; then only newcomers can beat it. Rows whose marks meet share a
 * line, which costs time and nothing else. Whoever hangs up or is late leaves the line at once. */

static bool waits(struct turn_line *l, struct slot *s)
{
    /* Who hung up may have been told already, by a turn_quit that found no one in the line. */
    if (!l->taken || call_cancelled(s))
        return false;
    s->next = NULL;
    if (l->last)
        l->last->next = s;
    else
        l->first = s;
    l->last = s;
    return true;
}

static void wake_ticker(struct rpc *r)
{
    pthread_mutex_lock(&r->streams_lock);
    pthread_cond_signal(&r->ticker_wake);
    pthread_mutex_unlock(&r->streams_lock);
}

bool turn_take(struct slot *s)
{
    struct rpc *r = s->rpc;
    if (s->has_turn)
        return true;
    s->line = s->unit.conflict % TURN_LINES;
    pthread_mutex_lock(&r->turn_lock);
    struct turn_line *l = &r->turn_lines[s->line];
    bool in_line = waits(l, s);
    bool first = in_line && __atomic_fetch_add(&r->turn_waiting, 1, __ATOMIC_SEQ_CST) == 0;
    s->in_line = in_line;
    if (!in_line && !l->taken)
        l->taken = s->has_turn = true;
    pthread_mutex_unlock(&r->turn_lock);
    if (first)
        wake_ticker(r);
    return !in_line;
}

/* Called with the lock held. `before` is the slot ahead of s in the line, NULL where s is the first. */
static void step_out(struct turn_line *l, struct slot *before, struct slot *s)
{
    if (before)
        before->next = s->next;
    else
        l->first = s->next;
    if (l->last == s)
        l->last = before;
    s->in_line = false;
    __atomic_sub_fetch(&s->rpc->turn_waiting, 1, __ATOMIC_SEQ_CST);
}

void turn_leave(struct slot *s)
{
    struct rpc *r = s->rpc;
    s->has_turn = false;
    pthread_mutex_lock(&r->turn_lock);
    struct turn_line *l = &r->turn_lines[s->line];
    struct slot *next = l->first;
    l->taken = next != NULL;
    if (next) {
        step_out(l, NULL, next);
        next->has_turn = true;
    }
    pthread_mutex_unlock(&r->turn_lock);
    if (next)
        call_resume(next);
}

static void give_up(struct slot *s)
{
    s->unit.outcome = call_late(s) ? fail(NULL, REASON_DEADLINE_PASSED, "the deadline passed in a conflict")
                                   : fail(NULL, REASON_CALL_CANCELLED, "the caller hung up");
    call_recover(s);
}

void turn_quit(struct slot *s)
{
    struct rpc *r = s->rpc;
    pthread_mutex_lock(&r->turn_lock);
    bool in_line = s->in_line;
    if (in_line) {
        struct turn_line *l = &r->turn_lines[s->line];
        struct slot *before = NULL;
        for (struct slot *x = l->first; x != s; x = x->next)
            before = x;
        step_out(l, before, s);
    }
    pthread_mutex_unlock(&r->turn_lock);
    if (in_line)
        give_up(s);
}

/* Called with the lock held: takes those that are late out of the line. */
static struct slot *step_out_late(struct turn_line *l, struct slot *late)
{
    struct slot *before = NULL;
    for (struct slot *s = l->first, *next; s; s = next) {
        next = s->next;
        if (!call_late(s)) {
            before = s;
            continue;
        }
        step_out(l, before, s);
        s->next = late;
        late = s;
    }
    return late;
}

void turn_expire(struct rpc *r)
{
    struct slot *late = NULL;
    if (!__atomic_load_n(&r->turn_waiting, __ATOMIC_SEQ_CST))
        return;
    pthread_mutex_lock(&r->turn_lock);
    for (size_t i = 0; i < TURN_LINES; i++)
        late = step_out_late(&r->turn_lines[i], late);
    pthread_mutex_unlock(&r->turn_lock);
    while (late) {
        struct slot *s = late;
        late = s->next;
        give_up(s);
    }
}
