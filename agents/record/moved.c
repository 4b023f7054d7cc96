#include "agents/record/moved.h"

#include "agents/record/task.h"
#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>

#define TASK "moved"
#define TRIES 10 /* replicas that start together each write the row */

struct moved {
    _Atomic int64_t hold_us, until_us; /* written under the lock */
    pthread_mutex_t lock;
    uint64_t resumed; /* how often it was said here */
};

enum {
    INSTALLATION_GET,
    INSTALLATION_INSERT,
    INSTALLATION_MOVE,
    INSTALLATION_RESUME,
    EVENTS_END,
    MOVED_STMTS
};

static const struct stmt sql[MOVED_STMTS] = {
    [INSTALLATION_GET] = { "installation_get", "", "itii",
                           "SELECT version, place, hold_time, moved_time FROM installation WHERE id = 1",
                           NULL, NULL },
    [INSTALLATION_INSERT] = { "installation_insert", "t", "",
                              "INSERT INTO installation (id, version, place, hold_time, moved_time)"
                              " VALUES (1, 1, $1, 0, 0)",
                              NULL, NULL },
    [INSTALLATION_MOVE] = { "installation_move", "tiii", "",
                            "UPDATE installation SET version = version + 1, place = $1, hold_time = $2,"
                            " moved_time = $3 WHERE id = 1 AND version = $4",
                            NULL, NULL },
    [INSTALLATION_RESUME] = { "installation_resume", "ii", "",
                              "UPDATE installation SET version = version + 1, hold_time = 0, moved_time = $1"
                              " WHERE id = 1 AND version = $2",
                              NULL, NULL },
    [EVENTS_END] = { "installation_log_end", "", "i", "SELECT COALESCE(MAX(seq), 0) FROM event", NULL, NULL },
};

const struct stmt_table moved_statements = { sql, MOVED_STMTS };

int64_t moved_hold_us(const struct moved *m)
{
    return m ? atomic_load(&m->hold_us) : 0;
}

int64_t moved_until_us(const struct moved *m)
{
    return m ? atomic_load(&m->until_us) : 0;
}

static uint64_t times_resumed(struct moved *m)
{
    pthread_mutex_lock(&m->lock);
    uint64_t n = m->resumed;
    pthread_mutex_unlock(&m->lock);
    return n;
}

/* What was read when it had been resumed so often. Read before the last time it says nothing of now. */
static void learn(struct moved *m, uint64_t resumed, int64_t hold_us, int64_t until_us)
{
    pthread_mutex_lock(&m->lock);
    if (resumed == m->resumed) {
        atomic_store(&m->until_us, until_us);
        atomic_store(&m->hold_us, hold_us);
    }
    pthread_mutex_unlock(&m->lock);
}

static struct status events_end(struct ctx *c, int64_t *ret)
{
    struct rows rows;
    TRY(db_query(c, &sql[EVENTS_END], NULL, &rows));
    *ret = row_at(&rows, 0)[0].i;
    return ok();
}

/* ---- At the start ---- */

static void tell(const char *was, const char *is, int64_t remembered, int64_t end)
{
    struct log_line l;
    log_begin(&l, LEVEL_WARN, "database_moved");
    log_text(&l, "was", was);
    log_text(&l, "is", is);
    log_int(&l, "events_seen", remembered);
    log_int(&l, "events_stored", end);
    log_text(&l, "so", "nothing is delivered until ResumeDelivery");
    log_end(&l);
}

static struct status look(struct ctx *c, void *arg)
{
    struct db *db = c->app->db;
    struct rows rows;
    const char *place;
    int64_t end, remembered = db->ops->remembered ? db->ops->remembered(db) : 0;
    db_reach_all(c);
    TRY(db->ops->place(db, c->arena, &place));
    TRY(events_end(c, &end));
    TRY(db_query(c, &sql[INSTALLATION_GET], NULL, &rows));
    if (rows.n == 0) {
        UNIT_ADD(c->unit, &sql[INSTALLATION_INSERT], 1, REASON_CONFLICT, v_text(place));
        return ok();
    }
    const struct value *v = row_at(&rows, 0);
    if (strcmp(v[1].s.p, place) == 0 && remembered <= end)
        return ok();
    tell(v[1].s.p, place, remembered, end);
    UNIT_ADD(c->unit, &sql[INSTALLATION_MOVE], 1, REASON_CONFLICT, v_text(place), v_int(c->now_us),
             v_int(c->now_us), v_int(v[0].i));
    return ok();
}

/* What another replica does at the same moment is looked at again. */
struct status moved_open(struct app *app, struct arena *a, struct moved **ret)
{
    struct status s = ok();
    *ret = app->moved = ARENA_NEW(a, struct moved);
    if (!*ret)
        return fail_memory();
    pthread_mutex_init(&(*ret)->lock, NULL);
    for (int i = 0; i < TRIES; i++) {
        s = task_run_in(app, TASK, "", a, look, NULL);
        if (s.reason != REASON_CONFLICT)
            break;
    }
    TRY(s);
    return task_run(app, TASK, a, moved_refresh);
}

/* ---- From then on ---- */

struct status moved_refresh(struct ctx *c)
{
    struct moved *m = c->app->moved;
    struct db *db = c->app->db;
    struct rows rows;
    int64_t end;
    uint64_t resumed = times_resumed(m);
    db_reach_all(c);
    TRY(db_query(c, &sql[INSTALLATION_GET], NULL, &rows));
    TRY(events_end(c, &end));
    if (rows.n)
        learn(m, resumed, row_at(&rows, 0)[2].i, row_at(&rows, 0)[3].i);
    if (db->ops->remember)
        db->ops->remember(db, end);
    return ok();
}

/* A caller whose answer came may count on it here; other replicas follow within a second. */
static void let_go(struct ctx *c)
{
    struct moved *m = c->app->moved;
    pthread_mutex_lock(&m->lock);
    m->resumed++;
    for (size_t i = 0; i < c->unit->n; i++)
        if (c->unit->writes[i].stmt == &sql[INSTALLATION_RESUME])
            atomic_store(&m->until_us, c->unit->writes[i].args[0].i);
    atomic_store(&m->hold_us, 0);
    pthread_mutex_unlock(&m->lock);
}

struct status moved_resume(struct ctx *c, bool in_doubt)
{
    struct rows rows;
    db_reach_all(c);
    TRY(db_query(c, &sql[INSTALLATION_GET], NULL, &rows));
    const struct value *v = row_at(&rows, 0);
    if (rows.n == 0 || v[2].i == 0)
        return ok();
    UNIT_ADD(c->unit, &sql[INSTALLATION_RESUME], 1, REASON_CONFLICT, v_int(in_doubt ? v[3].i : 0),
             v_int(v[0].i));
    c->after_commit = let_go;
    return ok();
}
