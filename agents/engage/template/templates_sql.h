/* templates_sql.h: the statements over the table template. */
#ifndef AGENTS_ENGAGE_TEMPLATE_TEMPLATES_SQL_H
#define AGENTS_ENGAGE_TEMPLATE_TEMPLATES_SQL_H

#include "store/db.h"

C_BEGIN

/* States are those of Template.State, and 4: deleted. */
enum template_stmt {
    TEMPLATE_GET,
    TEMPLATE_STATE,
    TEMPLATE_NEWEST,
    TEMPLATE_SERVING,
    TEMPLATE_HEAD, /* workspace, id -> head: of the one in service */
    TEMPLATE_LIVE,
    TEMPLATE_LIST,
    TEMPLATE_INSERT,
    TEMPLATE_MOVE,
    TEMPLATE_DELETE,
    TEMPLATE_STMTS
};

extern const struct stmt template_sql[TEMPLATE_STMTS];

C_END
#endif
