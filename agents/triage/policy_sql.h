/* policy_sql.h: the statements over the table routing_policy. */
#ifndef AGENTS_TRIAGE_POLICY_SQL_H
#define AGENTS_TRIAGE_POLICY_SQL_H

#include "store/db.h"

C_BEGIN

enum policy_stmt { POLICY_GET, POLICY_NEWEST, POLICY_LIST, POLICY_INSERT, POLICY_MOVE, POLICY_STMTS };

extern const struct stmt policy_sql[POLICY_STMTS];

C_END
#endif
