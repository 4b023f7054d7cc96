/* delivery_sql.h: the statements of the delivery over the table message. */
#ifndef AGENTS_ENGAGE_DELIVERY_DELIVERY_SQL_H
#define AGENTS_ENGAGE_DELIVERY_DELIVERY_SQL_H

#include "store/db.h"

C_BEGIN

enum delivery_stmt {
    DELIVERY_DUE,    /* now, limit -> enum delivery_due_column; of all workspaces */
    DELIVERY_LEFT,   /* now, a later time, limit -> the same: on its way, with a lease that ends in between */
    DELIVERY_MARKED, /* workspace, id, version -> the same: on its way by this claim */
    DELIVERY_FROZEN, /* workspace, id -> frozen */
    DELIVERY_BEFORE, /* lead id as it is now, workspace, id, a time, when it was planned -> when the last of
                        those is due that come before it; 1: on its way; 0: none */
    DELIVERY_DEFER,  /* against the version: looked at again at another time */
    DELIVERY_PARK,   /* against the version: FAILED, though it cannot be decoded */
    DELIVERY_STMTS
};

enum delivery_due_column {
    DUE_WORKSPACE,
    DUE_ID,
    DUE_LEAD, /* as it is now */
    DUE_VERSION,
    DUE_STATE,
    DUE_PLANNED, /* its create_time */
    DUE_FROZEN,  /* how many bytes */
    DUE_DATA
};

extern const struct stmt delivery_sql[DELIVERY_STMTS];

C_END
#endif
