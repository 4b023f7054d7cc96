/* postgres.h: the parts of the PostgreSQL backend. Private to store/postgres*.c; the only way to
 * <libpq-fe.h>.
 *
 * All connections are in pipeline mode and never block beyond a deadline: requests are sent, and results are
 * waited for with poll. One connection writes (the committer's thread); a pool of others reads. */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/backend.h"

#include <libpq-fe.h>
#include <pthread.h>

C_BEGIN

#define PG_STATEMENTS 1024 /* a connection knows; a power of two, at most three quarters are used */
#define PG_WRITE_US (30 * INT64_C(1000000)) /* a group that takes longer counts as a lost connection */
#define PG_CONNECT_US (5 * INT64_C(1000000))
#define PG_START_US (60 * INT64_C(1000000)) /* the first connection: without it there is no server */

enum pg_text { PG_ROW, PG_BULK }; /* which text of a statement */

struct pg_prepared {
    const struct stmt *key;
    enum pg_text text;
};

/* One thread at a time. */
struct pg_conn {
    PGconn *h;                    /* NULL: not connected */
    struct pg_prepared *prepared; /* what the server has prepared on this connection */
    size_t n;
    bool dead;       /* the connection is of no more use; why is in `why` */
    enum reason why; /* STORE_UNAVAILABLE, or DEADLINE_PASSED */
};

struct pg_reader {
    struct db_read base;
    struct pg_conn conn;
    struct pg_reader *next;
    int64_t ask_us;              /* until then it is asked */
    int64_t deadline_us;         /* and until then an answer is waited for */
    const char *reach, *reaches; /* the workspace that is wanted, and that the server knows of */
    bool open;                   /* a snapshot: the server has run a statement and no sync since */
};

struct pg_db {
    struct db base;
    const char *url;
    bool read_only;

    struct pg_conn writer;
    struct arena scratch; /* of the group being written */

    pthread_mutex_t lock; /* over the rest */
    pthread_cond_t freed;
    struct arena memory; /* of the readers */
    struct pg_reader *idle, **all;
    unsigned readers, readers_max;
    int64_t retry_us, backoff_us; /* no new connection before retry_us, after one failed */
};

/* postgres_conn.c: one connection. */
enum pg_mode { PG_READ, PG_WRITE, PG_MIGRATE }; /* PG_MIGRATE: not in pipeline mode */
/* Fails: STORE_UNAVAILABLE, DEADLINE_PASSED. After a failure, further attempts fail at once for a while that
 * grows up to 2 s. */
MUSTCHECK struct status pg_connect(struct pg_db *d, enum pg_mode mode, int64_t deadline_us, struct pg_conn *c,
                                   struct arena *a);
void pg_disconnect(struct pg_conn *c); /* keeps the memory of c; copes with one never connected */
/* Marks the connection as lost: for a call to libpq that failed to send. */
void pg_lost(struct pg_conn *c);
/* The one result of one statement in pipeline mode, its end included; the caller clears it. False, and
 * c->dead, when the connection is lost or the deadline passed. */
MUSTCHECK bool pg_one(struct pg_conn *c, int64_t deadline_us, PGresult **ret);
/* Runs texts without parameters, not in pipeline mode. ret_number, if not NULL, gets the first integer of the
 * last result. */
MUSTCHECK struct status pg_simple(struct pg_conn *c, const char *sql, int64_t deadline_us, struct arena *a,
                                  int64_t *ret_number);
/* What a dead connection means. */
struct status pg_dead(const struct pg_conn *c);
/* Translates a result that is an error. `what` names the statement or step. */
struct status pg_error(const PGresult *r, const char *what, struct arena *a);
bool pg_failed(const PGresult *r);
bool pg_unique_violation(const PGresult *r);

/* postgres_params.c: values on their way out, all in binary. */
struct pg_params {
    int n;
    const char *values[STMT_MAX_PARAMS];
    int lengths[STMT_MAX_PARAMS], formats[STMT_MAX_PARAMS];
    char numbers[STMT_MAX_PARAMS][8]; /* what values[i] points at, for numbers */
};
Oid pg_oid(char letter); /* the type of a value that a statement calls so */
void pg_params_row(struct pg_params *p, const struct stmt *s, const struct value *args);
/* One array a parameter, of the n writes' arguments, built in the arena. False when that is full. */
MUSTCHECK bool pg_params_bulk(struct pg_params *p, const struct stmt *s, struct write *const *writes,
                              size_t n, struct arena *a);
bool pg_is_prepared(const struct pg_conn *c, const struct stmt *s, enum pg_text text);
/* Sends a Parse; once the server has accepted it, pg_prepared_add. */
MUSTCHECK bool pg_send_prepare(struct pg_conn *c, const struct stmt *s, enum pg_text text);
void pg_prepared_add(struct pg_conn *c, const struct stmt *s, enum pg_text text);
/* Asks for the columns of a prepared statement. */
MUSTCHECK bool pg_send_describe(struct pg_conn *c, const struct stmt *s, enum pg_text text);
MUSTCHECK bool pg_send(struct pg_conn *c, const struct stmt *s, enum pg_text text, const struct pg_params *p);

/* postgres_wall.c: the wall of db.h. A policy on each table compares its column `workspace` with the setting
 * marketing.workspace, which lasts until the end of the transaction; the session's role is one that cannot
 * bypass policies. */
/* After the migrations, on their connection: what is missing of policies, role and grants. */
MUSTCHECK struct status pg_wall_build(struct pg_conn *c, int64_t deadline_us, struct arena *a);
/* Puts a new session behind the wall, before it is in pipeline mode. Fails: STORE_UNAVAILABLE where its role
 * can bypass the wall. */
MUSTCHECK struct status pg_wall_enter(struct pg_conn *c, int64_t deadline_us, struct arena *a);
/* From here to the end of the transaction: rows of this workspace, or of EVERY_WORKSPACE. One result. */
MUSTCHECK bool pg_wall_send(struct pg_conn *c, const char *workspace);

/* postgres_read.c: the port's reading half. */
struct status pg_read_begin(struct db *db, int64_t deadline_us, struct db_read **ret);
void pg_reach(struct db_read *r, const char *workspace);
struct status pg_query(struct db_read *r, const struct stmt *s, const struct value *args, struct arena *a,
                       struct rows *ret);
struct status pg_query_all(struct db_read *r, struct question *const *all, size_t n, struct arena *a);
void pg_read_end(struct db_read *r);
struct status pg_check(struct db *db, const struct stmt *s, struct arena *a);
struct status pg_place(struct db *db, struct arena *a, const char **ret);
struct status pg_ping(struct db *db);

/* postgres_write.c and postgres_plan.c: the port's writing half. */
void pg_write(struct db *db, struct unit **units, size_t n);

/* The writes of one statement and one workspace that run together. */
struct pg_step {
    const char *workspace;
    bool enters; /* the first step of its workspace */
    const struct stmt *stmt;
    enum pg_text text;
    struct write **writes;
    size_t n, cap;
};
struct pg_plan {
    struct pg_step *steps;
    size_t n, cap;
};
/* Sorts the group's writes into steps, so that each unit's own writes keep their order and the steps of one
 * workspace stand together. False when the arena is full. */
MUSTCHECK bool pg_plan_make(struct pg_plan *p, struct unit *const *units, size_t n, struct arena *a);

C_END
#endif
