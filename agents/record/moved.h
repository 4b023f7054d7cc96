/* moved.h: whether the database is the one that this installation wrote last.
 *
 * One that was restored, or copied, may be older than what has left the house since: what it still plans may
 * have arrived long ago. So nothing leaves until somebody says how to go on (ResumeDelivery, docs/backup.md);
 * everything else works. It is found at the start: the rows lie elsewhere than the last server on them said
 * (db_ops.place), or the event log ends before what that server had seen of it (db_ops.remembered). A
 * database that says nothing of where it was is taken for new, or for one of an older build. */
#ifndef AGENTS_RECORD_MOVED_H
#define AGENTS_RECORD_MOVED_H

#include "agents/record/app.h"
#include "store/db.h"

C_BEGIN

struct moved;

/* Looks, and writes down where the database is now. The committer runs. */
MUSTCHECK struct status moved_open(struct app *app, struct arena *a, struct moved **ret);

/* Since when nothing may leave; 0: all may. Any thread; `m` NULL: 0. */
int64_t moved_hold_us(const struct moved *m);
/* What was to leave by then may have left already, before the database was put back; 0: nothing. */
int64_t moved_until_us(const struct moved *m);

/* Adds to the unit that all may leave again; `in_doubt`: what was to leave by now may have left. */
MUSTCHECK struct status moved_resume(struct ctx *c, bool in_doubt);

/* A job, once a second: what another replica did, and what is remembered beside the database. */
MUSTCHECK struct status moved_refresh(struct ctx *c);

extern const struct stmt_table moved_statements;

C_END
#endif
