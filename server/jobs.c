#include "server/jobs.h"

#include "agents/audit/audit.h"
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/journey/journey.h"
#include "agents/orchestrator/orchestrator.h"
#include "agents/privacy/privacy.h"
#include "agents/record/active.h"
#include "agents/record/denied.h"
#include "agents/record/known.h"
#include "agents/record/moved.h"
#include "agents/record/task.h"
#include "base/cond.h"
#include "server/house.h"
#include "server/iam/iam.h"
#include "server/report.h"
#include "server/rpc/idem.h"

#include <malloc.h>
#include <stdlib.h>

static struct status purge_request_ids(struct ctx *c)
{
    int64_t ttl = (int64_t)house_of(c->app)->options.request_id_ttl * US_PER_SECOND;
    return idem_purge(c, c->now_us - ttl);
}

#define IDLE_MEMORY (32u << 20)
#define TICK_BYTES (8u << 20)

/* What large requests freed inside glibc's arenas goes back to the system. */
static struct status trim_memory(struct ctx *c)
{
    if (mallinfo2().fordblks > IDLE_MEMORY)
        malloc_trim(0);
    return ok();
}

/* Whose thread a job runs on: what agents do may take long, and holds up no upkeep. What waits in memory
 * alone is written down once more AT_END, when the threads are gone. */
enum lane { UPKEEP, AGENTS, LANES, AT_END = LANES };

/* A tick is a task (agents/record/task.h). */
static const struct job {
    enum lane lane;
    const char *name;
    int64_t every_us;
    struct status (*tick)(struct ctx *c);
} table[] = {
    { AGENTS, "chooser", US_PER_SECOND, chooser_learn },
    { AGENTS, "journeys", US_PER_SECOND / 5, journeys_on_time },
    { AGENTS, "reactions", US_PER_SECOND / 20, orchestrator_react },
    { UPKEEP, "active_refresh", US_PER_SECOND, active_refresh },
    { UPKEEP, "audit_checkpoints", 300 * US_PER_SECOND, audit_checkpoints },
    { UPKEEP, "audit_denials", US_PER_SECOND / 2, denied_write },
    { UPKEEP, "audit_seal", US_PER_SECOND / 10, audit_seal },
    { UPKEEP, "iam_refresh", US_PER_SECOND, iam_refresh },
    { UPKEEP, "known_fill", US_PER_SECOND / 20, known_fill },
    { UPKEEP, "installation", US_PER_SECOND, moved_refresh },
    { UPKEEP, "memory_trim", 5 * US_PER_SECOND, trim_memory },
    { UPKEEP, "privacy_sweep", US_PER_SECOND / 10, privacy_sweep },
    { UPKEEP, "request_id_purge", US_PER_SECOND / 4, purge_request_ids },
    { AT_END, "audit_denials", 0, denied_write },
};

struct worker {
    struct jobs *jobs;
    enum lane lane;
    pthread_t thread;
};

struct jobs {
    struct app *app;
    struct worker workers[LANES];
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
    pthread_mutex_lock(&j->lock);
    while (!j->stopping && cond_wait_until(&j->wake, &j->lock, mono_us))
        ;
    pthread_mutex_unlock(&j->lock);
}

/* When the lane's next job is due. */
static int64_t next_due(const struct jobs *j, enum lane lane)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].lane == lane)
            next = MIN(next, j->due_us[i]);
    return next;
}

/* What of the lane is due. */
static void run_due(struct jobs *j, enum lane lane, struct arena *a)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (table[i].lane == lane && j->due_us[i] <= clock_mono_us()) {
            run(j, &table[i], a);
            j->due_us[i] = clock_mono_us() + table[i].every_us;
        }
}

static void *main_loop(void *arg)
{
    struct worker *w = arg;
    struct jobs *j = w->jobs;
    struct arena a;
    arena_init(&a, TICK_BYTES);
    for (;;) {
        wait_until(j, next_due(j, w->lane));
        if (__atomic_load_n(&j->stopping, __ATOMIC_ACQUIRE))
            break;
        run_due(j, w->lane, &a);
    }
    arena_done(&a);
    return NULL;
}

struct status jobs_start(struct app *app, struct jobs **ret)
{
    struct jobs *j = calloc(1, sizeof *j);
    if (!j)
        return fail_memory();
    j->app = app;
    for (size_t i = 0; i < COUNT(table); i++)
        j->due_us[i] = clock_mono_us() + table[i].every_us;
    pthread_mutex_init(&j->lock, NULL);
    cond_init(&j->wake);
    for (size_t i = 0; i < LANES; i++) {
        j->workers[i] = (struct worker){ j, (enum lane)i, 0 };
        if (!pthread_create(&j->workers[i].thread, NULL, main_loop, &j->workers[i]))
            continue;
        j->workers[i].jobs = NULL; /* no thread */
        jobs_stop(j);
        return fail(NULL, REASON_OVERLOADED, "no thread for the jobs");
    }
    *ret = j;
    return ok();
}

static void run_at_end(struct jobs *j)
{
    struct arena a;
    arena_init(&a, TICK_BYTES);
    run_due(j, AT_END, &a);
    arena_done(&a);
}

void jobs_stop(struct jobs *j)
{
    if (!j)
        return;
    pthread_mutex_lock(&j->lock);
    __atomic_store_n(&j->stopping, true, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&j->wake);
    pthread_mutex_unlock(&j->lock);
    for (size_t i = 0; i < LANES; i++)
        if (j->workers[i].jobs)
            pthread_join(j->workers[i].thread, NULL);
    run_at_end(j);
    pthread_cond_destroy(&j->wake);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
