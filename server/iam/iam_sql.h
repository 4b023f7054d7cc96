/* iam_sql.h: the statements on the tables iam_*. Private to server/iam. Each names its workspace, but for
 * those that find out which one a credential belongs to, and those of the installation as a whole. */
#ifndef SERVER_IAM_IAM_SQL_H
#define SERVER_IAM_IAM_SQL_H

#include "store/db.h"

C_BEGIN

enum iam_statement {
    REVISION_GET,  /* -> revision */
    REVISION_MOVE, /* */
    KEY_LIST,      /* now, rows at most -> id, create_time, expire_time, public, private, sealed */
    KEY_INSERT,    /* id, create_time, expire_time, public, private, sealed */
    KEY_EXPIRE,    /* now */

    RESOURCE_GET,    /* workspace, kind, id -> version, create_time, update_time, data */
    RESOURCE_LIST,   /* workspace, kind, after, rows at most -> id, version, create_time, update_time, data */
    RESOURCE_INSERT, /* workspace, kind, id, time, time, disabled, data */
    RESOURCE_UPDATE, /* time, disabled, data, workspace, kind, id, version */
    RESOURCE_DELETE, /* workspace, kind, id, version */

    LOGIN_GET,       /* workspace, user id -> hash; only where user and workspace are enabled */
    PASSWORD_INSERT, /* workspace, user id, hash */
    PASSWORD_UPDATE, /* hash, workspace, user id */
    PASSWORD_CHANGE, /* hash, workspace, user id, hash before */
    PASSWORD_DELETE, /* workspace, user id */

    SESSION_INSERT, /* workspace, id, user id, create_time, expire_time, generation, refresh_time, seed,
                       family_hash, password's hash; none where that, or the user, holds no more */
    SESSION_CALLER, /* id, workspace, user id, now -> data of user and workspace; only where all is enabled */
    SESSION_GET, /* id, now -> workspace, user id, generation, refresh_time, seed, family_hash; only where all
                    is enabled */
    SESSION_REFRESH,       /* expire_time, generation, refresh_time, id, generation before */
    SESSION_DELETE,        /* id, workspace */
    SESSION_DELETE_OTHERS, /* workspace, user id, id to keep */
    SESSION_EXPIRE,        /* now, rows at most */

    API_KEY_CALLER, /* id -> workspace, account id, expire_time, hash, old_hash, old_expire_time, data of
                       account and workspace; where all is enabled */
    API_KEY_GET,  /* id, workspace, account id -> version, create_time, expire_time, old_expire_time, hash */
    API_KEY_LIST, /* workspace, account id -> id, create_time, expire_time, old_expire_time */
    API_KEY_INSERT,     /* workspace, id, account id, create_time, expire_time, hash, old_hash; none where
                           there is no such account any more */
    API_KEY_ROTATE,     /* create_time, hash, old_hash, old_expire_time, id, workspace, version */
    API_KEY_DELETE,     /* id, workspace, account id */
    API_KEY_DELETE_ALL, /* workspace, account id */

    CERTIFICATE_CALLER, /* name -> workspace, account id, not 0 where one of them is disabled, data of
                           account and workspace */
    CERTIFICATE_INSERT, /* name, workspace, account id */
    CERTIFICATE_DELETE, /* workspace, account id */
    IAM_STATEMENTS
};

extern const struct stmt iam_sql[IAM_STATEMENTS];

C_END
#endif
