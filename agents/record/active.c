/* Two locks. `lock` (read-write) guards the table and each entry's current version: the common call takes it
 * for reading, for a few instructions. `gate` is only taken where something must be loaded: one thread loads
 * an entry, the others wait for it.
 *
 * What keeps an old version from staying: an entry knows the lowest revision of its row that may be handed
 * out. A commit raises it here, the refresh raises it on other replicas; whoever loads through an older
 * snapshot uses the result for the call at hand only. */
#include "agents/record/active.h"

#include "base/cond.h"
#include "base/ids.h"
#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define BUCKETS 1024 /* a power of two */
#define HISTORY_MAX 64

struct active_ref {
    _Atomic size_t count;
    void *thing;
    void (*unload)(void *);
    int64_t revision;
};

struct entry {
    struct entry *next;
    enum active_slot slot;
    struct active_ref *current; /* guarded by lock; NULL before the first load */
    _Atomic int64_t needed;     /* lowest revision that may be handed out */
    bool loading;               /* guarded by gate */
    char workspace[];
};

struct active {
    struct active_loader loaders[ACTIVE_SLOTS];
    pthread_rwlock_t lock;
    pthread_mutex_t gate;
    pthread_cond_t loaded;
    struct entry *buckets[BUCKETS];
};

enum { READ, INSERT, UPDATE, ALL };
static const struct stmt sql[] = {
    [READ] = { "active_read", "tt", "ittb",
               "SELECT revision, resource_id, version, history FROM active_version WHERE workspace = $1 AND "
               "slot = $2",
               NULL, NULL },
    [INSERT] = { "active_insert", "ttittib", "",
                 "INSERT INTO active_version (workspace, slot, revision, resource_id, version, update_time, "
                 "history)"
                 " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                 NULL, NULL },
    [UPDATE] = { "active_update", "ttibtti", "",
                 "UPDATE active_version SET revision = revision + 1, resource_id = $1, version = $2, "
                 "update_time = $3, history = $4"
                 " WHERE workspace = $5 AND slot = $6 AND revision = $7",
                 NULL, NULL },
    [ALL] = { "active_all", "", "tti", "SELECT workspace, slot, revision FROM active_version", NULL, NULL },
};

const struct stmt_table active_statements = { sql, COUNT(sql) };

/* ---- Life ---- */

struct status active_open(const struct active_loader loaders[ACTIVE_SLOTS], struct arena *a,
                          struct active **ret)
{
    struct active *v = ARENA_NEW(a, struct active);
    if (!v)
        return fail_memory();
    memcpy(v->loaders, loaders, sizeof v->loaders);
    pthread_rwlock_init(&v->lock, NULL);
    pthread_mutex_init(&v->gate, NULL);
    cond_init(&v->loaded);
    *ret = v;
    return ok();
}

static void ref_drop(void *p)
{
    struct active_ref *r = p;
    if (!r || atomic_fetch_sub_explicit(&r->count, 1, memory_order_acq_rel) != 1)
        return;
    r->unload(r->thing);
    free(r);
}

void active_close(struct active *v)
{
    for (size_t i = 0; v && i < BUCKETS; i++)
        while (v->buckets[i]) {
            struct entry *e = v->buckets[i];
            v->buckets[i] = e->next;
            ref_drop(e->current);
            free(e);
        }
    if (!v)
        return;
    pthread_rwlock_destroy(&v->lock);
    pthread_mutex_destroy(&v->gate);
    pthread_cond_destroy(&v->loaded);
}

/* ---- The table ---- */

/* ACTIVE_SLOTS: none, of a row that newer code wrote. */
static int slot_named(const struct active *v, struct str name)
{
    int slot = 0;
    while (slot < ACTIVE_SLOTS && !str_eq(name, str_of(v->loaders[slot].slot)))
        slot++;
    return slot;
}

static struct entry **bucket(struct active *v, const char *workspace, enum active_slot slot)
{
    return &v->buckets[hash64(str_of(workspace), slot) & (BUCKETS - 1)];
}

/* The lock is held. */
static struct entry *find(struct active *v, const char *workspace, enum active_slot slot)
{
    struct entry *e = *bucket(v, workspace, slot);
    while (e && (e->slot != slot || strcmp(e->workspace, workspace)))
        e = e->next;
    return e;
}

/* Makes the entry where there is none. NULL when memory is out. Entries stay until the end. */
static struct entry *entry_get(struct active *v, const char *workspace, enum active_slot slot)
{
    size_t n = strlen(workspace) + 1;
    pthread_rwlock_wrlock(&v->lock);
    struct entry *e = find(v, workspace, slot);
    if (!e && (e = calloc(1, sizeof *e + n))) {
        struct entry **place = bucket(v, workspace, slot);
        memcpy(e->workspace, workspace, n);
        e->slot = slot;
        e->next = *place;
        *place = e;
    }
    pthread_rwlock_unlock(&v->lock);
    return e;
}

/* The version in service with a reference more; NULL where it must be loaded. */
static struct active_ref *take(struct active *v, const char *workspace, enum active_slot slot)
{
    pthread_rwlock_rdlock(&v->lock);
    struct entry *e = find(v, workspace, slot);
    struct active_ref *r = e ? e->current : NULL;
    if (r && r->revision < atomic_load_explicit(&e->needed, memory_order_relaxed))
        r = NULL;
    if (r)
        atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
    pthread_rwlock_unlock(&v->lock);
    return r;
}

/* Hands a version out from now on, unless a newer one is known. */
static void publish(struct active *v, struct entry *e, struct active_ref *r)
{
    struct active_ref *old = NULL;
    pthread_rwlock_wrlock(&v->lock);
    if (r->revision >= atomic_load(&e->needed) && (!e->current || r->revision > e->current->revision)) {
        old = e->current;
        e->current = r;
        atomic_fetch_add_explicit(&r->count, 1, memory_order_relaxed);
    }
    pthread_rwlock_unlock(&v->lock);
    ref_drop(old);
}

static void require(struct entry *e, int64_t revision)
{
    int64_t known = atomic_load(&e->needed);
    while (known < revision && !atomic_compare_exchange_weak(&e->needed, &known, revision))
        ;
}

/* ---- Loading ---- */

struct row {
    int64_t revision; /* 0: there is none */
    const char *resource_id, *version;
    struct str history;
};

static struct status read_row(struct ctx *c, enum active_slot slot, struct row *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[READ], &rows, v_text(c->workspace), v_text(c->app->active->loaders[slot].slot)));
    const struct value *v = rows.n ? row_at(&rows, 0) : NULL;
    ret->revision = v ? v[0].i : 0;
    ret->resource_id = v ? v[1].s.p : "";
    ret->version = v ? v[2].s.p : "";
    ret->history = v ? v[3].s : str_make("", 0);
    return ok();
}

