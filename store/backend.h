/* backend.h: what the implementations of the database port share. Private to store/. */
#ifndef STORE_BACKEND_H
#define STORE_BACKEND_H

#include "store/db.h"

C_BEGIN

#define STMT_MAX_PARAMS 32

/* The first member of every backend's own snapshot. */
struct db_read {
    struct db *db;
};

/* A backend opens what the url names, migrates it and returns the port. The arena lives as long as the
 * database. */
MUSTCHECK struct status sqlite_open(const struct db_options *o, struct arena *a, struct db **ret);
MUSTCHECK struct status pg_open(const struct db_options *o, struct arena *a, struct db **ret);

/* Aborts unless each argument has the type that the statement's `params` promises (NULL fits each): the
 * values cross to the database unchecked. Returns the number of parameters. */
size_t stmt_check_args(const struct stmt *s, const struct value *args);

/* Where a connection's table of prepared statements looks first. */
static inline size_t stmt_hash(const struct stmt *s)
{
    return (size_t)(((uint64_t)(uintptr_t)s >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Fails the unit, whose write changed another number of rows than it stated. */
void unit_mismatch(struct unit *u, const struct write *w);
/* True where `changed` rows are what the write promised. */
static inline bool write_as_expected(const struct write *w, int64_t changed)
{
    return w->expect < 0 || changed == w->expect;
}

/* Gives all n units the same outcome. */
void units_fail(struct unit **units, size_t n, enum reason r, const char *message);
void units_ok(struct unit **units, size_t n);

C_END
#endif
