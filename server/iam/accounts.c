/* Users and service accounts: alike but for what they log in with. */
#include "server/iam/iam_private.h"
#include "server/iam/password.h"

#include "agents/record/events.h"

/* What requests call the fields, and which of them an update may name. */
static const struct {
    const char *name, *display_name, *roles, *mask[5];
} fields_of[RESOURCE_KINDS] = {
    [RESOURCE_USER] = { "user.name",
                        "user.display_name",
                        "user.roles",
                        { "display_name", "roles", "disabled" } },
    [RESOURCE_SERVICE_ACCOUNT] = { "service_account.name",
                                   "service_account.display_name",
                                   "service_account.roles",
                                   { "display_name", "roles", "disabled", "certificate_name" } },
};

/* ---- What both share ---- */

struct status account_below_caller(struct ctx *c, const struct account *a)
{
    const char *const *ids;
    struct scope_set scopes;
    TRY(role_ids(c, a->roles, a->n_roles, &ids));
    TRY(roles_scopes(c, ids, a->n_roles, &scopes, NULL));
    scopes = scope_within(scopes, c->workspace);
    return not_above_caller(c, &scopes);
}

/* An account as the caller gives it: roles that exist, and that give nothing that the caller lacks. */
static struct status check_account(struct ctx *c, enum resource_kind kind, const struct account *a)
{
    const char *const *ids;
    struct scope_set scopes;
    size_t unknown;
    TRY(text_check(c, a->display_name, fields_of[kind].display_name));
    if (a->n_roles > ROLES_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, fields_of[kind].roles, "at most %d", ROLES_MAX);
    TRY(role_ids(c, a->roles, a->n_roles, &ids));
    TRY(roles_scopes(c, ids, a->n_roles, &scopes, &unknown));
    if (unknown < a->n_roles)
        return fail_field(c->arena, REASON_FIELD_INVALID, fields_of[kind].roles, "there is no role %.80s",
                          a->roles[unknown]);
    return account_below_caller(c, a);
}

static struct status account_add(struct ctx *c, enum resource_kind kind, const char *id, const char *id_field,
                                 struct account *a)
{
    TRY(check_account(c, kind, a));
    return resource_add(c, kind, id, id_field, a->disabled, &a->head);
}

/* Reads the one that `given` names and lays the masked fields of it over. */
static struct status account_change(struct ctx *c, enum resource_kind kind, const struct account *given,
                                    const FieldMask *mask, struct resource *ret)
{
    TRY(mask_check(c, mask, fields_of[kind].mask));
    TRY(resource_named(c, kind, given->head.name, fields_of[kind].name, given->head.etag, ret));
    struct account *a = (struct account *)ret->message;
    TRY(account_below_caller(c, a));
    if (mask_has(mask, "display_name"))
        a->display_name = given->display_name;
    if (mask_has(mask, "disabled"))
        a->disabled = given->disabled;
    if (mask_has(mask, "roles")) {
        a->roles = given->roles;
        a->n_roles = given->n_roles;
        return check_account(c, kind, a);
    }
    return text_check(c, a->display_name, fields_of[kind].display_name);
}

static struct status account_named(struct ctx *c, enum resource_kind kind, const char *name, const char *etag,
                                   struct resource *ret)
{
    TRY(resource_named(c, kind, name, "name", etag, ret));
    return account_below_caller(c, (const struct account *)ret->message);
}

static struct status not_the_caller(struct ctx *c, const char *name)
{
    if (strcmp(name, c->principal) == 0)
        return fail(NULL, REASON_ACCOUNT_STATE, "nobody disables or deletes the own account");
    return ok();
}

/* ---- Users ---- */

/* After the write that nothing of the user's holds any more: see NEW_SESSION. */
static void end_sessions(struct ctx *c, const char *user_id)
{
    UNIT_ADD(c->unit, &iam_sql[SESSION_DELETE_OTHERS], -1, REASON_CONFLICT, v_text(c->workspace),
             v_text(user_id), v_text(""));
}

struct status user_add(struct ctx *c, const char *id, const char *id_field, User *user, const char *password)
{
    const char *hash;
    TRY(password_acceptable(c->arena, "password", password));
    TRY(account_add(c, RESOURCE_USER, id, id_field, (struct account *)user));
    db_read_done(c); /* nothing is held while the hash is made */
    TRY(password_hash(c->arena, password, &hash));
    UNIT_ADD(c->unit, &iam_sql[PASSWORD_INSERT], 1, REASON_ACCOUNT_ALREADY_EXISTS, v_text(c->workspace),
             v_text(id), v_text(hash));
    return ok();
}

struct status create_user(struct ctx *c, const CreateUserRequest *req, User *res)
{
    TRY(required(c, req->user, "user"));
    *res = *req->user;
    return user_add(c, req->user_id, "user_id", res, req->password);
}

