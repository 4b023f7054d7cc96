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

/* The place of a question, where `answered` says whether `rows` is known; it keeps copies of the texts. NULL
 * where there is no room for another. `reach`: db_reach of the ctx that asks. */
struct question *memo_at(struct memo *m, const char *reach, const struct stmt *s, const struct value *args);
/* Keeps a copy of its answer. */
void memo_answer(struct memo *m, struct question *q, const struct rows *rows);

/* The same as memo_at; a new one is among those expected. */
void memo_expect(struct memo *m, const char *reach, const struct stmt *s, const struct value *args);
/* Those that came to be expected since the last time, to be answered where they lie, in memory from
 * *ret_arena. */
size_t memo_expected(struct memo *m, struct question *const **ret, struct arena **ret_arena);

/* The rows again, in another arena. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status rows_copy(struct arena *a, const struct rows *from, struct rows *ret);

C_END
#endif
