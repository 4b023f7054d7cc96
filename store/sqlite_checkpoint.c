#include "store/sqlite.h"

#include <errno.h>
#include <unistd.h>

/* In pages of the WAL (4 KiB each). The thread starts early and works beside the committer; what it leaves is
 * small by the time the committer finishes it, after which the WAL is written again from its start. */
#define WAKE_PAGES 1000
#define FINISH_PAGES 3000
#define READER_WAIT_US 50
#define READER_WAITS 100

static int on_commit(void *arg, sqlite3 *h, const char *name, int pages)
{
    struct lite_db *d = arg;
    (void)h;
    (void)name;
    atomic_store_explicit(&d->wal_pages, pages, memory_order_relaxed);
    return SQLITE_OK;
}

/* A reader in the middle of a call ends within microseconds; a long one is waited for at the next try. */
static int wait_for_readers(void *arg, int tries)
{
    (void)arg;
    usleep(READER_WAIT_US);
    return tries < READER_WAITS;
}

static void *checkpoint_run(void *arg)
{
    struct lite_db *d = arg;
    for (;;) {
        while (sem_wait(&d->wake) && errno == EINTR)
            ;
        if (atomic_load(&d->stop))
            return NULL;
        lite_readers_release(d);
        pthread_mutex_lock(&d->checkpoint);
        sqlite3_wal_checkpoint_v2(d->checkpointer.h, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        pthread_mutex_unlock(&d->checkpoint);
    }
}

/* Waits for a few milliseconds at most. Where a reader holds the WAL longer, tries again when it has grown
 * further. */
static void finish(struct lite_db *d)
{
    if (pthread_mutex_trylock(&d->checkpoint))
        return;
    lite_readers_release(d);
    sqlite3_busy_handler(d->writer.h, wait_for_readers, NULL);
    int rc = sqlite3_wal_checkpoint_v2(d->writer.h, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    pthread_mutex_unlock(&d->checkpoint);
    int pages = atomic_load_explicit(&d->wal_pages, memory_order_relaxed);
    d->finish_at = rc == SQLITE_OK ? FINISH_PAGES : pages + WAKE_PAGES;
    if (rc == SQLITE_OK)
        atomic_store_explicit(&d->wal_pages, 0, memory_order_relaxed);
}

void lite_upkeep(struct db *db)
{
    struct lite_db *d = (struct lite_db *)db;
    int pages = atomic_load_explicit(&d->wal_pages, memory_order_relaxed), waiting = 0;
    if (pages >= d->finish_at)
        finish(d);
    else if (pages >= WAKE_PAGES && !sem_getvalue(&d->wake, &waiting) && !waiting)
        sem_post(&d->wake);
}

struct status lite_checkpoint_start(struct lite_db *d, struct arena *a)
{
    d->finish_at = FINISH_PAGES;
    sqlite3_wal_hook(d->writer.h, on_commit, d);
    TRY(lite_connect(d, LITE_WRITE, &d->checkpointer, a));
    sqlite3_wal_autocheckpoint(d->checkpointer.h, 0);
    if (sem_init(&d->wake, 0, 0) || pthread_create(&d->thread, NULL, checkpoint_run, d))
        return fail(NULL, REASON_STORE_UNAVAILABLE, "the checkpoint thread cannot be started");
    pthread_setname_np(d->thread, "checkpoint");
    d->thread_runs = true;
    return ok();
}

void lite_checkpoint_stop(struct lite_db *d)
{
    if (d->thread_runs) {
        atomic_store(&d->stop, true);
        sem_post(&d->wake);
        pthread_join(d->thread, NULL);
        sem_destroy(&d->wake);
    }
    d->thread_runs = false;
    lite_disconnect(&d->checkpointer);
}
