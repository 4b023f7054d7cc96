#include "server/jobs.h"

#include "agents/audit/audit.h"
#include "agents/privacy/privacy.h"
#include "agents/record/active.h"
#include "agents/record/denied.h"
#include "agents/record/known.h"
#include "agents/record/task.h"
#include "base/clock.h"
#include "server/gate/idem.h"
#include "server/house.h"
#include "server/iam/iam.h"
#include "server/report.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

static struct status purge_request_ids(struct ctx *c)
{
    int64_t ttl = (int64_t)house_of(c->app)->options.request_id_ttl * US_PER_SECOND;
    return idem_purge(c, c->now_us - ttl);
}

#define IDLE_MEMORY (32u << 20)

/* What large requests freed inside glibc's arenas goes back to the system. */
static struct status trim_memory(struct ctx *c)
{
    if (mallinfo2().fordblks > IDLE_MEMORY)
        malloc_trim(0);
    return ok();
}

/* A tick is a task (agents/record/task.h). */
static const struct job {
    const char *name;
    int64_t every_us;
    struct status (*tick)(struct ctx *c);
} table[] = {
    { "active_refresh", US_PER_SECOND, active_refresh },
    { "audit_checkpoints", 300 * US_PER_SECOND, audit_checkpoints },
    { "audit_denials", US_PER_SECOND / 2, denied_write },
    { "audit_seal", US_PER_SECOND / 10, audit_seal },
    { "iam_refresh", US_PER_SECOND, iam_refresh },
    { "known_fill", US_PER_SECOND / 20, known_fill },
    { "memory_trim", 5 * US_PER_SECOND, trim_memory },
    { "privacy_sweep", US_PER_SECOND / 10, privacy_sweep },
    { "request_id_purge", US_PER_SECOND / 4, purge_request_ids },
};

struct jobs {
    struct app *app;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool stopping;
    int64_t due_us[COUNT(table)];
};

static void run(struct jobs *j, const struct job *job, struct arena *a)
{
    struct status s = task_run(j->app, job->name, a, job->tick);
    if (!is_ok(s) && s.reason != REASON_CONFLICT)
        report(LEVEL_WARN, "job_failed", job->name, s);
    arena_reset(a);
}

static void wait_until(struct jobs *j, int64_t mono_us)
{
    struct timespec t = { mono_us / US_PER_SECOND, (mono_us % US_PER_SECOND) * 1000 };
    pthread_mutex_lock(&j->lock);
    while (!j->stopping && clock_mono_us() < mono_us)
        pthread_cond_timedwait(&j->wake, &j->lock, &t);
    pthread_mutex_unlock(&j->lock);
}

static void *main_loop(void *arg)
{
    struct jobs *j = arg;
    struct arena a;
    arena_init(&a, 8u << 20);
    for (;;) {
        int64_t next = INT64_MAX;
        for (size_t i = 0; i < COUNT(table); i++)
            next = MIN(next, j->due_us[i]);
        wait_until(j, next);
        if (__atomic_load_n(&j->stopping, __ATOMIC_ACQUIRE))
            break;
        for (size_t i = 0; i < COUNT(table); i++)
            if (j->due_us[i] <= clock_mono_us()) {
                run(j, &table[i], &a);
                j->due_us[i] = clock_mono_us() + table[i].every_us;
            }
    }
    arena_done(&a);
    return NULL;
}

struct status jobs_start(struct app *app, struct jobs **ret)
{
    struct jobs *j = calloc(1, sizeof *j);
    pthread_condattr_t attr;
    if (!j)
        return fail_memory();
    j->app = app;
    for (size_t i = 0; i < COUNT(table); i++)
        j->due_us[i] = clock_mono_us() + table[i].every_us;
    pthread_mutex_init(&j->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&j->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&j->thread, NULL, main_loop, j)) {
        free(j);
        return fail(NULL, REASON_OVERLOADED, "no thread for the jobs");
    }
    *ret = j;
    return ok();
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    __atomic_store_n(&j->stopping, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&j->wake);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
