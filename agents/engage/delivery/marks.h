/* marks.h: which claims of a process that was killed never came to an attempt: those messages are SENDING,
 * and yet may be sent.
 *
 * A mark names a claim, by its message and by the version that the claim gave the row. It is set before the
 * claim is handed to the committer and taken away before the first byte of its attempt, so one that is found
 * is of a claim that was never attempted. What else could be believed wrongly is ruled out:
 *   - the versions of claims are random: of two replicas that wanted the same message, or
 *     of two tries of one, only the mark of the claim that was stored names the row as it stands;
 *   - the process may only be stopped: it holds a lock on its marks, and nobody reads them before it is gone
 *     with all its threads;
 *   - what is found may be older than it seems: marks are in shared memory (shm_overview(7)), behind which
 *     there is no file on a disk that could be put back or be behind. It lasts as long as the machine runs;
 *   - a mark may be used twice: what is done about it moves the row's version.
 * Where there are no marks, or others', or damaged ones, a message in SENDING is treated as attempted.
 *
 * They are kept by where the database lies (db_ops.place), for each of up to MARKS_REPLICAS processes on this
 * machine. Whoever starts finds those of the process whose place it takes. */
#ifndef AGENTS_ENGAGE_DELIVERY_MARKS_H
#define AGENTS_ENGAGE_DELIVERY_MARKS_H

#include "base/arena.h"

C_BEGIN

#define MARK_ID 64 /* a name and its NUL */
#define MARKS_REPLICAS 16

struct mark {
    char workspace[MARK_ID], id[MARK_ID];
    int64_t version;
};

struct marks;

/* Room for n marks. Also what was left of an earlier process: *ret_n marks, n at most, which stay in place
 * until others are set there. NULL where none can be kept. The memory is the arena's. */
struct marks *marks_open(const char *place, size_t n, struct arena *a, struct mark *ret_left, size_t *ret_n);
/* Ends it, and what was kept, in order: all claims were attempted or given back. NULL is allowed. */
void marks_close(struct marks *m);

/* Sets the i-th in place of what it was; the names are shorter than MARK_ID. And takes it away. One thread at
 * a time for each i; `m` NULL: nothing is kept. */
void marks_set(struct marks *m, size_t i, const char *workspace, const char *id, int64_t version);
void marks_take_away(struct marks *m, size_t i);

C_END
#endif
