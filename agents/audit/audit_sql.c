#include "agents/audit/audit_sql.h"

#include "agents/audit/audit.h"
#include "agents/audit/entry.h"

/* The hash at the end of a stretch. */
#define LAST_HASH "substr(entries, length(entries) - 31)"

const struct stmt audit_sql[AUDIT_STATEMENTS] = {
    [LOG_AFTER] = { "audit_log_after", "iii", ENTRY_LETTERS,
                    "SELECT " ENTRY_COLUMNS " FROM event WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3",
                    NULL, NULL },
    [LOG_BETWEEN] = { "audit_log_between", "tiii", ENTRY_LETTERS,
                      "SELECT " ENTRY_COLUMNS
                      " FROM event WHERE workspace = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4",
                      NULL, NULL },
    [LOG_WINDOW] = { "audit_log_window", "ii", "i",
                     "SELECT COALESCE(min(seq), 0) FROM"
                     " (SELECT seq FROM event WHERE seq < $1 ORDER BY seq DESC LIMIT $2) AS e",
                     NULL, NULL },
    [LOG_BEFORE] = { "audit_log_before", "tiii", ENTRY_LETTERS,
                     "SELECT " ENTRY_COLUMNS
                     " FROM event WHERE workspace = $1 AND seq < $2 AND seq >= $3 ORDER BY seq DESC LIMIT $4",
                     NULL, NULL },
    [CURSOR_GET] = { "audit_cursor_get", "", "i", "SELECT seq FROM audit_cursor WHERE id = 1", NULL, NULL },
    [CURSOR_MOVE] = { "audit_cursor_move", "ii", "",
                      "UPDATE audit_cursor SET seq = $1 WHERE id = 1 AND seq = $2", NULL, NULL },
    [SEAL_HEAD] = { "audit_seal_head", "t", "ib",
                    "SELECT last_position, " LAST_HASH " FROM audit_seal WHERE workspace = $1"
                    " ORDER BY last_position DESC LIMIT 1",
                    NULL, NULL },
    [SEAL_HEADS] = { "audit_seal_heads", "i", "tib",
                     "SELECT s.workspace, s.last_position, " LAST_HASH " FROM audit_seal AS s JOIN"
                     " (SELECT workspace, max(last_position) AS last FROM audit_seal GROUP BY workspace) AS h"
                     " ON h.workspace = s.workspace AND h.last = s.last_position"
                     " WHERE NOT EXISTS (SELECT 1 FROM audit_checkpoint AS p WHERE p.workspace = s.workspace"
                     " AND (p.position = s.last_position OR p.create_time > $1))",
                     NULL, NULL },
    [SEAL_NEXT] = { "audit_seal_next", "ti", "ib",
                    "SELECT last_position, entries FROM audit_seal WHERE workspace = $1 AND last_position > "
                    "$2"
                    " ORDER BY last_position LIMIT 1",
                    NULL, NULL },
    [SEAL_INSERT] = { "audit_seal_insert", "tiib", "",
                      "INSERT INTO audit_seal (workspace, last_position, create_time, entries)"
                      " VALUES ($1, $2, $3, $4)",
                      NULL, NULL },
    [CHECKPOINT_NEXT] = { "audit_checkpoint_next", "ti", "ib",
                          "SELECT position, data FROM audit_checkpoint WHERE workspace = $1 AND position >= "
                          "$2"
                          " ORDER BY position LIMIT 1",
                          NULL, NULL },
    [CHECKPOINT_INSERT] = { "audit_checkpoint_insert", "tiib", "",
                            "INSERT INTO audit_checkpoint (workspace, position, create_time, data)"
                            " VALUES ($1, $2, $3, $4)",
                            NULL, NULL },
};

const struct stmt_table audit_statements = { audit_sql, AUDIT_STATEMENTS };
