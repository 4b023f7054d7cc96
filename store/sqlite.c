#include "store/sqlite.h"

#include "store/migrate.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define MEMORY_BUDGET (8u << 20)

struct status lite_url_parse(const char *url, struct arena *a, struct lite_url *ret)
{
    struct str path = str_of(url), name;
    if (!str_starts(path, STR("sqlite:///")) || path.n == strlen("sqlite:///"))
        return fail(NULL, REASON_FIELD_INVALID,
                    "an SQLite url is sqlite:///file or sqlite:////absolute/file");
    path = str_make(path.p + strlen("sqlite:///"), path.n - strlen("sqlite:///"));
    name = str_split(&path, '?');
    ret->max_page_count = 0;
    if (path.n) {
        struct str key = str_split(&path, '=');
        if (!str_eq(key, STR("max_page_count")) || !str_to_i64(path, &ret->max_page_count) ||
            ret->max_page_count < 1)
            return fail(NULL, REASON_FIELD_INVALID, "an SQLite url takes ?max_page_count=n and nothing else");
    }
    ret->path = arena_dup(a, name);
    return ret->path ? ok() : fail_memory();
}

/* A new database is its owner's alone, whatever the umask: SQLite gives the WAL the database's mode. */
static struct status file_make(const struct lite_db *d, struct arena *a)
{
    int fd = open(d->at.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST)
        return fail(a, REASON_STORE_UNAVAILABLE, "%s: %s", d->at.path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok();
}

struct migrating {
    sqlite3 *h;
    struct arena *a;
};

static struct status migrate_exec(void *self, const char *sql)
{
    struct migrating *m = self;
    int rc = sqlite3_exec(m->h, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? ok() : lite_error(m->h, rc, "schema", m->a);
}

static struct status migrate_number(void *self, const char *sql, int64_t *ret)
{
    struct migrating *m = self;
    sqlite3_stmt *stmt;
    int rc = sqlite3_prepare_v2(m->h, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    struct status s = rc == SQLITE_ROW ? ok() : lite_error(m->h, rc, "the schema's version", m->a);
    sqlite3_finalize(stmt);
    return s;
}

static struct status migrate(struct lite_conn *c, const struct db_options *o, struct arena *a)
{
    struct migrating self = { c->h, a };
    struct migrator m = { &self, true, migrate_exec, migrate_number };
    return migrate_run(&m, o->migrations, o->read_only, a);
}

static struct status check_schema(struct lite_db *d, const struct db_options *o, struct arena *a)
{
    struct lite_conn c;
    struct status s = lite_connect(d, LITE_READ, &c, a);
    if (is_ok(s))
        s = migrate(&c, o, a);
    lite_disconnect(&c);
    return s;
}

static void lite_close(struct db *db)
{
    struct lite_db *d = (struct lite_db *)db;
    lite_checkpoint_stop(d);
    lite_readers_close(d);
    lite_disconnect(&d->writer); /* the last connection: copies the WAL into the file and removes it */
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    arena_done(&d->memory);
    pthread_cond_destroy(&d->freed);
    pthread_mutex_destroy(&d->lock);
}

static const struct db_ops lite_ops = {
    .name = "sqlite",
    .reads_inline = true,
    .alone = true,
    .read_begin = lite_read_begin,
    .query = lite_query,
    .read_end = lite_read_end,
    .renew = lite_read_renew,
    .write = lite_write,
    .upkeep = lite_upkeep,
    .forget = lite_forget,
    .ping = lite_ping,
    .close = lite_close,
    .check = lite_check,
    .place = lite_place,
    .remember = lite_remember,
    .remembered = lite_remembered,
};

static struct status open_parts(struct lite_db *d, const struct db_options *o, struct arena *a)
{
    TRY(lite_url_parse(o->url, a, &d->at));
    if (o->read_only)
        return check_schema(d, o, a);
    TRY(lite_lock(d, a));
    TRY(file_make(d, a));
    TRY(lite_connect(d, LITE_WRITE, &d->writer, a));
    TRY(migrate(&d->writer, o, a));
    return lite_checkpoint_start(d, a);
}

static pthread_once_t configured = PTHREAD_ONCE_INIT;

/* Before SQLite's first use; later it does nothing. */
static void configure(void)
{
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* no counters, no lock a malloc */
    lite_cache_configure();
}

struct status sqlite_open(const struct db_options *o, struct arena *a, struct db **ret)
{
    struct lite_db *d = ARENA_NEW(a, struct lite_db);
    pthread_condattr_t monotonic;
    if (!d)
        return fail_memory();
    d->base.ops = &lite_ops;
    d->read_only = o->read_only;
    d->readers_max = LITE_READERS;
    d->lock_fd = -1;
    arena_init(&d->memory, MEMORY_BUDGET);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&d->freed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&d->lock, NULL);
    pthread_once(&configured, configure);
    struct status s = open_parts(d, o, a);
    if (!is_ok(s)) {
        lite_close(&d->base);
        return s;
    }
    *ret = &d->base;
    return ok();
}
