/* lane.h: threads that take slots from a queue. A poller never waits, so what waits runs here. */
#ifndef SERVER_RPC_LANE_H
#define SERVER_RPC_LANE_H

#include "base/status.h"

#include <pthread.h>

C_BEGIN

struct slot;

struct lane_pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct slot *first, *last; /* linked by slot->next */
    size_t queued, limit;
    pthread_t *threads;
    unsigned n_threads;
    bool stopping;
};

/* Each thread runs call_run(slot). Fails: OVERLOADED where no thread can be made. */
MUSTCHECK struct status lane_start(struct lane_pool *p, unsigned threads, size_t limit, struct arena *a);
/* Runs what is queued, then ends the threads. Copes with a pool never started. */
void lane_stop(struct lane_pool *p);
/* False when the queue is full; `must` queues all the same: for a call that was let in before. */
bool lane_push(struct lane_pool *p, struct slot *s, bool must);
size_t lane_queued(struct lane_pool *p);

C_END
#endif
