#include "agents/record/leads_sql.h"

#include "agents/record/leads.h"

const struct stmt lead_sql[LEAD_STMTS] = {
    /* `id = COALESCE((SELECT ...), $2)` PostgreSQL would compare only behind the wall: with each lead of the
     * workspace. */
    [LEAD_BY_ID] = { "lead_by_id", "tt", "tibb",
                     "SELECT id, version, data, subject_key FROM lead WHERE workspace = $1 AND id = "
                     "(SELECT COALESCE(MAX(lead_id), $2) FROM lead_alias WHERE workspace = $1"
                     " AND alias_id = $2)",
                     NULL, NULL },
    [LEAD_BY_IDENTITY] = { "lead_by_identity", "tit", "tibb",
                           "SELECT l.id, l.version, l.data, l.subject_key FROM lead_identity AS i"
                           " JOIN lead AS l ON l.workspace = i.workspace AND l.id = i.lead_id"
                           " WHERE i.workspace = $1 AND i.kind = $2 AND i.value = $3",
                           NULL, NULL },
    [LEAD_OF_IDENTITIES] = { "lead_of_identities", "tttt", "it",
                             "SELECT kind, lead_id FROM lead_identity WHERE workspace = $1 AND kind = 1 AND "
                             "value = $2"
                             " UNION ALL SELECT kind, lead_id FROM lead_identity WHERE workspace = $1 AND "
                             "kind = 2 AND value = $3"
                             " UNION ALL SELECT kind, lead_id FROM lead_identity WHERE workspace = $1 AND "
                             "kind = 3 AND value = $4",
                             NULL, NULL },
    [LEADS_BY_IDS] = { "leads_by_ids", "t" LIST_LETTERS, "tibb",
                       "SELECT id, version, data, subject_key FROM lead WHERE workspace = $1 AND id IN "
                       "(" LIST_FROM_2 ")",
                       NULL, LIST_EACH("id, version, data, subject_key", LIST_FROM_2, "lead", "id") },
    [LEADS_OF_VALUES] = { "leads_of_values", "ti" LIST_LETTERS, "tt",
                          "SELECT value, lead_id FROM lead_identity WHERE workspace = $1 AND kind = $2 AND "
                          "value IN (" LIST_FROM_3 ")",
                          NULL,
                          LIST_EACH("value, lead_id", LIST_FROM_3, "lead_identity", "kind = $2 AND value") },
    [LEADS_OF_ALIASES] = { "leads_of_aliases", "t" LIST_LETTERS, "tt",
                           "SELECT alias_id, lead_id FROM lead_alias WHERE workspace = $1 AND alias_id IN "
                           "(" LIST_FROM_2 ")",
                           NULL, LIST_EACH("alias_id, lead_id", LIST_FROM_2, "lead_alias", "alias_id") },
    [LEAD_IDS_BEFORE] = { "lead_ids_before", "tti", "t",
                          "SELECT id FROM lead WHERE workspace = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                          NULL, NULL },
    [LEAD_INSERT] = { "lead_insert", "ttiiibb", "",
                      "INSERT INTO lead (workspace, id, version, create_time, update_time, data, subject_key)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                      "INSERT INTO lead (workspace, id, version, create_time, update_time, data, subject_key)"
                      " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], "
                      "$5::bigint[], $6::bytea[], $7::bytea[])",
                      NULL },
    [LEAD_UPDATE] = { "lead_update", "ibbtti", "",
                      "UPDATE lead SET version = version + 1, update_time = $1, data = $2, subject_key = $3"
                      " WHERE workspace = $4 AND id = $5 AND version = $6",
                      "UPDATE lead AS l SET version = l.version + 1, update_time = u.update_time, data = "
                      "u.data, subject_key = u.subject_key"
                      " FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], "
                      "$6::bigint[])"
                      " AS u (update_time, data, subject_key, workspace, id, version)"
                      " WHERE l.workspace = u.workspace AND l.id = u.id AND l.version = u.version",
                      NULL },
    [LEAD_HOLD] = { "lead_hold", "tti", "",
                    "UPDATE lead SET version = version WHERE workspace = $1 AND id = $2 AND version = $3",
                    "UPDATE lead AS l SET version = l.version"
                    " FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (workspace, id, version)"
                    " WHERE l.workspace = u.workspace AND l.id = u.id AND l.version = u.version",
                    NULL },
    [LEAD_KEEP_KEY] = { "lead_keep_key", "btt", "",
                        "UPDATE lead SET subject_key = $1"
                        " WHERE workspace = $2 AND id = $3 AND (subject_key IS NULL OR subject_key = $1)",
                        NULL, NULL },
    [LEAD_IDENTITY_INSERT] = { "lead_identity_insert", "titt", "",
                               "INSERT INTO lead_identity (workspace, kind, value, lead_id) VALUES ($1, $2, "
                               "$3, $4)",
                               "INSERT INTO lead_identity (workspace, kind, value, lead_id)"
                               " SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])",
                               NULL },
    [LEAD_IDENTITY_DELETE] = { "lead_identity_delete", "titt", "",
                               "DELETE FROM lead_identity WHERE workspace = $1 AND kind = $2 AND value = $3 "
                               "AND lead_id = $4",
                               "DELETE FROM lead_identity AS i USING unnest($1::text[], $2::bigint[], "
                               "$3::text[], $4::text[])"
                               " AS u (workspace, kind, value, lead_id) WHERE i.workspace = u.workspace AND "
                               "i.kind = u.kind"
                               " AND i.value = u.value AND i.lead_id = u.lead_id",
                               NULL },
    [LEAD_IDENTITY_GIVE] = { "lead_identity_give", "ttitt", "",
                             "UPDATE lead_identity SET lead_id = $1 WHERE workspace = $2 AND kind = $3 AND "
                             "value = $4 AND lead_id = $5",
                             NULL, NULL },
    [LEAD_MOVED_OF] = { "lead_moved_of", "tt", "it",
                        "SELECT kind, value FROM lead_identity_moved WHERE workspace = $1 AND lead_id = $2",
                        NULL, NULL },
    [LEAD_MOVED_INSERT] = { "lead_moved_insert", "ttit", "",
                            "INSERT INTO lead_identity_moved (workspace, lead_id, kind, value) VALUES ($1, "
                            "$2, $3, $4)",
                            NULL, NULL },
    [LEAD_MOVED_DELETE] = { "lead_moved_delete", "ttit", "",
                            "DELETE FROM lead_identity_moved WHERE workspace = $1 AND lead_id = $2 AND kind "
                            "= $3 AND value = $4",
                            NULL, NULL },
    [LEAD_ALIAS_INSERT] = { "lead_alias_insert", "ttt", "",
                            "INSERT INTO lead_alias (workspace, alias_id, lead_id) VALUES ($1, $2, $3)", NULL,
                            NULL },
    [LEAD_ALIASES_GIVE] = { "lead_aliases_give", "ttt", "",
                            "UPDATE lead_alias SET lead_id = $1 WHERE workspace = $2 AND lead_id = $3", NULL,
                            NULL },
    [LEAD_ALIASES_DELETE] = { "lead_aliases_delete", "tt", "",
                              "DELETE FROM lead_alias WHERE workspace = $1 AND lead_id = $2", NULL, NULL },
    [LEAD_DELETE] = { "lead_delete", "tti", "",
                      "DELETE FROM lead WHERE workspace = $1 AND id = $2 AND version = $3", NULL, NULL },
    [LEAD_ENDED_INSERT] = { "lead_ended_insert", "tttb", "",
                            "INSERT INTO lead_ended (workspace, lead_id, subject_id, subject_key) VALUES "
                            "($1, "
                            "$2, $3, $4)",
                            NULL, NULL },
    [LEAD_ENDED_GIVE] = { "lead_ended_give", "ttt", "",
                          "UPDATE lead_ended SET subject_id = $1 WHERE workspace = $2 AND subject_id = $3",
                          NULL, NULL },
};

const struct stmt_table leads_statements = { lead_sql, LEAD_STMTS };
