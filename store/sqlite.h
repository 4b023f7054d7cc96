/* sqlite.h: the parts of the SQLite backend. Private to store/sqlite*.c; the only way to <sqlite3.h>.
 *
 * One process writes (a lock file beside the database), through one connection that belongs to the
 * committer's thread. Readers are a pool of connections, each used by one thread at a time. A checkpoint
 * thread copies the WAL into the database file while the committer writes; the committer finishes the rest
 * between two groups, since a checkpoint beside a busy writer never reaches the end of the WAL, which then
 * grows without bound. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include "store/backend.h"

#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>

C_BEGIN

/* Prepared ones a connection holds; a power of two, at most three quarters are used. */
#define LITE_STATEMENTS 1024
#define LITE_READERS 32

/* sqlite:///relative.db, sqlite:////absolute.db, then perhaps ?max_page_count=n. */
struct lite_url {
    char *path;
    int64_t max_page_count; /* 0: no limit */
};

struct lite_prepared {
    const struct stmt *key;
    sqlite3_stmt *stmt;
};

/* A connection with its prepared statements. One thread at a time. */
struct lite_conn {
    sqlite3 *h;
    struct lite_prepared *prepared;
    size_t n;
    sqlite3_stmt *begin, *commit, *rollback;
};

struct lite_reader {
    struct db_read base;
    struct lite_conn conn;
    struct lite_reader *next;
    uint64_t seen;       /* commits when its snapshot was opened */
    int64_t deadline_us; /* INT64_MAX while it is idle */
};

/* A round over the WAL: at some length the checkpoint thread makes its passes, then the committer finishes.
 */
enum lite_round { LITE_ROUND_NONE, LITE_ROUND_PASS, LITE_ROUND_FINISH };

/* Deleted rows are overwritten (secure_delete), but the WAL holds older pages until it is cut off. */
enum lite_forget { LITE_FORGET_NOTHING, LITE_FORGET_ASKED, LITE_FORGOT };

struct lite_db {
    struct db base;
    struct lite_url at;
    bool read_only;
    int lock_fd;
    uint64_t commits; /* groups made durable by this process; read and written by __atomic alone, as are
                         `stop` and `wal_pages` */

    struct lite_conn writer;

    pthread_mutex_t lock; /* over the rest of the pool */
    pthread_cond_t freed;
    struct arena memory; /* of the connections */
    struct lite_reader *idle, *all[LITE_READERS];
    unsigned readers, readers_max;

    struct lite_conn checkpointer;
    pthread_t thread;
    bool thread_runs;
    sem_t wake, passed; /* a pass of the checkpoint thread begins; it has ended */
    bool stop;
    int wal_pages;            /* after the newest commit */
    enum lite_round round;    /* the committer's */
    int round_at;             /* pages at which it goes on with the round */
    enum lite_forget forgets; /* atomic */
};

/* sqlite.c. Fails: FIELD_INVALID. */
MUSTCHECK struct status lite_url_parse(const char *url, struct arena *a, struct lite_url *ret);

/* sqlite_conn.c: one connection. */
enum lite_mode { LITE_READ, LITE_WRITE };
MUSTCHECK struct status lite_connect(struct lite_db *d, enum lite_mode mode, struct lite_conn *c,
                                     struct arena *a);
void lite_disconnect(struct lite_conn *c); /* copes with a connection never made */
/* The statement, prepared and reset. Fails: INTERNAL. */
MUSTCHECK struct status lite_prepare(struct lite_conn *c, const struct stmt *s, struct arena *a,
                                     sqlite3_stmt **ret);
/* The values stay where they are until the statement is reset. */
int lite_bind(sqlite3_stmt *stmt, const struct value *args, size_t n);
/* Runs a statement without result to its end; the code of SQLite, SQLITE_DONE where all went well. */
int lite_run(sqlite3_stmt *stmt);
/* Translates the connection's newest error. `what` names the statement or step. Fails with what it says:
 * STORE_FULL, STORE_UNAVAILABLE or INTERNAL. */
struct status lite_error(sqlite3 *h, int code, const char *what, struct arena *a);

/* sqlite_lock.c: fails with STORE_UNAVAILABLE where another process writes to the database. */
MUSTCHECK struct status lite_lock(struct lite_db *d, struct arena *a);
void lite_remember(struct db *db, int64_t number);
int64_t lite_remembered(struct db *db);
struct status lite_place(struct db *db, struct arena *a, const char **ret);

/* sqlite_cache.c: before SQLite's first use, once. */
void lite_cache_configure(void);

/* sqlite_vfs.c: the name of the file layer for the writer. */
const char *lite_writing_vfs(void);

/* sqlite_read.c: the port's reading half. */
struct status lite_read_begin(struct db *db, int64_t deadline_us, struct db_read **ret);
struct status lite_query(struct db_read *r, const struct stmt *s, const struct value *args, struct arena *a,
                         struct rows *ret);
void lite_read_end(struct db_read *r);
void lite_read_renew(struct db *db);
struct status lite_check(struct db *db, const struct stmt *s, struct arena *a);
struct status lite_ping(struct db *db);
/* Lets go of the snapshots that idle readers still hold: they keep the WAL from being used again from its
 * start. */
void lite_readers_release(struct lite_db *d);
void lite_readers_close(struct lite_db *d);

/* sqlite_write.c: the port's writing half. */
void lite_write(struct db *db, struct unit **units, size_t n);

/* sqlite_scrub.c: overwrites what the pages of the file hold beside their rows. The WAL is empty, and nobody
 * writes but the connection given, which has no transaction. False where it could not be done; then again. */
bool lite_scrub(struct lite_conn *writer);

/* sqlite_checkpoint.c */
MUSTCHECK struct status lite_checkpoint_start(struct lite_db *d, struct arena *a);
void lite_checkpoint_stop(struct lite_db *d);
void lite_upkeep(struct db *db);
bool lite_forget(struct db *db);

C_END
#endif
