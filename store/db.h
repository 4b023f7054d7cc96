/* db.h: the database port. One portable SQL text over SQLite (embedded) and PostgreSQL.
 *
 * Reads go through a snapshot (struct db_read) that any thread may open. Writes never happen on a caller's
 * thread: they are collected in a unit of work, and the committer (committer.h) makes many units durable with
 * one commit.
 *
 * To add a statement: a row in the *_sql.c table of the room that owns the database table, and that room's
 * table in the list given to db_open. tests/contract/statements_test.cc prepares every row on both databases.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include "base/ctx.h"

C_BEGIN

/* One value, in or out. Times are BIGINT microseconds since 1970 UTC, booleans BIGINT 0 or 1. */
enum value_type { VALUE_NULL, VALUE_INT, VALUE_REAL, VALUE_TEXT, VALUE_BYTES };

struct value {
    enum value_type type;
    union {
        int64_t i;
        double d;
        struct str s; /* TEXT and BYTES */
    };
};

static inline struct value v_null(void)
{
    struct value v;
    memset(&v, 0, sizeof v);
    return v;
}
static inline struct value v_int(int64_t i)
{
    struct value v = v_null();
    v.type = VALUE_INT;
    v.i = i;
    return v;
}
static inline struct value v_real(double d)
{
    struct value v = v_null();
    v.type = VALUE_REAL;
    v.d = d;
    return v;
}
static inline struct value v_str(struct str s)
{
    struct value v = v_null();
    v.type = VALUE_TEXT;
    v.s = s;
    return v;
}
static inline struct value v_text(const char *s)
{
    return v_str(str_of(s));
}
static inline struct value v_bytes(struct str s)
{
    struct value v = v_str(s);
    v.type = VALUE_BYTES;
    return v;
}

/* One statement. Parameters are $1 .. $n, first used in that order (SQLite numbers them by first appearance).
 */
struct stmt {
    const char *name;   /* "lead_insert": unique over all rooms, shown in errors and metrics */
    const char *params; /* a letter a parameter: t text, i bigint, d double precision, b bytea */
    const char *result; /* a letter a result column; "" for none */
    const char *sql;    /* both databases */
    /* Writes only, may be NULL: the same effect on PostgreSQL for many units at once; every parameter is an
     * array of the type in `params` (unnest them). Without it the statement runs once a row. What it may
     * assume: see "Groups" below. */
    const char *pg_bulk;
    const char *pg_sql; /* NULL, or PostgreSQL's text where it must differ (e.g. FOR UPDATE SKIP LOCKED) */
};

struct stmt_table {
    const struct stmt *rows;
    size_t n;
};

struct rows {
    size_t n; /* rows */
    size_t cols;
    const struct value *v; /* n * cols, row by row; texts (NUL-ended) and bytes in the query's arena */
};

static inline const struct value *row_at(const struct rows *r, size_t i)
{
    return r->v + i * r->cols;
}

/* One statement with its values, and what must come of it. */
struct write {
    const struct stmt *stmt;
    const struct value *args;
    /* The number of rows that must change, or -1 for any. Else, and whenever the statement violates a unique
     * key, the whole unit is undone and fails with `otherwise` (REASON_NONE stands for CONFLICT):
     * REASON_CONFLICT makes the caller decide again on fresh reads; any other reason is the caller's final
     * answer. */
    int expect;
    enum reason otherwise;
};

/* Groups. Many units share a transaction, and units of one group have no order that a caller may rely on:
 * what must see the effects of a unit is submitted after its done(). Each unit's own writes keep their order.
 * On PostgreSQL the writes of one statement run as one execution of `pg_bulk` for several units, so the
 * statements of two units interleave, and only the sum of the changed rows is seen. Both come out as if the
 * units had run one by one, as long as
 *   - a write that rests on something read says so: the version it read in its WHERE clause, or a unique
 *     key, with expect 1;
 *   - a statement with `pg_bulk` and expect 1 changes at most one row for one set of arguments;
 *   - a statement with `pg_bulk` and expect -1 has an effect that does not depend on the order of its rows
 *     (a DELETE; an INSERT .. ON CONFLICT DO NOTHING). An UPDATE with expect -1 always runs row by row.
 *
 * Whenever a count is off or a statement fails, the group is undone and run again unit by unit in the order
 * of submission, where a failing unit takes only its own effects along: of two units that change one row the
 * first wins, the other gets CONFLICT. */

