/* audit_sql.h: the statements on the audit tables, and those that read the event log as evidence. */
#ifndef AGENTS_AUDIT_AUDIT_SQL_H
#define AGENTS_AUDIT_AUDIT_SQL_H

#include "store/db.h"

C_BEGIN

enum audit_statement {
    LOG_AFTER,   /* seq, to seq, limit -> an entry (entry.h) */
    LOG_BETWEEN, /* workspace, after seq, to seq, limit -> an entry */
    LOG_WINDOW,  /* before seq, entries -> the smallest seq of so many, of all workspaces; 0: no more */
    LOG_BEFORE,  /* workspace, before seq, from seq, limit -> an entry, newest first */
    CURSOR_GET,  /* -> seq */
    CURSOR_MOVE, /* to seq, from seq */
    SEAL_HEAD,   /* workspace -> last_position, hash of its last entry */
    SEAL_HEADS,  /* time -> workspace, last_position, hash: of each chain without a checkpoint at its end or
                    since then */
    SEAL_NEXT,   /* workspace, position -> last_position, entries */
    SEAL_INSERT, /* workspace, last_position, time, entries */
    CHECKPOINT_NEXT,   /* workspace, position -> position, data: of the next one from there on */
    CHECKPOINT_INSERT, /* workspace, position, time, data */
    AUDIT_STATEMENTS
};

extern const struct stmt audit_sql[AUDIT_STATEMENTS];

C_END
#endif
