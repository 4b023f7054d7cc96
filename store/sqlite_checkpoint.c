#include "store/sqlite.h"

#include <errno.h>
#include <unistd.h>

/* In pages of the WAL (4 KiB each). At PASS_PAGES the thread copies what is there, once, while the committer
 * goes on writing; then the committer copies the little that came meanwhile, after which the WAL is written
 * again from its start. A longer WAL would save copies of pages that change often, and take longer to read at
 * the next start. */
#define PASS_PAGES 4000
#define RETRY_PAGES 1000
#define READER_WAIT_US 50
#define READER_WAITS 100

static int on_commit(void *arg, sqlite3 *h, const char *name, int pages)
{
    struct lite_db *d = arg;
    (void)h;
    (void)name;
    d->wal_pages = pages;
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
        sqlite3_wal_checkpoint_v2(d->checkpointer.h, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        atomic_store(&d->pass, LITE_PASS_DONE);
    }
}

/* Waits for a few milliseconds at most. Where a reader holds the WAL longer, tries again when it has grown
 * further. */
static void finish(struct lite_db *d, int pages)
{
    lite_readers_release(d);
    sqlite3_busy_handler(d->writer.h, wait_for_readers, NULL);
    int rc = sqlite3_wal_checkpoint_v2(d->writer.h, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
    d->pass_at = rc == SQLITE_OK ? PASS_PAGES : pages + RETRY_PAGES;
    atomic_store(&d->pass, LITE_PASS_NONE);
    if (rc == SQLITE_OK)
        d->wal_pages = 0;
}

void lite_upkeep(struct db *db)
{
    struct lite_db *d = (struct lite_db *)db;
    if (d->wal_pages < d->pass_at)
        return;
    int pass = atomic_load(&d->pass);
    if (pass == LITE_PASS_NONE) {
        atomic_store(&d->pass, LITE_PASS_RUNS);
        sem_post(&d->wake);
    } else if (pass == LITE_PASS_DONE) {
        finish(d, d->wal_pages);
    }
}

struct status lite_checkpoint_start(struct lite_db *d, struct arena *a)
{
    d->pass_at = PASS_PAGES;
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
