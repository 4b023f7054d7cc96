#include "store/postgres.h"

#include "base/cond.h"
#include "store/migrate.h"

#define MEMORY_BUDGET (64u << 20)
#define SCRATCH_BUDGET (512u << 20)
#define READERS_DEFAULT 8
#define READERS_MOST 500
#define LOCK_WAIT_US (120 * US_PER_SECOND)
/* Any number that nobody else's advisory locks use. */
#define MIGRATION_LOCK "6020611524301"

struct migrating {
    struct pg_conn *c;
    struct arena *a;
};

static struct status migrate_exec(void *self, const char *sql)
{
    struct migrating *m = self;
    return pg_simple(m->c, sql, INT64_MAX, m->a, NULL);
}

static struct status migrate_number(void *self, const char *sql, int64_t *ret)
{
    struct migrating *m = self;
    return pg_simple(m->c, sql, INT64_MAX, m->a, ret);
}

/* The session's end gives the lock back. */
static struct status migrate_locked(struct pg_conn *c, const struct db_options *o, struct arena *a)
{
    struct migrating self = { c, a };
    struct migrator m = { &self, false, migrate_exec, migrate_number };
    if (!o->read_only)
        TRY(pg_simple(c, "SELECT pg_advisory_lock(" MIGRATION_LOCK ")", clock_mono_us() + LOCK_WAIT_US, a,
                      NULL));
    TRY(migrate_run(&m, o->migrations, o->read_only, a));
    return o->read_only ? ok() : pg_wall_build(c, clock_mono_us() + LOCK_WAIT_US, a);
}

static struct status migrate(struct pg_db *d, const struct db_options *o, struct arena *a)
{
    struct pg_conn c = { 0 };
    TRY(pg_connect(d, PG_MIGRATE, INT64_MAX, &c, a));
    struct status s = migrate_locked(&c, o, a);
    pg_disconnect(&c);
    return s;
}

static void pg_upkeep(struct db *db)
{
    (void)db; /* the server looks after itself */
}

static void pg_close(struct db *db)
{
    struct pg_db *d = (struct pg_db *)db;
    pg_disconnect(&d->writer);
    for (unsigned i = 0; i < d->readers; i++)
        pg_disconnect(&d->all[i]->conn);
    arena_done(&d->scratch);
    arena_done(&d->memory);
    pthread_cond_destroy(&d->freed);
    pthread_mutex_destroy(&d->lock);
}

static const struct db_ops pg_ops = {
    .name = "postgresql",
    .reads_inline = false,
    .read_begin = pg_read_begin,
    .reach = pg_reach,
    .query = pg_query,
    .query_all = pg_query_all,
    .read_end = pg_read_end,
    .write = pg_write,
    .upkeep = pg_upkeep,
    .ping = pg_ping,
    .close = pg_close,
    .check = pg_check,
    .place = pg_place,
};

/* An @ or / in a password ends it, and libpq takes the rest for host, port or name (and would name it in its
 * errors). A host may start with an @: an abstract socket. */
static bool splits_password(const PQconninfoOption *o)
{
    for (; o->keyword; o++)
        if ((!strcmp(o->keyword, "host") || !strcmp(o->keyword, "port") || !strcmp(o->keyword, "dbname")) &&
            o->val && o->val[0] && strchr(o->val + 1, '@'))
            return true;
    return false;
}

/* libpq's own words about a malformed url may quote the password in it. */
static struct status url_check(const char *url)
{
    PQconninfoOption *o = PQconninfoParse(url, NULL);
    if (!o)
        return fail(NULL, REASON_FIELD_INVALID, "the database url is not a valid postgresql url");
    bool splits = splits_password(o);
    PQconninfoFree(o);
    return splits ? fail(NULL, REASON_FIELD_INVALID,
                         "the database url: an @ or / in the password must be percent-encoded")
                  : ok();
}

static struct status open_parts(struct pg_db *d, const struct db_options *o, struct arena *a)
{
    TRY(url_check(o->url));
    d->url = arena_dup(a, str_of(o->url));
    d->all = ARENA_ARRAY(a, d->readers_max, struct pg_reader *);
    d->writer.prepared = ARENA_ARRAY(a, PG_STATEMENTS, struct pg_prepared);
    if (!d->url || !d->all || !d->writer.prepared)
        return fail_memory();
    return migrate(d, o, a);
}

struct status pg_open(const struct db_options *o, struct arena *a, struct db **ret)
{
    struct pg_db *d = ARENA_NEW(a, struct pg_db);
    if (!d)
        return fail_memory();
    d->base.ops = &pg_ops;
    d->read_only = o->read_only;
    d->readers_max = MIN(o->read_connections ? o->read_connections : READERS_DEFAULT, READERS_MOST);
    arena_init(&d->memory, MEMORY_BUDGET);
    arena_init(&d->scratch, SCRATCH_BUDGET);
    cond_init(&d->freed);
    pthread_mutex_init(&d->lock, NULL);
    struct status s = open_parts(d, o, a);
    if (!is_ok(s)) {
        pg_close(&d->base);
        return s;
    }
    *ret = &d->base;
    return ok();
}