/* The wall. Every statement names its workspace; where one forgets to, PostgreSQL still shows and changes
 * only rows of the workspace that the ctx stands for (row-level security on every table with a column
 * `workspace`, docs/workspaces.md). What is not within one workspace says so with db_reach_all: a job that
 * sweeps all of them, the look-up of a credential, the management of workspaces. SQLite has no such wall. */
#define EVERY_WORKSPACE "*" /* no workspace's id */

static inline void db_reach_all(struct ctx *c)
{
    c->every_workspace = true;
}
static inline void db_reach_own(struct ctx *c)
{
    c->every_workspace = false;
}
/* Whose rows the ctx's reads see and its unit may write. */
static inline const char *db_reach(const struct ctx *c)
{
    return c->every_workspace ? EVERY_WORKSPACE : c->workspace;
}

/* The effects of one decision: all of them become durable, or none. Built by one thread, in the ctx's arena.
 */
struct unit {
    struct arena *arena;
    const char *workspace; /* whose rows it may write (db_reach); set by whoever submits it */
    struct write *writes;
    size_t n, cap;
    struct status outcome; /* set before done() is called */
    uint64_t conflict;     /* where a write found its row otherwise: what stands for that row */
    void (*done)(struct unit *,
                 void *arg); /* called by the committer's thread, once, after the commit or the failure */
    void *arg;
    bool news;         /* others wait for what it says (committer_on_news) */
    struct unit *next; /* the committer's */
    size_t bytes;      /* of the texts and bytes it writes, kept by unit_add */
};

/* Appends a write. The values are copied into the unit's arena; texts and bytes they point at must live as
 * long as it. Memory out is remembered in arena->overflow and found when the unit is submitted. */
void unit_add(struct unit *u, const struct stmt *s, int expect, enum reason otherwise,
              const struct value *args);
#define UNIT_ADD(u, stmt, expect, otherwise, ...)                                                            \
    do {                                                                                                     \
        const struct value args_[] = { __VA_ARGS__ };                                                        \
        unit_add((u), (stmt), (expect), (otherwise), args_);                                                 \
    } while (0)

struct db;

/* One of several that are asked at once. */
struct question {
    const char *reach; /* db_reach of whoever asks */
    const struct stmt *stmt;
    const struct value *args;
    bool answered;
    struct rows rows;
};

