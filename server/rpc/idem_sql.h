/* idem_sql.h: the statements on the table `idempotency`. */
#ifndef SERVER_RPC_IDEM_SQL_H
#define SERVER_RPC_IDEM_SQL_H

#include "store/db.h"

C_BEGIN

enum idem_statement {
    IDEM_INSERT, /* workspace, key, fingerprint, create_time, response */
    IDEM_SELECT, /* key, workspace -> fingerprint, response */
    IDEM_OLDEST, /* -> seq, create_time */
    IDEM_EXPIRE, /* below this seq, before this time */
    IDEM_STATEMENTS
};

extern const struct stmt idem_sql[IDEM_STATEMENTS];

C_END
#endif
