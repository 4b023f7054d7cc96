/* feedback_sql.h: the statements of this room. */
#ifndef AGENTS_ENGAGE_FEEDBACK_FEEDBACK_SQL_H
#define AGENTS_ENGAGE_FEEDBACK_FEEDBACK_SQL_H

#include "store/db.h"

C_BEGIN

enum feedback_stmt {
    EVENTS_OF_MESSAGES, /* workspace, lead id, from time, limit -> time, type, data: the newest first */
    FEEDBACK_STMTS
};

extern const struct stmt feedback_sql[FEEDBACK_STMTS];

C_END
#endif
