#include "agents/record/contact_sql.h"

#include "agents/record/contact.h"

const struct stmt contact_sql[CONTACT_STMTS] = {
    [CONTACT_GET] = { "contact_get", "tt", "ib",
                      "SELECT version, data FROM contact WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
    [CONTACT_INSERT] = { "contact_insert", "ttb", "",
                         "INSERT INTO contact (workspace, lead_id, version, data) VALUES ($1, $2, 1, $3)",
                         "INSERT INTO contact (workspace, lead_id, version, data)"
                         " SELECT workspace, lead_id, 1, data FROM unnest($1::text[], $2::text[], "
                         "$3::bytea[]) AS u (workspace, lead_id, data)",
                         NULL },
    [CONTACT_UPDATE] = { "contact_update", "btti", "",
                         "UPDATE contact SET version = version + 1, data = $1"
                         " WHERE workspace = $2 AND lead_id = $3 AND version = $4",
                         "UPDATE contact AS k SET version = k.version + 1, data = u.data"
                         " FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bigint[])"
                         " AS u (data, workspace, lead_id, version)"
                         " WHERE k.workspace = u.workspace AND k.lead_id = u.lead_id"
                         " AND k.version = u.version",
                         NULL },
    [CONTACT_TOUCH] = { "contact_touch", "btt", "",
                        "INSERT INTO contact (data, workspace, lead_id, version)"
                        " SELECT $1, workspace, id, 1 FROM lead WHERE workspace = $2 AND id = $3"
                        " ON CONFLICT (workspace, lead_id) DO UPDATE SET version = contact.version + 1",
                        NULL, NULL },
    [CONTACT_DELETE] = { "contact_delete", "tt", "",
                         "DELETE FROM contact WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
    [CONTACT_DELETE_READ] = { "contact_delete_read", "tti", "",
                              "DELETE FROM contact WHERE workspace = $1 AND lead_id = $2 AND version = $3",
                              NULL, NULL },
    [LEDGER_INSERT] = { "consent_entry_insert", "tttb", "",
                        "INSERT INTO consent_entry (workspace, lead_id, id, data) VALUES ($1, $2, $3, $4)",
                        NULL, NULL },
    [LEDGER_NEWEST] = { "consent_entry_newest", "tti", "b",
                        "SELECT data FROM consent_entry WHERE workspace = $1 AND lead_id = $2"
                        " ORDER BY id DESC LIMIT $3",
                        NULL, NULL },
    [LEDGER_GIVE] = { "consent_entry_give", "ttt", "",
                      "UPDATE consent_entry SET lead_id = $1 WHERE workspace = $2 AND lead_id = $3", NULL,
                      NULL },
    [LEDGER_DELETE] = { "consent_entry_delete", "tt", "",
                        "DELETE FROM consent_entry WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
};

const struct stmt_table contact_statements = { contact_sql, CONTACT_STMTS };
