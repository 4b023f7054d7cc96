/* iam.h: identity: who calls, in which workspace, with which scopes, and the handlers of AuthService
 * (proto/marketing/v1/auth.proto says what each promises). Knows no agent.
 *
 *   scopes.c principal.c   what somebody may do       cache.c      credentials checked a moment ago
 *   caller.c               credential to principal    sessions.c   login, refresh, end
 *   keys.c token.c         signed access tokens       accounts.c   users and service accounts
 *   password.c limit.c     passwords and guessing     api_keys.c certificates.c roles.c workspaces.c
 *   resources.c iam_sql.c  rows                       start.c      first start, upkeep
 *   self.c                 what a caller may ask of itself         text.c       random texts, digests,
 * refusals
 *
 * To add a scope or a role: scopes.def, roles.def. */
#ifndef SERVER_IAM_IAM_H
#define SERVER_IAM_IAM_H

#include "agents/record/app.h"
#include "server/iam/principal.h"
#include "store/db.h"

C_BEGIN

struct iam;

/* secret: of SECRET_KEY, empty where none is given; lives as long as the iam. */
MUSTCHECK struct status iam_open(struct str secret, struct iam **ret);
void iam_close(struct iam *i); /* NULL is allowed */

/* Whom a bearer credential (access token or API key) stands for, with a reference more. Answers from memory
 * where it was checked since anybody's rights last changed; else reads the database through the ctx, which
 * may have to wait (ctx->had_to_wait). Fails: CREDENTIAL_INVALID; what reads fail with. */
MUSTCHECK struct status iam_caller(struct ctx *c, struct str credential, struct principal **ret);

/* The same of a client certificate, for a call that carries no credential: the names in it, in the order in
 * which they are looked for; the first that is an account's counts, disabled or not. Fails:
 * CREDENTIAL_MISSING where none is any account's, CREDENTIAL_INVALID where the account is disabled. */
MUSTCHECK struct status iam_peer(struct ctx *c, const struct str *names, size_t n, struct principal **ret);

/* A job, once a second: learns of changes that other replicas made, makes and removes signing keys, removes
 * sessions that ended. Where it did not succeed for a minute, nothing is answered from memory any more. */
MUSTCHECK struct status iam_refresh(struct ctx *c);
/* Whether access tokens can be signed: after iam_refresh was committed and ran again. */
bool iam_ready(struct iam *i, int64_t now_us);

/* Adds to the unit the workspace `default` and its user `admin` where there is no workspace yet;
 * *ret_password is the password that the user got, NULL where nothing was added. `given` is the password to
 * take; empty: a random one. */
MUSTCHECK struct status iam_first_start(struct ctx *c, const char *given, const char **ret_password);

struct status create_session(struct ctx *c, const CreateSessionRequest *req, Session *res);
struct status refresh_session(struct ctx *c, const RefreshSessionRequest *req, Session *res);
struct status revoke_session(struct ctx *c, const RevokeSessionRequest *req, Empty *res);
struct status change_password(struct ctx *c, const ChangePasswordRequest *req, Empty *res);
struct status get_principal(struct ctx *c, const GetPrincipalRequest *req, Principal *res);
struct status get_jwks(struct ctx *c, const GetJwksRequest *req, Jwks *res);
struct status test_permissions(struct ctx *c, const TestPermissionsRequest *req,
                               TestPermissionsResponse *res);

struct status create_user(struct ctx *c, const CreateUserRequest *req, User *res);
struct status get_user(struct ctx *c, const GetUserRequest *req, User *res);
struct status list_users(struct ctx *c, const ListUsersRequest *req, ListUsersResponse *res);
struct status update_user(struct ctx *c, const UpdateUserRequest *req, User *res);
struct status reset_password(struct ctx *c, const ResetPasswordRequest *req, Empty *res);
struct status delete_user(struct ctx *c, const DeleteUserRequest *req, Empty *res);

struct status create_service_account(struct ctx *c, const CreateServiceAccountRequest *req,
                                     ServiceAccount *res);
struct status get_service_account(struct ctx *c, const GetServiceAccountRequest *req, ServiceAccount *res);
struct status list_service_accounts(struct ctx *c, const ListServiceAccountsRequest *req,
                                    ListServiceAccountsResponse *res);
struct status update_service_account(struct ctx *c, const UpdateServiceAccountRequest *req,
                                     ServiceAccount *res);
struct status delete_service_account(struct ctx *c, const DeleteServiceAccountRequest *req, Empty *res);

struct status create_api_key(struct ctx *c, const CreateApiKeyRequest *req, ApiKey *res);
struct status list_api_keys(struct ctx *c, const ListApiKeysRequest *req, ListApiKeysResponse *res);
struct status rotate_api_key(struct ctx *c, const RotateApiKeyRequest *req, ApiKey *res);
struct status delete_api_key(struct ctx *c, const DeleteApiKeyRequest *req, Empty *res);

struct status create_role(struct ctx *c, const CreateRoleRequest *req, Role *res);
struct status get_role(struct ctx *c, const GetRoleRequest *req, Role *res);
struct status list_roles(struct ctx *c, const ListRolesRequest *req, ListRolesResponse *res);
struct status update_role(struct ctx *c, const UpdateRoleRequest *req, Role *res);
struct status delete_role(struct ctx *c, const DeleteRoleRequest *req, Empty *res);

struct status create_workspace(struct ctx *c, const CreateWorkspaceRequest *req, Workspace *res);
struct status get_workspace(struct ctx *c, const GetWorkspaceRequest *req, Workspace *res);
struct status list_workspaces(struct ctx *c, const ListWorkspacesRequest *req, ListWorkspacesResponse *res);
struct status update_workspace(struct ctx *c, const UpdateWorkspaceRequest *req, Workspace *res);

extern const struct stmt_table iam_statements;

C_END
#endif