/* What is in service and cannot be loaded (a key no longer trusted, a lost file) is nothing that a request
 * could mend. */
static struct status not_the_callers_fault(struct ctx *c, struct status s)
{
    bool blames =
        s.code == CODE_NOT_FOUND || s.code == CODE_INVALID_ARGUMENT || s.code == CODE_FAILED_PRECONDITION;
    return blames ? fail(c->arena, REASON_INTERNAL, "what is in service cannot be loaded: %s", s.message) : s;
}

static struct status load(struct ctx *c, enum active_slot slot, struct active_ref **ret)
{
    const struct active_loader *l = &c->app->active->loaders[slot];
    struct active_ref *r = calloc(1, sizeof *r);
    struct row row;
    struct status s = r ? read_row(c, slot, &row) : fail_memory();
    if (is_ok(s))
        s = l->load(c, row.resource_id, row.version, &r->thing);
    if (!is_ok(s)) {
        free(r);
        return not_the_callers_fault(c, s);
    }
    atomic_init(&r->count, 1);
    r->unload = l->unload;
    r->revision = row.revision;
    *ret = r;
    return ok();
}

/* Waits until nobody loads the entry; *ret is what the last one loaded, if it may be handed out. The gate is
 * held on both sides. */
static struct status wait_turn(struct ctx *c, struct entry *e, struct active_ref **ret)
{
    struct active *v = c->app->active;
    while (!(*ret = take(v, e->workspace, e->slot)) && e->loading) {
        if (c->may_not_wait && !c->db->ops->reads_inline) {
            c->had_to_wait = true;
            return fail(NULL, REASON_STORE_UNAVAILABLE, "this thread may not wait for a load");
        }
        if (!cond_wait_until(&v->loaded, &v->gate, c->deadline_us))
            return fail(NULL, REASON_DEADLINE_PASSED, "waited too long for a model or policy to be loaded");
    }
    return ok();
}

static struct status load_once(struct ctx *c, enum active_slot slot, struct active_ref **ret)
{
    struct active *v = c->app->active;
    struct entry *e = entry_get(v, c->workspace, slot);
    if (!e)
        return fail_memory();
    pthread_mutex_lock(&v->gate);
    struct status s = wait_turn(c, e, ret);
    bool mine = is_ok(s) && !*ret;
    e->loading |= mine;
    pthread_mutex_unlock(&v->gate);
    if (!mine)
        return s;
    s = load(c, slot, ret);
    if (is_ok(s))
        publish(v, e, *ret);
    pthread_mutex_lock(&v->gate);
    e->loading = false;
    pthread_cond_broadcast(&v->loaded);
    pthread_mutex_unlock(&v->gate);
    return s;
}

