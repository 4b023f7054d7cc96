/* delivery_sql.h: the statements of the delivery over the table message. */
#ifndef AGENTS_ENGAGE_DELIVERY_DELIVERY_SQL_H
#define AGENTS_ENGAGE_DELIVERY_DELIVERY_SQL_H

#include "store/db.h"

C_BEGIN

enum delivery_stmt {
    DELIVERY_DUE,   /* now, limit -> workspace, id, lead id as it is now; of all workspaces */
    DELIVERY_ROW,   /* workspace, lead id as it is now, a time, id -> version, state, due time, frozen, data,
                       when the last of those is due that come before it; 1: on its way; 0: none */
    DELIVERY_DEFER, /* against the version: looked at again at another time */
    DELIVERY_PARK,  /* against the version: FAILED, though it cannot be decoded */
    DELIVERY_STMTS
};

extern const struct stmt delivery_sql[DELIVERY_STMTS];

C_END
#endif
