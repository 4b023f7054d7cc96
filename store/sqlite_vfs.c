/* The files of a connection that writes are SQLite's own, with a few methods of ours in front.
 *
 * The WAL gathers its writes. SQLite writes each page of a commit in two calls, of 24 and of 4096 bytes, one
 * behind the other, and syncs after the last; here they reach the kernel as few large writes, at the sync at
 * the latest. Nobody else may see them earlier: SQLite tells other connections of a commit after its sync
 * (synchronous=FULL). A process that dies with gathered bytes loses what was never confirmed.
 *
 * The database file, which only checkpoints write, is synced at intervals and not only at their end. A commit
 * that syncs the WAL meanwhile waits for what the disk has been given to write: a slice, and not thousands of
 * pages. */
#include "store/sqlite.h"

#define GATHER_BYTES (120 * 1024) /* SQLite writes less than 128 KiB at a time */
#define SLICE_BYTES (1024 * 1024)

/* Lies behind SQLite's own file, whose pMethods points at it. */
struct front {
    sqlite3_io_methods methods; /* SQLite's but for ours; first, so that a file leads here */
    const sqlite3_io_methods *real;
    char *bytes; /* of the WAL: gathered, from offset `start` on; NULL: memory was out, nothing is gathered */
    sqlite3_int64 start;
    int n; /* bytes gathered; of the database file: written since it was synced */
};

static struct front *front_of(sqlite3_file *f)
{
    return (struct front *)f->pMethods;
}

/* ---- The WAL ---- */

static int flush(sqlite3_file *f)
{
    struct front *w = front_of(f);
    int n = w->n;
    w->n = 0; /* after a failure too: SQLite undoes the transaction and writes these places again */
    return n ? w->real->xWrite(f, w->bytes, n, w->start) : SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
    struct front *w = front_of(f);
    int flushed = flush(f), closed = w->real->xClose(f);
    sqlite3_free(w->bytes);
    return flushed ? flushed : closed;
}

static int wal_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    int rc = flush(f);
    return rc ? rc : front_of(f)->real->xRead(f, to, n, at);
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct front *w = front_of(f);
    if (at != w->start + w->n || n > GATHER_BYTES - w->n) {
        int rc = flush(f);
        if (rc)
            return rc;
        w->start = at;
    }
    if (!w->bytes || n > GATHER_BYTES)
        return w->real->xWrite(f, p, n, at);
    memcpy(w->bytes + w->n, p, (size_t)n);
    w->n += n;
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = flush(f);
    return rc ? rc : front_of(f)->real->xTruncate(f, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
    int rc = flush(f);
    return rc ? rc : front_of(f)->real->xSync(f, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    int rc = flush(f);
    return rc ? rc : front_of(f)->real->xFileSize(f, ret);
}

static void gather_writes(struct front *w)
{
    w->bytes = sqlite3_malloc(GATHER_BYTES);
    w->methods.xClose = wal_close;
    w->methods.xRead = wal_read;
    w->methods.xWrite = wal_write;
    w->methods.xTruncate = wal_truncate;
    w->methods.xSync = wal_sync;
    w->methods.xFileSize = wal_size;
}

/* ---- The database file ---- */

static int db_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct front *d = front_of(f);
    int rc = d->real->xWrite(f, p, n, at);
    d->n += n;
    if (rc || d->n < SLICE_BYTES)
        return rc;
    d->n = 0;
    return d->real->xSync(f, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
}

/* ---- The layer ---- */

static sqlite3_vfs layer;

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    int rc = real->xOpen(real, name, f, flags, ret_flags);
    if (rc || !(flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_DB)))
        return rc;
    struct front *own = (struct front *)((char *)f + vfs->szOsFile - sizeof *own);
    memset(own, 0, sizeof *own);
    own->real = f->pMethods;
    own->methods = *f->pMethods;
    if (flags & SQLITE_OPEN_WAL)
        gather_writes(own);
    else
        own->methods.xWrite = db_write;
    f->pMethods = &own->methods;
    return SQLITE_OK;
}

static void layer_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    layer = *real;
    layer.pNext = NULL;
    layer.zName = "front";
    layer.pAppData = real;
    layer.szOsFile = (real->szOsFile + 15) / 16 * 16 + (int)sizeof(struct front);
    layer.xOpen = layer_open;
    sqlite3_vfs_register(&layer, 0);
}

const char *lite_writing_vfs(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, layer_register);
    return layer.zName;
}
