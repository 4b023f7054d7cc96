/* memo.h: what a snapshot has answered. Ctxs that share a snapshot and a memo (ctx->memo) ask the database
 * once for what is the same for all of them: a policy, a channel, a template. Private to store/db.c but for
 * memo_open. One thread at a time. */
#ifndef STORE_MEMO_H
#define STORE_MEMO_H

#include "store/db.h"

C_BEGIN

struct memo;

/* An empty one. It and its answers lie in the arena; it must not outlive the snapshot. */
MUSTCHECK struct status memo_open(struct arena *a, struct memo **ret);

/* NULL: not asked yet, or not kept. `reach`: db_reach of the ctx that asks. */
const struct rows *memo_find(const struct memo *m, const char *reach, const struct stmt *s,
                             const struct value *args);
/* Keeps copies of a question that is not asked yet, where there is room. */
void memo_expect(struct memo *m, const char *reach, const struct stmt *s, const struct value *args);
/* Those kept so since the last time, to be answered where they lie, in memory from *ret_arena. */
size_t memo_expected(struct memo *m, struct question *const **ret, struct arena **ret_arena);
/* Keeps a copy, where there is room. */
void memo_keep(struct memo *m, const char *reach, const struct stmt *s, const struct value *args,
               const struct rows *rows);

/* The rows again, in another arena. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status rows_copy(struct arena *a, const struct rows *from, struct rows *ret);

C_END
#endif
