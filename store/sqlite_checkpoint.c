#include "store/sqlite.h"

#include <errno.h>
#include <unistd.h>

/* In pages of the WAL (4 KiB each). At PASS_PAGES the thread copies what is there while the committer goes on
 * writing; then the committer copies the little that came meanwhile, after which the WAL is written again
 * from its start. A pass copies a page once, however many commits wrote it: with passes of 250 pages a
 * decision cost a tenth to a fifth more processor time. That commits do not wait for a pass is the slices'
 * affair (sqlite_vfs.c). */
#define PASS_PAGES 10000
#define REST_PAGES 80    /* few enough for the committer to copy */
#define PASSES 4         /* one after the other, until the rest is small */
#define MOST_PAGES 40000 /* here the committer waits for the thread: the disk is slower than the load */
#define READER_WAIT_US 50
#define READER_WAITS 200

static int wal_pages(const struct lite_db *d)
{
    return __atomic_load_n(&d->wal_pages, __ATOMIC_RELAXED);
}

static void set_wal_pages(struct lite_db *d, int pages)
{
    __atomic_store_n(&d->wal_pages, pages, __ATOMIC_RELAXED);
}

static int on_commit(void *arg, sqlite3 *h, const char *name, int pages)
{
    struct lite_db *d = arg;
    set_wal_pages(d, pages);
    return SQLITE_OK;
}

/* A reader in the middle of a call ends within microseconds; a longer one is waited for at the next try, and
 * with more patience once the WAL is long. */
static int wait_for_readers(void *arg, int tries)
{
    struct lite_db *d = arg;
    usleep(READER_WAIT_US);
    return tries < (wal_pages(d) < MOST_PAGES ? READER_WAITS : 5 * READER_WAITS);
}

/* Copies what can be copied beside the committer, which goes on writing. */
static void run_passes(struct lite_db *d)
{
    for (int i = 0; i < PASSES; i++) {
        int pages = 0, copied = 0;
        lite_readers_release(d);
        if (sqlite3_wal_checkpoint_v2(d->checkpointer.h, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &copied) !=
                SQLITE_OK ||
            copied < pages || wal_pages(d) - copied < REST_PAGES)
            return;
    }
}

static void *checkpoint_run(void *arg)
{
    struct lite_db *d = arg;
    for (;;) {
        while (sem_wait(&d->wake) && errno == EINTR)
            ;
        if (__atomic_load_n(&d->stop, __ATOMIC_SEQ_CST))
            return NULL;
        run_passes(d);
        sem_post(&d->passed);
    }
}

/* Kept snapshots become stale, and those of idle readers are let go. */
static void renew_snapshots(struct lite_db *d)
{
    __atomic_fetch_add(&d->commits, 1, __ATOMIC_SEQ_CST);
    lite_readers_release(d);
}

static bool checkpoint(struct lite_db *d, int mode)
{
    int pages = 0, copied = 0;
    return sqlite3_wal_checkpoint_v2(d->writer.h, NULL, mode, &pages, &copied) == SQLITE_OK &&
           pages == copied;
}

static bool must_forget(const struct lite_db *d)
{
    return __atomic_load_n(&d->forgets, __ATOMIC_SEQ_CST) == LITE_FORGET_ASKED;
}

/* Copies what the thread left. From then on a new snapshot reads the database file alone, so once the older
 * ones have ended (a matter of one call) nobody reads the WAL, and the next commit writes it from its start.
 * Waits for a few milliseconds at most; where a reader takes longer, tries again when the WAL has grown
 * further. */
static void finish(struct lite_db *d)
{
    sqlite3_busy_handler(d->writer.h, wait_for_readers, d);
    renew_snapshots(d);
    bool done = checkpoint(d, SQLITE_CHECKPOINT_FULL);
    bool forget = must_forget(d);
    if (done) {
        renew_snapshots(d);
        done = checkpoint(d, forget ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_RESTART);
    }
    if (done && forget && lite_scrub(&d->writer))
        __atomic_store_n(&d->forgets, LITE_FORGOT, __ATOMIC_SEQ_CST);
    d->round = done ? LITE_ROUND_NONE : LITE_ROUND_FINISH;
    d->round_at = done ? PASS_PAGES : wal_pages(d) + REST_PAGES + wal_pages(d) / 16;
    if (done)
        set_wal_pages(d, 0);
}

static bool pass_ended(struct lite_db *d)
{
    if (wal_pages(d) < MOST_PAGES)
        return sem_trywait(&d->passed) == 0;
    while (sem_wait(&d->passed) && errno == EINTR)
        ;
    return true;
}

/* A round begins at a length of the WAL, or where rows are to be forgotten; then a short one is finished at
 * once. */
void lite_upkeep(struct db *db)
{
    struct lite_db *d = (struct lite_db *)db;
    bool forget = must_forget(d);
    if (wal_pages(d) < d->round_at && !forget)
        return;
    if (d->round == LITE_ROUND_NONE && (!forget || wal_pages(d) > REST_PAGES)) {
        d->round = LITE_ROUND_PASS;
        sem_post(&d->wake);
    } else if (d->round != LITE_ROUND_PASS || pass_ended(d)) {
        finish(d);
    }
}

bool lite_forget(struct db *db)
{
    struct lite_db *d = (struct lite_db *)db;
    enum lite_forget done = LITE_FORGOT, nothing = LITE_FORGET_NOTHING;
    if (__atomic_compare_exchange_n(&d->forgets, &done, LITE_FORGET_NOTHING, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST))
        return true;
    __atomic_compare_exchange_n(&d->forgets, &nothing, LITE_FORGET_ASKED, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return false;
}

struct status lite_checkpoint_start(struct lite_db *d, struct arena *a)
{
    d->round_at = PASS_PAGES;
    sqlite3_wal_hook(d->writer.h, on_commit, d);
    TRY(lite_connect(d, LITE_WRITE, &d->checkpointer, a));
    sqlite3_wal_autocheckpoint(d->checkpointer.h, 0);
    if (sem_init(&d->wake, 0, 0) || sem_init(&d->passed, 0, 0) ||
        pthread_create(&d->thread, NULL, checkpoint_run, d))
        return fail(NULL, REASON_STORE_UNAVAILABLE, "the checkpoint thread cannot be started");
    pthread_setname_np(d->thread, "checkpoint");
    d->thread_runs = true;
    return ok();
}

void lite_checkpoint_stop(struct lite_db *d)
{
    if (d->thread_runs) {
        __atomic_store_n(&d->stop, true, __ATOMIC_SEQ_CST);
        sem_post(&d->wake);
        pthread_join(d->thread, NULL);
        sem_destroy(&d->wake);
        sem_destroy(&d->passed);
    }
    d->thread_runs = false;
    lite_disconnect(&d->checkpointer);
}
