/* row_status.h: the outcome of one row of a batch or stream. */
#ifndef AGENTS_RECORD_ROW_STATUS_H
#define AGENTS_RECORD_ROW_STATUS_H

#include "base/pb.h"
#include "base/status.h"
#include "proto/names.h"

C_BEGIN

/* True where the fault is the row's own, so that its neighbours go on; false where the whole call fails (no
 * store, no memory, no time) or must run again (CONFLICT). */
static inline bool row_is_at_fault(struct status s)
{
    switch (s.code) {
    case CODE_INVALID_ARGUMENT:
    case CODE_NOT_FOUND:
    case CODE_ALREADY_EXISTS:
    case CODE_FAILED_PRECONDITION:
    case CODE_OUT_OF_RANGE:
        return true;
    default:
        return s.reason == REASON_ETAG_MISMATCH;
    }
}

/* The status as a message; texts are shared. NULL over the budget. */
RowStatus *row_status(struct arena *a, struct status s);

/* The same, for the row's neighbours to go on. Fails with s where the row is not at fault. */
MUSTCHECK struct status row_outcome(struct arena *a, struct status s, RowStatus **ret);

C_END
#endif
