#include "server/rpc/runtime.h"

#include "base/cond.h"
#include "base/log.h"
#include "base/metrics.h"

/* One thread looks after what no event wakes: streams that wait for news, for a caller that has gone silent
 * or does not read, those whose caller may have lost its rights, calls late in a conflict, and the gauges. It
 * claims under the list's lock (a listed slot cannot be recycled meanwhile) and acts after it. */

#define LOOK_US 125000 /* between two looks, while there are streams or calls in a line */
#define APART_US 500   /* wakes, for each open stream: being asked takes a stream some tens of microseconds */
#define GAUGES_US US_PER_SECOND

enum verdict { LEAVE, ASK, READMIT, DRAIN, LATE, IDLE };

static enum verdict judge(const struct slot *s, int waiting, int64_t now, bool woken)
{
    const struct rpc *r = s->rpc;
    int64_t rested = now - __atomic_load_n(&s->rest_us, __ATOMIC_RELAXED);
    bool late = now >= s->ctx.deadline_us;
    bool silent = rested > (int64_t)r->o.stream_idle_ms * 1000;
    if (waiting == WAIT_TIMER)
        return __atomic_load_n(&r->draining, __ATOMIC_RELAXED)   ? DRAIN
               : late                                            ? LATE
               : woken || rested >= (int64_t)r->o.wait_ms * 1000 ? ASK
                                                                 : LEAVE;
    if (waiting == WAIT_READ)
        return __atomic_load_n(&r->evicting, __ATOMIC_RELAXED) ? DRAIN
               : late                                          ? LATE
               : silent                                        ? IDLE
               : readmit_due(s, now)                           ? READMIT
                                                               : LEAVE;
    return waiting == WAIT_WRITE && silent ? IDLE : LEAVE;
}

static void act(struct slot *s, enum verdict v)
{
    switch (v) {
    case ASK:
        call_step(s, PHASE_NEXT);
        break;
    case READMIT:
        readmit_waiting(s);
        break;
    case DRAIN:
        reply_refuse(s, REASON_DRAINING, "this replica is shutting down; open the stream elsewhere");
        break;
    case LATE:
        reply_refuse(s, REASON_DEADLINE_PASSED, "the stream's longest time is over");
        break;
    case IDLE:
        reply_refuse(s, REASON_DEADLINE_PASSED, "nothing was sent or read for too long");
        break;
    case LEAVE:
        break;
    }
}

/* Called with the lock held. Claimed slots are returned, linked by `next`. */
static struct slot *claim_due(struct rpc *r, enum verdict want, int64_t now, bool woken)
{
    struct slot *due = NULL;
    for (struct slot *s = r->streams; s; s = s->next_stream) {
        int waiting = __atomic_load_n(&s->waiting, __ATOMIC_SEQ_CST);
        enum verdict v = judge(s, waiting, now, woken);
        if (v != want)
            continue;
        if (waiting == WAIT_WRITE) {
            grpc_call_cancel(s->call, NULL); /* the write then fails, and that ends it */
        } else if (stream_claim(s, (enum waiting)waiting)) {
            s->next = due;
            due = s;
        }
    }
    return due;
}

static void tend(struct rpc *r, enum verdict want, bool woken)
{
    pthread_mutex_lock(&r->streams_lock);
    struct slot *due = claim_due(r, want, clock_mono_us(), woken);
    pthread_mutex_unlock(&r->streams_lock);
    while (due) {
        struct slot *s = due;
        due = s->next;
        pthread_mutex_lock(&s->io_lock);
        s->on_committer = false;
        pthread_mutex_unlock(&s->io_lock);
        act(s, want);
    }
}

