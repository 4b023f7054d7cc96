#include "server/rpc/lane.h"

#include "server/rpc/runtime.h"

static struct slot *take(struct lane_pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->stopping)
        pthread_cond_wait(&p->wake, &p->lock);
    struct slot *s = p->first;
    if (s) {
        p->first = s->next;
        if (!p->first)
            p->last = NULL;
        p->queued--;
    }
    pthread_mutex_unlock(&p->lock);
    return s;
}

static void *run(void *arg)
{
    struct lane_pool *p = arg;
    struct slot *s;
    while ((s = take(p)))
        call_run(s);
    return NULL;
}

struct status lane_start(struct lane_pool *p, unsigned threads, size_t limit, struct arena *a)
{
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    p->limit = limit;
    p->threads = ARENA_ARRAY(a, threads, pthread_t);
    if (!p->threads)
        return fail_memory();
    for (; p->n_threads < threads; p->n_threads++)
        if (pthread_create(&p->threads[p->n_threads], NULL, run, p))
            return fail(NULL, REASON_OVERLOADED, "no thread for a lane");
    return ok();
}

void lane_stop(struct lane_pool *p)
{
    if (!p->threads)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    memset(p, 0, sizeof *p);
}

bool lane_push(struct lane_pool *p, struct slot *s, bool must)
{
    pthread_mutex_lock(&p->lock);
    bool room = must || p->queued < p->limit;
    if (room) {
        s->next = NULL;
        if (p->last)
            p->last->next = s;
        else
            p->first = s;
        p->last = s;
        p->queued++;
        pthread_cond_signal(&p->wake);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

size_t lane_queued(struct lane_pool *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->queued;
    pthread_mutex_unlock(&p->lock);
    return n;
}
