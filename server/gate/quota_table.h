/* quota_table.h: what quota.c (calls take tokens) and quota_sync.c (replicas share them) have in common.
 * Private. */
#ifndef SERVER_GATE_QUOTA_TABLE_H
#define SERVER_GATE_QUOTA_TABLE_H

#include "server/gate/quota.h"

#include <pthread.h>

C_BEGIN

#define QUOTA_WAYS 4
#define QUOTA_SETS (QUOTA_PLACES / QUOTA_WAYS)
#define QUOTA_LOCKS 64 /* a power of two; each guards every 64th set */

struct quota_place {
    uint64_t tag; /* hash of workspace, caller and class; 0: nobody's */
    struct bucket bucket;
    double spent; /* not yet charged to what replicas share */
    bool asked;   /* since then */
    double rate;  /* the limit as a whole, in calls a second, as it was at the last call */
};

struct quota {
    struct quota_limits limits;
    uint64_t seed;
    struct kv *kv;
    unsigned replicas; /* atomic */
    bool in_step;      /* atomic: the last quota_sync succeeded */
    int64_t counted;   /* quota_sync.c: when this replica was last counted */
    int64_t heard;     /* the same: how many there were then */
    pthread_t thread;
    bool running, stopping; /* stopping: under stop_lock */
    pthread_mutex_t stop_lock;
    pthread_cond_t stop;
    pthread_mutex_t locks[QUOTA_LOCKS];
    struct quota_place places[QUOTA_PLACES];
    char keys[QUOTA_PLACES][KV_KEY_MAX + 1]; /* the bucket in kv; written only where there is one */
};

/* The limit as a whole. */
struct bucket_limit quota_whole(const struct quota *q, double rate);

static inline pthread_mutex_t *quota_lock(struct quota *q, size_t place)
{
    pthread_mutex_t *lock = &q->locks[(place / QUOTA_WAYS) & (QUOTA_LOCKS - 1)];
    pthread_mutex_lock(lock);
    return lock;
}

/* Asks the thread to end and waits for it. */
void quota_halt(struct quota *q);

C_END
#endif
