/* Workspaces: managed from the workspace `default` alone, for only its principals can hold the scopes. Their
 * rows lie in none of them. */
#include "server/iam/iam_private.h"
#include "server/iam/password.h"

#define RATE_LEAST 0.001
#define RATE_MOST 1e6

static const char *const fields[] = { "display_name", "disabled", "limits", "caller_limits", NULL };

static struct status check_rate(struct ctx *c, double rate, const char *field)
{
    if (rate == 0 || (rate >= RATE_LEAST && rate <= RATE_MOST))
        return ok();
    return fail_field(c->arena, REASON_FIELD_INVALID, field, "calls a second: 0, or %g to %g", RATE_LEAST,
                      RATE_MOST);
}

static struct status check_limits(struct ctx *c, const CallLimits *l, const char *field)
{
    if (!l)
        return ok();
    TRY(check_rate(c, l->read, field));
    TRY(check_rate(c, l->write, field));
    TRY(check_rate(c, l->bulk, field));
    return check_rate(c, l->admin, field);
}

static struct status check_workspace(struct ctx *c, const char *id, const Workspace *w)
{
    TRY(text_check(c, w->display_name, "workspace.display_name"));
    TRY(check_limits(c, w->limits, "workspace.limits"));
    TRY(check_limits(c, w->caller_limits, "workspace.caller_limits"));
    if (w->disabled && strcmp(id, FIRST_WORKSPACE) == 0)
        return fail(NULL, REASON_ACCOUNT_STATE, "the workspace from which the others are managed stays");
    return ok();
}

/* The unit's rows name the new workspace, not the caller's. */
struct status admin_add(struct ctx *c, const char *workspace, const char *field, const char *password)
{
    User admin = USER_INIT;
    char *roles[] = { (char *)"roles/admin" };
    const char *own = c->workspace;
    admin.roles = roles;
    admin.n_roles = COUNT(roles);
    c->workspace = workspace;
    struct status s = user_add(c, ADMIN_ID, field, &admin, password);
    c->workspace = own;
    return s;
}

struct status create_workspace(struct ctx *c, const CreateWorkspaceRequest *req, Workspace *res)
{
    TRY(required(c, req->workspace, "workspace"));
    db_reach_all(c);
    TRY(check_workspace(c, req->workspace_id, req->workspace));
    TRY(password_acceptable(c->arena, "admin_password", req->admin_password));
    *res = *req->workspace;
    TRY(resource_add(c, RESOURCE_WORKSPACE, req->workspace_id, "workspace_id", res->disabled,
                     (struct resource_head *)res));
    return admin_add(c, req->workspace_id, "workspace_id", req->admin_password);
}

struct status get_workspace(struct ctx *c, const GetWorkspaceRequest *req, Workspace *res)
{
    struct resource r;
    db_reach_all(c);
    TRY(resource_named(c, RESOURCE_WORKSPACE, req->name, "name", "", &r));
    *res = *(Workspace *)r.message;
    return ok();
}

struct status list_workspaces(struct ctx *c, const ListWorkspacesRequest *req, ListWorkspacesResponse *res)
{
    db_reach_all(c);
    return resource_list(c, RESOURCE_WORKSPACE, req->page_size, req->page_token,
                         (struct resource_head ***)&res->workspaces, &res->n_workspaces,
                         &res->next_page_token);
}

struct status update_workspace(struct ctx *c, const UpdateWorkspaceRequest *req, Workspace *res)
{
    struct resource r;
    TRY(required(c, req->workspace, "workspace"));
    TRY(mask_check(c, req->update_mask, fields));
    db_reach_all(c);
    TRY(resource_named(c, RESOURCE_WORKSPACE, req->workspace->name, "workspace.name", req->workspace->etag,
                       &r));
    Workspace *w = (Workspace *)r.message;
    if (mask_has(req->update_mask, "display_name"))
        w->display_name = req->workspace->display_name;
    if (mask_has(req->update_mask, "disabled"))
        w->disabled = req->workspace->disabled;
    if (mask_has(req->update_mask, "limits"))
        w->limits = req->workspace->limits;
    if (mask_has(req->update_mask, "caller_limits"))
        w->caller_limits = req->workspace->caller_limits;
    TRY(check_workspace(c, r.id, w));
    TRY(resource_put(c, &r, w->disabled));
    rights_changed(c);
    *res = *w;
    return ok();
}