static void refresh_gauges(struct rpc *r)
{
    struct committer_stats c;
    pthread_mutex_lock(&r->free_lock);
    size_t n_free = r->n_free;
    pthread_mutex_unlock(&r->free_lock);
    pthread_mutex_lock(&r->streams_lock);
    int n_streams = r->n_streams;
    pthread_mutex_unlock(&r->streams_lock);
    metric_set(METRIC_rpc_slots_free, 0, n_free);
    metric_set(METRIC_rpc_streams, 0, (uint64_t)n_streams);
    metric_set(METRIC_rpc_lane_queued, metric_value(METRIC_LABEL_LANE, "db"), lane_queued(&r->db_lane));
    metric_set(METRIC_rpc_lane_queued, metric_value(METRIC_LABEL_LANE, "slow"), lane_queued(&r->slow_lane));
    metric_set(METRIC_log_dropped, 0, log_dropped());
    if (!r->o.committer)
        return;
    committer_stats(r->o.committer, &c);
    metric_set(METRIC_commit_units, 0, c.units);
    metric_set(METRIC_commit_groups, 0, c.groups);
    metric_set(METRIC_commit_failed, 0, c.failed_units);
    metric_set(METRIC_commit_redone, 0, c.redone_groups);
    metric_set(METRIC_commit_queued, 0, c.queued);
    metric_set(METRIC_commit_time, 0, c.commit_us_total);
}

static bool is_busy(const struct rpc *r)
{
    return r->streams || __atomic_load_n(&r->turn_waiting, __ATOMIC_SEQ_CST);
}

/* Called with the lock held: until it is time, a wake, or the end. The more streams a wake asks, the longer
 * after the one before. */
static void sleep_until_due(struct rpc *r, int64_t woken_us)
{
    bool busy = is_busy(r), early = true;
    int64_t until = clock_mono_us() + (busy ? LOOK_US : GAUGES_US);
    while (early && !r->ticker_stop && busy == is_busy(r))
        early = cond_wait_until(&r->ticker_wake, &r->streams_lock,
                                r->woken ? MIN(until, woken_us + r->n_streams * APART_US) : until);
}

static void *run(void *arg)
{
    struct rpc *r = arg;
    int64_t gauges_due = 0, woken_us = 0;
    for (;;) {
        pthread_mutex_lock(&r->streams_lock);
        sleep_until_due(r, woken_us);
        bool woken = r->woken, stop = r->ticker_stop;
        r->woken = false;
        pthread_mutex_unlock(&r->streams_lock);
        if (stop)
            return NULL;
        if (woken)
            woken_us = clock_mono_us();
        for (enum verdict v = ASK; v <= IDLE; v++)
            tend(r, v, woken);
        turn_expire(r);
        if (clock_mono_us() >= gauges_due) {
            refresh_gauges(r);
            gauges_due = clock_mono_us() + GAUGES_US;
        }
    }
}

static void on_news(void *r)
{
    rpc_wake(r);
}

struct status ticker_start(struct rpc *r)
{
    r->ticking = pthread_create(&r->ticker, NULL, run, r) == 0;
    if (!r->ticking)
        return fail(NULL, REASON_OVERLOADED, "no thread for the ticker");
    if (r->o.committer)
        committer_on_news(r->o.committer, on_news, r);
    return ok();
}

void ticker_stop(struct rpc *r)
{
    if (!r->ticking)
        return;
    if (r->o.committer)
        committer_on_news(r->o.committer, NULL, NULL);
    pthread_mutex_lock(&r->streams_lock);
    r->ticker_stop = true;
    pthread_cond_signal(&r->ticker_wake);
    pthread_mutex_unlock(&r->streams_lock);
    pthread_join(r->ticker, NULL);
    r->ticking = false;
}

void rpc_wake(struct rpc *r)
{
    __atomic_fetch_add(&r->news, 1, __ATOMIC_SEQ_CST);
    streams_wake(r);
}

void streams_wake(struct rpc *r)
{
    pthread_mutex_lock(&r->streams_lock);
    r->woken = r->streams != NULL;
    if (r->woken)
        pthread_cond_signal(&r->ticker_wake);
    pthread_mutex_unlock(&r->streams_lock);
}
