/* The writer's WAL file gathers its writes. SQLite writes each page of a commit in two calls, of 24 and of
 * 4096 bytes, one behind the other, and syncs after the last; here they reach the kernel as few large writes,
 * at the sync at the latest. Nobody else may see them earlier: SQLite tells other connections of a commit
 * after its sync (synchronous=FULL). A process that dies with gathered bytes loses what was never confirmed.
 * All other files are SQLite's own. */
#include "store/sqlite.h"

#define GATHER_BYTES (120 * 1024) /* SQLite writes less than 128 KiB at a time */

struct wal_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
    char *bytes;        /* gathered, from offset `start` on; NULL: memory was out, nothing is gathered */
    sqlite3_int64 start;
    int n;
};

static int flush(struct wal_file *w)
{
    int n = w->n;
    w->n = 0; /* after a failure too: SQLite undoes the transaction and writes these places again */
    return n ? w->real->pMethods->xWrite(w->real, w->bytes, n, w->start) : SQLITE_OK;
}

static int wal_close(sqlite3_file *f)
{
    struct wal_file *w = (struct wal_file *)f;
    int flushed = flush(w), closed = w->real->pMethods->xClose(w->real);
    sqlite3_free(w->bytes);
    return flushed ? flushed : closed;
}

static int wal_read(sqlite3_file *f, void *to, int n, sqlite3_int64 at)
{
    struct wal_file *w = (struct wal_file *)f;
    int rc = flush(w);
    return rc ? rc : w->real->pMethods->xRead(w->real, to, n, at);
}

static int wal_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    struct wal_file *w = (struct wal_file *)f;
    if (at != w->start + w->n || n > GATHER_BYTES - w->n) {
        int rc = flush(w);
        if (rc)
            return rc;
        w->start = at;
    }
    if (!w->bytes || n > GATHER_BYTES)
        return w->real->pMethods->xWrite(w->real, p, n, at);
    memcpy(w->bytes + w->n, p, (size_t)n);
    w->n += n;
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    struct wal_file *w = (struct wal_file *)f;
    int rc = flush(w);
    return rc ? rc : w->real->pMethods->xTruncate(w->real, size);
}

static int wal_sync(sqlite3_file *f, int flags)
{
    struct wal_file *w = (struct wal_file *)f;
    int rc = flush(w);
    return rc ? rc : w->real->pMethods->xSync(w->real, flags);
}

static int wal_size(sqlite3_file *f, sqlite3_int64 *ret)
{
    struct wal_file *w = (struct wal_file *)f;
    int rc = flush(w);
    return rc ? rc : w->real->pMethods->xFileSize(w->real, ret);
}

static int wal_lock(sqlite3_file *f, int level)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xLock(w->real, level);
}

static int wal_unlock(sqlite3_file *f, int level)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xUnlock(w->real, level);
}

static int wal_reserved(sqlite3_file *f, int *ret)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xCheckReservedLock(w->real, ret);
}

static int wal_control(sqlite3_file *f, int op, void *arg)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xFileControl(w->real, op, arg);
}

static int wal_sector(sqlite3_file *f)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xSectorSize(w->real);
}

static int wal_device(sqlite3_file *f)
{
    struct wal_file *w = (struct wal_file *)f;
    return w->real->pMethods->xDeviceCharacteristics(w->real);
}

static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector,
    .xDeviceCharacteristics = wal_device,
};

static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    if (!(flags & SQLITE_OPEN_WAL))
        return real->xOpen(real, name, f, flags, ret_flags);
    struct wal_file *w = (struct wal_file *)f;
    memset(w, 0, sizeof *w);
    w->real = (sqlite3_file *)(w + 1);
    int rc = real->xOpen(real, name, w->real, flags, ret_flags);
    if (rc != SQLITE_OK)
        return rc;
    w->bytes = sqlite3_malloc(GATHER_BYTES);
    w->base.pMethods = &wal_methods;
    return SQLITE_OK;
}

static sqlite3_vfs gather;
static pthread_once_t registered = PTHREAD_ONCE_INIT;

static void gather_register(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    gather = *real;
    gather.pNext = NULL;
    gather.zName = "gather";
    gather.pAppData = real;
    gather.szOsFile = real->szOsFile + (int)sizeof(struct wal_file);
    gather.xOpen = gather_open;
    sqlite3_vfs_register(&gather, 0);
}

const char *lite_gathering_vfs(void)
{
    pthread_once(&registered, gather_register);
    return gather.zName;
}
