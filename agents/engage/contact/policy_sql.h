/* policy_sql.h: the statements over the table send_policy. */
#ifndef AGENTS_ENGAGE_CONTACT_POLICY_SQL_H
#define AGENTS_ENGAGE_CONTACT_POLICY_SQL_H

#include "store/db.h"

C_BEGIN

enum send_policy_stmt {
    SEND_POLICY_NEWEST, /* workspace -> version, create_time, data */
    SEND_POLICY_INSERT, /* workspace, version, create_time, data */
    SEND_POLICY_STMTS
};

extern const struct stmt send_policy_sql[SEND_POLICY_STMTS];

C_END
#endif