struct db_ops {
    const char *name; /* "sqlite", "postgresql" */
    /* A snapshot read never waits for another process: handlers may read on the thread that received the
     * call. */
    bool reads_inline;
    /* One process at a time writes: what another was doing when this one opened the database, it will not
     * finish. */
    bool alone;
    /* Expected to open a consistent snapshot, waiting for a free connection until deadline_us (monotonic) at
     * most. Fails: STORE_UNAVAILABLE, DEADLINE_PASSED. Any thread. */
    struct status (*read_begin)(struct db *, int64_t deadline_us, struct db_read **ret);
    /* Expected to let the snapshot's next queries see rows of this workspace alone, or of EVERY_WORKSPACE;
     * until then they see none. The text lives as long as the snapshot. NULL where the database has no wall.
     */
    void (*reach)(struct db_read *, const char *workspace);
    /* Expected to run one read-only statement on the snapshot and copy the rows into the arena. */
    struct status (*query)(struct db_read *, const struct stmt *, const struct value *args, struct arena *,
                           struct rows *ret);
    /* Expected to answer what it can of the n questions, as `query` would, with one wait for all of them. An
     * answer for which the arena has no room is left out. Fails with the first that fails. NULL where a read
     * does not wait. */
    struct status (*query_all)(struct db_read *, struct question *const *, size_t n, struct arena *);
    /* Expected to release the snapshot. NULL is allowed. */
    void (*read_end)(struct db_read *);
    /* Expected to have snapshots that open from now on show also what other processes wrote; NULL where every
     * snapshot does. Any thread. */
    void (*renew)(struct db *);
    /* Expected to commit the n units in one transaction and to set each unit's outcome; a unit that fails
     * never spoils another. Calls no done(). Committer's thread only. When the database cannot be reached
     * every outcome is STORE_UNAVAILABLE; when the answer to COMMIT was lost every outcome is COMMIT_UNKNOWN.
     */
    void (*write)(struct db *, struct unit **units, size_t n);
    /* Expected to be called between two groups by the committer: bounded upkeep (WAL checkpoint). */
    void (*upkeep)(struct db *);
    /* Expected to answer, when asked again and again while groups are committed, at last true once: what was
     * deleted before it was asked first is then in none of the database's files. NULL: the server sees to
     * that itself. One thread asks. */
    bool (*forget)(struct db *);
    /* Expected to answer whether the database can be reached now, within a second. Any thread. */
    struct status (*ping)(struct db *);
    void (*close)(struct db *);
    /* Expected to prepare every text that the statement has for this database, without running it. Fails:
     * INTERNAL with what is wrong. Any thread. */
    struct status (*check)(struct db *, const struct stmt *, struct arena *);
    /* Expected to say where the rows lie: another text once they were copied elsewhere. */
    struct status (*place)(struct db *, struct arena *, const char **ret);
    /* Expected to keep a number beside the rows, where it stays though these be put back to what they once
     * were, and to give it again in the next process; 0 where there is none. Both NULL where there is no such
     * place. */
    void (*remember)(struct db *, int64_t number);
    int64_t (*remembered)(struct db *);
};

struct db {
    const struct db_ops *ops;
};

/* A step of the schema (store/migrations): numbers rise from 1 without a gap. */
struct migration {
    int64_t number;
    const char *name, *sql;
};

struct db_options {
    /* sqlite:///relative, sqlite:////absolute, or postgresql://... SQLite takes `?max_page_count=n`: the file
     * grows to n pages at most, then writes fail with STORE_FULL. */
    const char *url;
    const struct stmt_table *const *tables; /* NULL-ended */
    unsigned read_connections;              /* PostgreSQL: at most this many readers at once */
    bool read_only;                         /* no migration, no writes: for tools beside a running server */
    const struct migration *migrations;     /* ended by number 0; NULL: those of store/migrations */
};

/* Opens, migrates to the newest schema (store/migrations; each in a transaction of its own, under a lock
 * where several replicas start at once) and prepares nothing yet. Refuses a schema newer than this binary.
 * The url's password never appears in an error. */
MUSTCHECK struct status db_open(const struct db_options *o, struct arena *a, struct db **ret);
void db_close(struct db *db); /* NULL is allowed */

/* The handler's read: opens the ctx's snapshot at the first use. All reads of one attempt see the same
 * snapshot. */
MUSTCHECK struct status db_query(struct ctx *c, const struct stmt *s, const struct value *args,
                                 struct rows *ret);
#define DB_QUERY(c, stmt, ret, ...)                                                                          \
    __extension__({                                                                                          \
        const struct value args_[] = { __VA_ARGS__ };                                                        \
        db_query((c), (stmt), args_, (ret));                                                                 \
    })
/* What ctxs that share a memo (store/memo.h) are going to ask: it is asked together with the next query that
 * has to go to the database, if a read there waits for another process. Changes no answer: what was not, or
 * could not be, asked ahead is asked when it is. */
void db_expect(struct ctx *c, const struct stmt *s, const struct value *args);
#define DB_EXPECT(c, stmt, ...)                                                                              \
    do {                                                                                                     \
        const struct value args_[] = { __VA_ARGS__ };                                                        \
        db_expect((c), (stmt), args_);                                                                       \
    } while (0)
/* Whether db_expect is of any use. */
static inline bool db_expects(const struct ctx *c)
{
    return c->memo && c->db->ops->query_all;
}
/* Ends the ctx's snapshot, if one is open. */
void db_read_done(struct ctx *c);
/* The same; and the next one shows also what other processes wrote up to now, e.g. a person with a database
 * shell. */
void db_read_renew(struct ctx *c);

C_END
#endif
