#include "server/iam/iam_sql.h"

#include "server/iam/iam.h"

/* Kinds of iam_resource (resources.h) in the joins: 1 workspace, 2 user, 3 service account. */
#define ENABLED_WORKSPACE(of)                                                                                \
    " JOIN iam_resource w ON w.workspace = '' AND w.kind = 1 AND w.id = " of ".workspace AND w.disabled = 0"
#define ENABLED_USER(of)                                                                                     \
    " JOIN iam_resource u ON u.workspace = " of ".workspace AND u.kind = 2 AND u.id = " of                   \
    ".user_id AND u.disabled = 0"

/* What gives a credential to somebody holds the rows that it rests on: who takes them away at the same time
 * either waits and then ends what was given, or was first, and then nothing is given. */
#define NEW_SESSION                                                                                          \
    "INSERT INTO iam_session (workspace, id, user_id, create_time, expire_time, generation, refresh_time,"   \
    " seed, family_hash) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9 FROM iam_password p" ENABLED_USER(        \
        "p") " WHERE p.workspace = $1 AND p.user_id = $3 AND p.hash = $10"
#define NEW_API_KEY                                                                                          \
    "INSERT INTO iam_api_key (workspace, id, account_id, version, create_time, expire_time, hash, old_hash," \
    " old_expire_time) SELECT $1, $2, $3, 1, $4, $5, $6, $7, 0 FROM iam_resource a WHERE a.workspace = $1"   \
    " AND a.kind = 3 AND a.id = $3"