struct status get_user(struct ctx *c, const GetUserRequest *req, User *res)
{
    struct resource r;
    TRY(resource_named(c, RESOURCE_USER, req->name, "name", "", &r));
    *res = *(User *)r.message;
    return ok();
}

struct status list_users(struct ctx *c, const ListUsersRequest *req, ListUsersResponse *res)
{
    return resource_list(c, RESOURCE_USER, req->page_size, req->page_token,
                         (struct resource_head ***)&res->users, &res->n_users, &res->next_page_token);
}

struct status update_user(struct ctx *c, const UpdateUserRequest *req, User *res)
{
    struct resource r;
    TRY(required(c, req->user, "user"));
    TRY(account_change(c, RESOURCE_USER, (const struct account *)req->user, req->update_mask, &r));
    User *u = (User *)r.message;
    if (u->disabled)
        TRY(not_the_caller(c, u->name));
    TRY(resource_put(c, &r, u->disabled));
    if (u->disabled)
        end_sessions(c, r.id);
    rights_changed(c);
    *res = *u;
    return ok();
}

struct status reset_password(struct ctx *c, const ResetPasswordRequest *req, Empty *res)
{
    const char *hash;
    struct resource r;
    TRY(password_acceptable(c->arena, "password", req->password));
    TRY(account_named(c, RESOURCE_USER, req->name, "", &r));
    db_read_done(c); /* nothing is held while the hash is made */
    TRY(password_hash(c->arena, req->password, &hash));
    UNIT_ADD(c->unit, &iam_sql[PASSWORD_UPDATE], 1, REASON_CONFLICT, v_text(hash), v_text(c->workspace),
             v_text(r.id));
    end_sessions(c, r.id);
    rights_changed(c);
    event_note(c, "iam", "user.password_reset", req->name);
    return ok();
}

struct status delete_user(struct ctx *c, const DeleteUserRequest *req, Empty *res)
{
    struct resource r;
    TRY(account_named(c, RESOURCE_USER, req->name, req->etag, &r));
    TRY(not_the_caller(c, req->name));
    TRY(resource_remove(c, &r));
    UNIT_ADD(c->unit, &iam_sql[PASSWORD_DELETE], -1, REASON_CONFLICT, v_text(c->workspace), v_text(r.id));
    end_sessions(c, r.id);
    rights_changed(c);
    return ok();
}

/* ---- Service accounts ---- */

struct status create_service_account(struct ctx *c, const CreateServiceAccountRequest *req,
                                     ServiceAccount *res)
{
    TRY(required(c, req->service_account, "service_account"));
    *res = *req->service_account;
    TRY(account_add(c, RESOURCE_SERVICE_ACCOUNT, req->service_account_id, "service_account_id",
                    (struct account *)res));
    return certificate_change(c, req->service_account_id, "", res->certificate_name);
}

struct status get_service_account(struct ctx *c, const GetServiceAccountRequest *req, ServiceAccount *res)
{
    struct resource r;
    TRY(resource_named(c, RESOURCE_SERVICE_ACCOUNT, req->name, "name", "", &r));
    *res = *(ServiceAccount *)r.message;
    return ok();
}

struct status list_service_accounts(struct ctx *c, const ListServiceAccountsRequest *req,
                                    ListServiceAccountsResponse *res)
{
    return resource_list(c, RESOURCE_SERVICE_ACCOUNT, req->page_size, req->page_token,
                         (struct resource_head ***)&res->service_accounts, &res->n_service_accounts,
                         &res->next_page_token);
}

struct status update_service_account(struct ctx *c, const UpdateServiceAccountRequest *req,
                                     ServiceAccount *res)
{
    struct resource r;
    TRY(required(c, req->service_account, "service_account"));
    TRY(account_change(c, RESOURCE_SERVICE_ACCOUNT, (const struct account *)req->service_account,
                       req->update_mask, &r));
    ServiceAccount *a = (ServiceAccount *)r.message;
    if (a->disabled)
        TRY(not_the_caller(c, a->name));
    if (mask_has(req->update_mask, "certificate_name")) {
        const char *after = req->service_account->certificate_name;
        TRY(certificate_change(c, r.id, a->certificate_name, after));
        a->certificate_name = (char *)after;
    }
    TRY(resource_put(c, &r, a->disabled));
    rights_changed(c);
    *res = *a;
    return ok();
}

struct status delete_service_account(struct ctx *c, const DeleteServiceAccountRequest *req, Empty *res)
{
    struct resource r;
    TRY(account_named(c, RESOURCE_SERVICE_ACCOUNT, req->name, req->etag, &r));
    TRY(not_the_caller(c, req->name));
    TRY(resource_remove(c, &r)); /* before its keys: see NEW_API_KEY */
    UNIT_ADD(c->unit, &iam_sql[API_KEY_DELETE_ALL], -1, REASON_CONFLICT, v_text(c->workspace), v_text(r.id));
    certificate_remove(c, r.id);
    rights_changed(c);
    return ok();
}
