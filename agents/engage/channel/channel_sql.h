/* channel_sql.h: the statements over the table channel. */
#ifndef AGENTS_ENGAGE_CHANNEL_CHANNEL_SQL_H
#define AGENTS_ENGAGE_CHANNEL_CHANNEL_SQL_H

#include "store/db.h"

C_BEGIN

enum channel_stmt {
    CHANNEL_GET,  /* workspace, id -> id, version, data, sealed */
    CHANNEL_FOR,  /* workspace, medium -> the same: the first in service */
    CHANNEL_LIST, /* workspace, after id, limit -> the same, nothing sealed */
    CHANNEL_INSERT,
    CHANNEL_UPDATE, /* against the version */
    CHANNEL_DELETE, /* against the version */
    CHANNEL_STMTS
};

extern const struct stmt channel_sql[CHANNEL_STMTS];

C_END
#endif
