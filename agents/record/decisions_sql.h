/* decisions_sql.h: the statements over the table decision. */
#ifndef AGENTS_RECORD_DECISIONS_SQL_H
#define AGENTS_RECORD_DECISIONS_SQL_H

#include "store/db.h"

C_BEGIN

enum decision_stmt {
    DECISION_GET,
    DECISION_INSERT,
    DECISIONS_ALL,
    DECISIONS_OF_LEAD,
    DECISIONS_NEWEST,
    DECISION_STMTS
};

extern const struct stmt decision_sql[DECISION_STMTS];

C_END
#endif
