/* migrate.h: brings a database to the newest schema. Private to store/.
 *
 * To change the schema: add store/migrations/NNNN_name.sql with the next number. A migration that shipped is
 * never edited. It is written in PostgreSQL's words; for SQLite they are translated as migrate.c's table
 * says. Two rules make that possible: a line that starts with `)` ends a CREATE TABLE, and `--sqlite: X` on
 * it adds X there. */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/db.h"

C_BEGIN

/* store/migrations, made by the build; ended by number 0. */
extern const struct migration store_migrations[];

/* What the runner needs from an open database that nobody else is migrating. */
struct migrator {
    void *self;
    bool to_sqlite;
    /* Runs texts without results. */
    struct status (*exec)(void *self, const char *sql);
    /* The one number that the text selects. */
    struct status (*number)(void *self, const char *sql, int64_t *ret);
};

/* Applies what is missing, each migration with its own row in schema_migration in one transaction, so that a
 * death in the middle leaves a whole number of them. read_only: applies nothing and fails where something is
 * missing. Fails: STORE_UNAVAILABLE (a schema newer than the list included), INTERNAL. */
MUSTCHECK struct status migrate_run(const struct migrator *m, const struct migration *list, bool read_only,
                                    struct arena *a);

/* The text in SQLite's words. NULL when the arena is full. */
const char *migrate_to_sqlite(const char *sql, struct arena *a);

C_END
#endif
