/* known.h: which identities the store cannot hold, known without asking it.
 *
 * A set of hashes of every identity in the database, filled once after the start and grown by each lead saved
 * here. An identity that is not in it belongs to no lead, so a new lead costs no read. The set may be wrong
 * in one direction only without harm done: another replica may have stored an identity meanwhile; then the
 * commit conflicts, and the handler's second run asks the store. Until the set is complete, and once it was
 * given up, every identity may exist. Any thread.
 *
 * What it holds is bounded by its limit, not by what the store holds: an identity that a lead gave up, by a
 * deletion or a merge, stays in it, which costs the next lead that takes it a read. When more than the limit
 * have been seen since the start the set is given up for good: its memory is freed, and until the next start
 * every new lead costs a read. */
#ifndef AGENTS_RECORD_KNOWN_H
#define AGENTS_RECORD_KNOWN_H

#include "agents/record/app.h"

C_BEGIN

struct known;

/* Holds at most `limit` identities (11 to 22 bytes each, twice that of a sixteenth while it grows); 0: none.
 */
MUSTCHECK struct status known_open(size_t limit, struct arena *a, struct known **ret);
void known_close(struct known *); /* NULL is allowed */

/* False only where no lead of the workspace has this identity as far as this replica knows. NULL: true. */
bool known_may_exist(struct known *, const char *workspace, int64_t kind, const char *value);
/* Before the unit that stores it is submitted. */
void known_add(struct known *, const char *workspace, int64_t kind, const char *value);

/* One page of the filling, for a job; does nothing once all was read. */
MUSTCHECK struct status known_fill(struct ctx *c);

extern const struct stmt_table known_statements;

C_END
#endif
