/* cond.h: condition variables whose waits end by clock_mono_us. */
#ifndef BASE_COND_H
#define BASE_COND_H

#include "base/clock.h"

#include <pthread.h>
#include <time.h>

C_BEGIN

static inline void cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(c, &attr);
    pthread_condattr_destroy(&attr);
}

/* The lock is held. False once it is that time. */
static inline bool cond_wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t mono_us)
{
    struct timespec t = { (time_t)(mono_us / US_PER_SECOND), (long)(mono_us % US_PER_SECOND * 1000) };
    return pthread_cond_timedwait(c, lock, &t) == 0;
}

C_END
#endif