const struct stmt iam_sql[IAM_STATEMENTS] = {
    [REVISION_GET] = { "iam_revision_get", "", "i", "SELECT revision FROM iam_revision WHERE id = 1", NULL,
                       NULL },
    [REVISION_MOVE] = { "iam_revision_move", "", "",
                        "UPDATE iam_revision SET revision = revision + 1 WHERE id = 1", NULL, NULL },
    [KEY_LIST] = { "iam_key_list", "ii", "tiibbi",
                   "SELECT id, create_time, expire_time, public, private, sealed FROM iam_signing_key"
                   " WHERE expire_time > $1 ORDER BY create_time DESC, id DESC LIMIT $2",
                   NULL, NULL },
    [KEY_INSERT] = { "iam_key_insert", "tiibbi", "",
                     "INSERT INTO iam_signing_key (id, create_time, expire_time, public, private, sealed)"
                     " VALUES ($1, $2, $3, $4, $5, $6)",
                     NULL, NULL },
    [KEY_EXPIRE] = { "iam_key_expire", "i", "", "DELETE FROM iam_signing_key WHERE expire_time <= $1", NULL,
                     NULL },

    [RESOURCE_GET] = { "iam_resource_get", "tit", "iiib",
                       "SELECT version, create_time, update_time, data FROM iam_resource"
                       " WHERE workspace = $1 AND kind = $2 AND id = $3",
                       NULL, NULL },
    [RESOURCE_LIST] = { "iam_resource_list", "titi", "tiiib",
                        "SELECT id, version, create_time, update_time, data FROM iam_resource"
                        " WHERE workspace = $1 AND kind = $2 AND id > $3 ORDER BY id LIMIT $4",
                        NULL, NULL },
    [RESOURCE_INSERT] = { "iam_resource_insert", "titiiib", "",
                          "INSERT INTO iam_resource (workspace, kind, id, version, create_time, update_time, "
                          "disabled, data)"
                          " VALUES ($1, $2, $3, 1, $4, $5, $6, $7)",
                          NULL, NULL },
    [RESOURCE_UPDATE] = { "iam_resource_update", "iibtiti", "",
                          "UPDATE iam_resource SET version = version + 1, update_time = $1, disabled = $2, "
                          "data = $3"
                          " WHERE workspace = $4 AND kind = $5 AND id = $6 AND version = $7",
                          NULL, NULL },
    [RESOURCE_DELETE] = { "iam_resource_delete", "titi", "",
                          "DELETE FROM iam_resource WHERE workspace = $1 AND kind = $2 AND id = $3 AND "
                          "version = $4",
                          NULL, NULL },

    [LOGIN_GET] = { "iam_login_get", "tt", "t",
                    "SELECT p.hash FROM iam_password p" ENABLED_USER("p")
                        ENABLED_WORKSPACE("p") " WHERE p.workspace = $1 AND p.user_id = $2",
                    NULL, NULL },
    [PASSWORD_INSERT] = { "iam_password_insert", "ttt", "",
                          "INSERT INTO iam_password (workspace, user_id, hash) VALUES ($1, $2, $3)", NULL,
                          NULL },
    [PASSWORD_UPDATE] = { "iam_password_update", "ttt", "",
                          "UPDATE iam_password SET hash = $1 WHERE workspace = $2 AND user_id = $3", NULL,
                          NULL },
    [PASSWORD_CHANGE] = { "iam_password_change", "tttt", "",
                          "UPDATE iam_password SET hash = $1 WHERE workspace = $2 AND user_id = $3"
                          " AND hash = $4",
                          NULL, NULL },
    [PASSWORD_DELETE] = { "iam_password_delete", "tt", "",
                          "DELETE FROM iam_password WHERE workspace = $1 AND user_id = $2", NULL, NULL },

    [SESSION_INSERT] = { "iam_session_insert", "tttiiiibbt", "", NEW_SESSION, NULL,
                         NEW_SESSION " FOR SHARE OF p, u" },
    [SESSION_CALLER] = { "iam_session_caller", "ttti", "bb",
                         "SELECT u.data, w.data FROM iam_session s" ENABLED_USER("s")
                             ENABLED_WORKSPACE("s") " WHERE s.id = $1 AND s.workspace = $2 AND s.user_id = "
                                                    "$3 AND s.expire_time > $4",
                         NULL, NULL },
    [SESSION_GET] = { "iam_session_get", "ti", "ttiibb",
                      "SELECT s.workspace, s.user_id, s.generation, s.refresh_time, s.seed, s.family_hash "
                      "FROM iam_session s" ENABLED_USER("s")
                          ENABLED_WORKSPACE("s") " WHERE s.id = $1 AND s.expire_time > $2",
                      NULL, NULL },
    [SESSION_REFRESH] = { "iam_session_refresh", "iiiti", "",
                          "UPDATE iam_session SET expire_time = $1, generation = $2, refresh_time = $3"
                          " WHERE id = $4 AND generation = $5",
                          NULL, NULL },
    [SESSION_DELETE] = { "iam_session_delete", "tt", "",
                         "DELETE FROM iam_session WHERE id = $1 AND workspace = $2", NULL, NULL },
    [SESSION_DELETE_OTHERS] = { "iam_session_delete_others", "ttt", "",
                                "DELETE FROM iam_session WHERE workspace = $1 AND user_id = $2 AND id <> $3",
                                NULL, NULL },
    [SESSION_EXPIRE] = { "iam_session_expire", "ii", "",
                         "DELETE FROM iam_session WHERE id IN"
                         " (SELECT id FROM iam_session WHERE expire_time <= $1 ORDER BY expire_time LIMIT "
                         "$2)",
                         NULL, NULL },

    [API_KEY_CALLER] = { "iam_api_key_caller", "t", "ttibbibb",
                         "SELECT k.workspace, k.account_id, k.expire_time, k.hash, k.old_hash, "
                         "k.old_expire_time, a.data, w.data"
                         " FROM iam_api_key k JOIN iam_resource a ON a.workspace = k.workspace AND a.kind = 3"
                         " AND a.id = k.account_id AND a.disabled = 0" ENABLED_WORKSPACE(
                             "k") " WHERE k.id = $1",
                         NULL, NULL },
    [API_KEY_GET] = { "iam_api_key_get", "ttt", "iiiib",
                      "SELECT version, create_time, expire_time, old_expire_time, hash FROM iam_api_key"
                      " WHERE id = $1 AND workspace = $2 AND account_id = $3",
                      NULL, NULL },
    [API_KEY_LIST] = { "iam_api_key_list", "tt", "tiii",
                       "SELECT id, create_time, expire_time, old_expire_time FROM iam_api_key"
                       " WHERE workspace = $1 AND account_id = $2 ORDER BY id",
                       NULL, NULL },
    [API_KEY_INSERT] = { "iam_api_key_insert", "tttiibb", "", NEW_API_KEY, NULL,
                         NEW_API_KEY " FOR SHARE OF a" },
    [API_KEY_ROTATE] = { "iam_api_key_rotate", "ibbitti", "",
                         "UPDATE iam_api_key SET version = version + 1, create_time = $1, hash = $2, "
                         "old_hash = $3,"
                         " old_expire_time = $4 WHERE id = $5 AND workspace = $6 AND version = $7",
                         NULL, NULL },
    [API_KEY_DELETE] = { "iam_api_key_delete", "ttt", "",
                         "DELETE FROM iam_api_key WHERE id = $1 AND workspace = $2 AND account_id = $3", NULL,
                         NULL },
    [API_KEY_DELETE_ALL] = { "iam_api_key_delete_all", "tt", "",
                             "DELETE FROM iam_api_key WHERE workspace = $1 AND account_id = $2", NULL, NULL },

    [CERTIFICATE_CALLER] = { "iam_certificate_caller", "t", "ttibb",
                             "SELECT c.workspace, c.account_id, a.disabled + w.disabled, a.data, w.data"
                             " FROM iam_certificate c JOIN iam_resource a ON a.workspace = c.workspace"
                             " AND a.kind = 3 AND a.id = c.account_id JOIN iam_resource w ON w.workspace = ''"
                             " AND w.kind = 1 AND w.id = c.workspace WHERE c.name = $1",
                             NULL, NULL },
    [CERTIFICATE_INSERT] = { "iam_certificate_insert", "ttt", "",
                             "INSERT INTO iam_certificate (name, workspace, account_id) VALUES ($1, $2, $3)",
                             NULL, NULL },
    [CERTIFICATE_DELETE] = { "iam_certificate_delete", "tt", "",
                             "DELETE FROM iam_certificate WHERE workspace = $1 AND account_id = $2", NULL,
                             NULL },
};

const struct stmt_table iam_statements = { iam_sql, IAM_STATEMENTS };
