/* contact_sql.h: the statements over the tables contact and consent_entry. */
#ifndef AGENTS_RECORD_CONTACT_SQL_H
#define AGENTS_RECORD_CONTACT_SQL_H

#include "store/db.h"

C_BEGIN

enum contact_stmt {
    CONTACT_GET,         /* workspace, lead id -> version, data */
    CONTACT_INSERT,      /* workspace, lead id, data */
    CONTACT_UPDATE,      /* data, workspace, lead id, version */
    CONTACT_TOUCH,       /* data of a new row, workspace, lead id */
    CONTACT_DELETE,      /* workspace, lead id */
    CONTACT_DELETE_READ, /* workspace, lead id, version */
    LEDGER_INSERT,       /* workspace, lead id, id, data */
    LEDGER_NEWEST,       /* workspace, lead id, limit -> data */
    LEDGER_GIVE,         /* to lead id, workspace, from lead id */
    LEDGER_DELETE,       /* workspace, lead id */
    CONTACT_STMTS
};

extern const struct stmt contact_sql[CONTACT_STMTS];

C_END
#endif
