/* lead_batch.h: many leads of one request, taken in one commit, each with a status of its own. Rows that mean
 * the same lead come out as if they had come one by one (lead_set.h). */
#ifndef AGENTS_RECORD_LEAD_BATCH_H
#define AGENTS_RECORD_LEAD_BATCH_H

#include "agents/record/lead_set.h"

C_BEGIN

#define LEAD_BATCH_MAX 1000 /* rows of one call */

struct lead_batch {
    struct lead_set *set;
    struct lead_batch_row *rows;
    size_t n;
};

/* Whether a row may be taken at all; `field` is its path, "leads[3]". */
typedef struct status (*lead_batch_check)(struct ctx *c, Lead *given, const char *field);

/* Checks every row of the request's field "leads", then looks up the identities of the sound ones at once.
 * Fails: FIELD_REQUIRED, FIELD_TOO_LONG, where there are none or too many. A row's own fault is told by
 * lead_batch_resolve. */
MUSTCHECK struct status lead_batch_take(struct ctx *c, Lead **leads, size_t n, lead_batch_check check,
                                        struct lead_batch *ret);

/* The lead of row i, as lead_set_resolve. To be called row by row. Fails also as the row's check did. */
MUSTCHECK struct status lead_batch_resolve(struct lead_batch *b, size_t i, struct lead_row **ret);

C_END
#endif