struct status active_get(struct ctx *c, enum active_slot slot, void **ret)
{
    struct active_ref *r = take(c->app->active, c->workspace, slot);
    if (!r)
        TRY(load_once(c, slot, &r));
    if (!arena_on_reset(c->arena, ref_drop, r)) {
        ref_drop(r);
        return fail_memory();
    }
    *ret = r->thing;
    return ok();
}

/* ---- Changing ---- */

/* After the commit: what this unit put into service is needed from now on. */
static void require_written(struct ctx *c)
{
    struct active *v = c->app->active;
    for (size_t i = 0; i < c->unit->n; i++) {
        const struct write *w = &c->unit->writes[i];
        if (w->stmt != &sql[INSERT] && w->stmt != &sql[UPDATE])
            continue;
        struct str name = w->stmt == &sql[INSERT] ? w->args[1].s : w->args[5].s;
        int64_t revision = w->stmt == &sql[INSERT] ? w->args[2].i : w->args[6].i + 1;
        int slot = slot_named(v, name);
        struct entry *e = slot < ACTIVE_SLOTS ? entry_get(v, c->workspace, (enum active_slot)slot) : NULL;
        if (e)
            require(e, revision);
    }
}

static void write_row(struct ctx *c, enum active_slot slot, const struct row *was, const char *resource_id,
                      const char *version, struct str history)
{
    struct value workspace = v_text(c->workspace), name = v_text(c->app->active->loaders[slot].slot);
    if (was->revision)
        UNIT_ADD(c->unit, &sql[UPDATE], 1, REASON_CONFLICT, v_text(resource_id), v_text(version),
                 v_int(c->now_us), v_bytes(history), workspace, name, v_int(was->revision));
    else
        UNIT_ADD(c->unit, &sql[INSERT], 1, REASON_CONFLICT, workspace, name, v_int(1), v_text(resource_id),
                 v_text(version), v_int(c->now_us), v_bytes(history));
    c->after_commit = require_written;
}

/* The history is lines of "resource id, tab, version", the newest last. */
static struct str history_tail(struct str history)
{
    size_t lines = 0;
    for (size_t i = history.n; i-- > 0;)
        if (history.p[i] == '\n' && ++lines == HISTORY_MAX)
            return str_make(history.p + i + 1, history.n - i - 1);
    return history;
}

struct status active_put(struct ctx *c, enum active_slot slot, const char *resource_id, const char *version)
{
    struct row was;
    TRY(read_row(c, slot, &was));
    struct str kept = history_tail(was.history);
    char *history = arena_printf(c->arena, "%.*s%s\t%s\n", (int)kept.n, kept.p, was.resource_id, was.version);
    if (!history)
        return fail_memory();
    write_row(c, slot, &was, resource_id, version, str_of(history));
    return ok();
}

struct status active_rollback(struct ctx *c, enum active_slot slot, enum reason none, const char **ret_id,
                              const char **ret_version)
{
    struct row was;
    TRY(read_row(c, slot, &was));
    if (!was.history.n)
        return fail(c->arena, none, "nothing was in service before");
    struct str left = str_make(was.history.p, was.history.n - 1), line;
    const char *end = memrchr(left.p, '\n', left.n);
    size_t kept = end ? (size_t)(end + 1 - left.p) : 0;
    line = str_make(left.p + kept, left.n - kept);
    struct str id = str_split(&line, '\t');
    *ret_id = arena_dup(c->arena, id);
    *ret_version = arena_dup(c->arena, line);
    if (!*ret_id || !*ret_version)
        return fail_memory();
    write_row(c, slot, &was, *ret_id, *ret_version, str_make(left.p, kept));
    return ok();
}

struct status active_read(struct ctx *c, enum active_slot slot, const char **ret_id, const char **ret_version)
{
    struct row row;
    TRY(read_row(c, slot, &row));
    *ret_id = row.resource_id;
    *ret_version = row.version;
    return ok();
}

struct status active_refresh(struct ctx *c)
{
    struct active *v = c->app->active;
    struct rows rows;
    db_reach_all(c);
    TRY(db_query(c, &sql[ALL], NULL, &rows));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *row = row_at(&rows, i);
        int slot = slot_named(v, row[1].s);
        if (slot == ACTIVE_SLOTS)
            continue;
        pthread_rwlock_rdlock(&v->lock);
        struct entry *e = find(v, row[0].s.p, (enum active_slot)slot);
        pthread_rwlock_unlock(&v->lock);
        if (e)
            require(e, row[2].i);
    }
    return ok();
}
