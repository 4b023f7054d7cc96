/* quota.h: how many calls a second a caller and its workspace may make, for each class of methods
 * (quotas.def).
 *
 * A call takes a token from two buckets in this process' memory, which costs about a tenth of a microsecond
 * and waits for nobody. Where there is one replica, that is all, and limits are exact.
 *
 * Replicas that share a Redis share the limits. Each of N takes the N-th part for itself, which refills at
 * the N-th part of the rate, and QUOTA_SYNC_US apart it charges what was spent to the bucket in Redis and
 * takes the N-th part of what that one holds as its own (one token at least, where there is one). So a caller
 * that keeps to one replica gets the whole rate, and a limit of r calls a second with a burst of b lets
 * through, by all replicas together and in any t seconds, at most r*t + 2*b + N calls: what was spent is
 * charged, however late, and what was spent too much is paid back before there is more. N is how many
 * replicas said so in the last seconds.
 *
 * Without Redis (away, or not yet there) each replica goes on with its N-th part, for the N it last heard of.
 */
#ifndef SERVER_GATE_QUOTA_H
#define SERVER_GATE_QUOTA_H

#include "store/kv.h"

C_BEGIN

/* What struct rpc_method.quota holds. */
enum quota_class {
    QUOTA_FREE, /* never limited: health and reflection */
#define QUOTA_CLASS(ID, id, help) QUOTA_##ID,
#include "server/gate/quotas.def"
#undef QUOTA_CLASS
    QUOTA_CLASSES
};

enum quota_subject { QUOTA_OF_CALLER, QUOTA_OF_WORKSPACE, QUOTA_SUBJECTS };

#define QUOTA_SYNC_US 50000

struct quota_limits {
    double rate[QUOTA_SUBJECTS][QUOTA_CLASSES]; /* calls a second; 0: no limit */
    double burst_seconds; /* calls at once: as many as the rate gives in this time, one at least */
};

struct quota;

/* kv: what replicas share, NULL where there is nothing to share; it outlives the quota. Memory is fixed:
 * where more callers than QUOTA_PLACES call within the time of a burst, those who used least are forgotten
 * first. */
#define QUOTA_PLACES (4096 * 4)
MUSTCHECK struct status quota_open(const struct quota_limits *limits, struct kv *kv, struct quota **ret);
/* Starts the thread that keeps the buckets in step with kv's. */
MUSTCHECK struct status quota_run(struct quota *q);
void quota_close(struct quota *q);         /* ends the thread; NULL is allowed */
bool quota_in_step(const struct quota *q); /* whether the last attempt to share succeeded. Any thread. */

struct quota_call {
    const char *workspace, *caller; /* "default", "users/ann" */
    enum quota_class class_;
    double rate[QUOTA_SUBJECTS]; /* calls a second that hold instead of quota_limits'; 0: those hold */
};

/* Takes a call from the caller's and the workspace's bucket, or from neither. Fails: QUOTA_EXCEEDED, with
 * whose limit it is and when there will be a token (message and details in the arena). Any thread, never
 * waits. */
MUSTCHECK struct status quota_take(struct quota *q, const struct quota_call *call, int64_t mono_us,
                                   struct arena *a);

/* Keeps in step with kv once; what the thread does. One thread at a time. Fails: KV_UNAVAILABLE. */
MUSTCHECK struct status quota_sync(struct quota *q, int64_t wall_us, int64_t mono_us);

C_END
#endif
