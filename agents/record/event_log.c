#include "agents/record/event_log.h"

#include "base/ids.h"
#include "store/db.h"

/* Those that hold the lock of writers on the log. A number is taken under that lock and the lock is held
 * until the end of the transaction, so who is about to commit a number below the largest one seen is among
 * them. */
#define WRITERS                                                                                              \
    " FROM pg_locks WHERE locktype = 'relation' AND database = (SELECT oid FROM pg_database WHERE datname =" \
    " current_database()) AND relation = 'event'::regclass AND mode = 'RowExclusiveLock' AND granted"

#define WRITERS_BYTES (64 * 1024)

enum { LOG_END, LOG_WRITERS, LOG_READ, LOG_READ_OWN, LOG_STATEMENTS };

#define SEEN "seq, create_time, workspace, action, subject, decision_id, payload, trace_id"

static const struct stmt sql[LOG_STATEMENTS] = {
    [LOG_END] = { "event_log_end", "", "it", "SELECT COALESCE(max(seq), 0), '' FROM event", NULL,
                  "SELECT COALESCE(max(seq), 0), (SELECT COALESCE(string_agg(virtualtransaction, ' '), "
                  "'')" WRITERS ") FROM event" },
    [LOG_WRITERS] = { "event_log_writers", "t", "i", "SELECT length($1)", NULL,
                      "SELECT count(*)" WRITERS " AND virtualtransaction = ANY (string_to_array($1, ' '))" },
    [LOG_READ] = { "event_log_read", "iittttttttti", "iittttbb",
                   "SELECT " SEEN
                   " FROM event WHERE seq > $1 AND seq <= $2 AND action IN ($3, $4, $5, $6, $7, $8, $9, $10)"
                   " AND ($11 = '' OR EXISTS (SELECT 1 FROM active_version AS v"
                   " WHERE v.workspace = event.workspace AND v.slot = $11)) ORDER BY seq LIMIT $12",
                   NULL, NULL },
    [LOG_READ_OWN] = { "event_log_read_own", "tiiti", "iittttbb",
                       "SELECT " SEEN " FROM event WHERE workspace = $1 AND seq > $2 AND seq <= $3"
                       " AND substr(action, 1, length($4)) = $4 ORDER BY seq LIMIT $5",
                       NULL, NULL },
};

const struct stmt_table event_log_statements = { sql, LOG_STATEMENTS };

void event_log_init(struct event_log *l)
{
    memset(l, 0, sizeof *l);
    buf_init(&l->writers, WRITERS_BYTES);
}

void event_log_done(struct event_log *l)
{
    buf_done(&l->writers);
}

/* Notes the end of the log, and who may still commit something below it. */
static struct status note_end(struct ctx *c, struct event_log *l)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[LOG_END], &rows));
    buf_clear(&l->writers);
    buf_put(&l->writers, row_at(&rows, 0)[1].s.p, row_at(&rows, 0)[1].s.n);
    if (l->writers.overflow)
        return fail_memory();
    l->end = row_at(&rows, 0)[0].i;
    return ok();
}

static struct status writers_ended(struct ctx *c, const struct event_log *l, bool *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[LOG_WRITERS], &rows, v_str(buf_str(&l->writers))));
    *ret = row_at(&rows, 0)[0].i == 0;
    return ok();
}

/* What writers that have ended meanwhile have committed only another snapshot shows. */
struct status event_log_follow(struct ctx *c, struct event_log *l)
{
    bool complete = true;
    if (l->writers.n)
        TRY(writers_ended(c, l, &complete));
    db_read_done(c);
    if (!complete)
        return ok();
    l->complete = l->end;
    TRY(note_end(c, l));
    if (!l->writers.n)
        l->complete = l->end;
    db_read_done(c);
    return ok();
}

static struct status take(struct ctx *c, const struct value *v, struct event_seen *e)
{
    char *trace = ARENA_ARRAY(c->arena, 2 * v[7].s.n + 1, char);
    if (!trace)
        return fail_memory();
    hex_text((const unsigned char *)v[7].s.p, v[7].s.n, trace);
    *e = (struct event_seen){ .seq = v[0].i,
                              .time_us = v[1].i,
                              .workspace = v[2].s.p,
                              .action = v[3].s.p,
                              .subject = v[4].s.p,
                              .decision = v[5].s.p,
                              .trace_id = trace,
                              .payload = v[6].s };
    return ok();
}

static struct status take_all(struct ctx *c, const struct rows *rows, struct event_seen **ret, size_t *ret_n)
{
    *ret = ARENA_ARRAY(c->arena, rows->n + 1, struct event_seen);
    if (!*ret)
        return fail_memory();
    for (*ret_n = 0; *ret_n < rows->n; (*ret_n)++)
        TRY(take(c, row_at(rows, *ret_n), &(*ret)[*ret_n]));
    return ok();
}

struct status event_log_read(struct ctx *c, int64_t from, int64_t to, const struct event_actions *actions,
                             size_t limit, struct event_seen **ret, size_t *ret_n)
{
    struct value args[2 + EVENT_ACTIONS_MAX + 2] = { v_int(from), v_int(to) };
    struct rows rows;
    for (size_t i = 0; i < EVENT_ACTIONS_MAX; i++)
        args[2 + i] = v_text(actions->names[MIN(i, actions->n - 1)]); /* padded with the last one */
    args[2 + EVENT_ACTIONS_MAX] = v_text(actions->slot);
    args[3 + EVENT_ACTIONS_MAX] = v_int((int64_t)limit);
    TRY(db_query(c, &sql[LOG_READ], args, &rows));
    return take_all(c, &rows, ret, ret_n);
}

struct status event_log_read_own(struct ctx *c, int64_t from, int64_t to, const char *prefix, size_t limit,
                                 struct event_seen **ret, size_t *ret_n)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[LOG_READ_OWN], &rows, v_text(c->workspace), v_int(from), v_int(to), v_text(prefix),
                 v_int((int64_t)limit)));
    return take_all(c, &rows, ret, ret_n);
}
