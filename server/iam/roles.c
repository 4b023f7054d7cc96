/* Roles: the built-in ones and a workspace's own. */
#include "server/iam/iam_private.h"

#define SCOPES_MAX 128
#define COLLECTION "roles/"

/* ---- What roles give ---- */

static void join_message(struct scope_set *ret, const Role *role)
{
    for (size_t i = 0; i < role->n_scopes; i++) {
        enum scope x = scope_find(role->scopes[i]);
        if (x < SCOPE_COUNT) /* else it was removed since */
            scope_add(ret, x);
    }
}

static struct status join_role(struct ctx *c, const char *id, struct scope_set *ret, bool *ret_known)
{
    struct resource r;
    const struct role *built_in = role_find(id);
    *ret_known = true;
    if (built_in) {
        scope_join(ret, &built_in->scopes);
        return ok();
    }
    struct status s = resource_get(c, RESOURCE_ROLE, id, &r);
    if (s.reason == REASON_ACCOUNT_NOT_FOUND) {
        *ret_known = false;
        return ok();
    }
    TRY(s);
    join_message(ret, (const Role *)r.message);
    return ok();
}

struct status roles_scopes(struct ctx *c, const char *const *ids, size_t n, struct scope_set *ret,
                           size_t *ret_unknown)
{
    size_t unknown = n;
    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < n; i++) {
        bool known;
        TRY(join_role(c, ids[i], ret, &known));
        if (!known && unknown == n)
            unknown = i;
    }
    if (ret_unknown)
        *ret_unknown = unknown;
    return ok();
}

struct status role_ids(struct ctx *c, char *const *names, size_t n, const char *const **ret)
{
    const char **ids = ARENA_ARRAY(c->arena, n + 1, const char *);
    if (!ids)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        ids[i] = str_starts(str_of(names[i]), STR(COLLECTION)) ? names[i] + strlen(COLLECTION) : "";
    *ret = ids;
    return ok();
}

struct status not_above_caller(struct ctx *c, const struct scope_set *s)
{
    if (caller_covers(c, s))
        return ok();
    return denied(c, REASON_PERMISSION_MISSING, "this may do more than the caller may");
}

/* ---- Messages ---- */

static struct status read_scopes(struct ctx *c, const Role *role, struct scope_set *ret)
{
    memset(ret, 0, sizeof *ret);
    TRY(text_check(c, role->display_name, "role.display_name"));
    if (role->n_scopes > SCOPES_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "role.scopes", "at most %d", SCOPES_MAX);
    for (size_t i = 0; i < role->n_scopes; i++) {
        enum scope x = scope_find(role->scopes[i]);
        if (x == SCOPE_COUNT)
            return fail_field(c->arena, REASON_FIELD_INVALID, "role.scopes", "there is no scope %.80s",
                              role->scopes[i]);
        scope_add(ret, x);
    }
    return ok();
}

/* A role as the caller gives it: known scopes, none that the caller lacks. */
static struct status check_role(struct ctx *c, const Role *role)
{
    struct scope_set scopes;
    TRY(read_scopes(c, role, &scopes));
    return not_above_caller(c, &scopes);
}

static struct status put_built_in(struct ctx *c, const struct role *built_in, Role *res)
{
    res->name = arena_printf(c->arena, COLLECTION "%s", built_in->id);
    res->display_name = (char *)built_in->help;
    res->built_in = true;
    struct scope_set scopes = scope_within(built_in->scopes, c->workspace);
    return res->name ? scope_names(c, &scopes, &res->scopes, &res->n_scopes) : fail_memory();
}

static struct status not_built_in(const char *id)
{
    return role_find(id) ? fail(NULL, REASON_ACCOUNT_STATE, "a built-in role cannot be changed") : ok();
}

/* ---- Handlers ---- */

struct status create_role(struct ctx *c, const CreateRoleRequest *req, Role *res)
{
    TRY(required(c, req->role, "role"));
    if (role_find(req->role_id))
        return fail(NULL, REASON_ACCOUNT_ALREADY_EXISTS, "there is a built-in role of this id");
    TRY(check_role(c, req->role));
    *res = *req->role;
    res->built_in = false;
    TRY(resource_add(c, RESOURCE_ROLE, req->role_id, "role_id", false, (struct resource_head *)res));
    rights_changed(c); /* accounts may have named it before */
    return ok();
}

struct status get_role(struct ctx *c, const GetRoleRequest *req, Role *res)
{
    const char *id;
    struct resource r;
    TRY(resource_id(c, RESOURCE_ROLE, req->name, "name", &id));
    const struct role *built_in = role_find(id);
    if (built_in)
        return put_built_in(c, built_in, res);
    TRY(resource_get(c, RESOURCE_ROLE, id, &r));
    *res = *(Role *)r.message;
    return ok();
}

struct status list_roles(struct ctx *c, const ListRolesRequest *req, ListRolesResponse *res)
{
    struct resource_head **own;
    size_t n, built_in = *req->page_token ? 0 : ROLES_BUILT_IN;
    TRY(resource_list(c, RESOURCE_ROLE, req->page_size, req->page_token, &own, &n, &res->next_page_token));
    res->roles = ARENA_ARRAY(c->arena, built_in + n + 1, Role *);
    if (!res->roles)
        return fail_memory();
    for (size_t i = 0; i < built_in; i++) {
        Role *r = PB_NEW(c->arena, Role);
        if (!r)
            return fail_memory();
        TRY(put_built_in(c, role_built_in(i), r));
        res->roles[res->n_roles++] = r;
    }
    for (size_t i = 0; i < n; i++)
        res->roles[res->n_roles++] = (Role *)own[i];
    return ok();
}

struct status update_role(struct ctx *c, const UpdateRoleRequest *req, Role *res)
{
    static const char *const fields[] = { "display_name", "scopes", NULL };
    struct resource r;
    const char *id;
    TRY(required(c, req->role, "role"));
    TRY(mask_check(c, req->update_mask, fields));
    TRY(resource_id(c, RESOURCE_ROLE, req->role->name, "role.name", &id));
    TRY(not_built_in(id));
    TRY(resource_named(c, RESOURCE_ROLE, req->role->name, "role.name", req->role->etag, &r));
    Role *role = (Role *)r.message;
    TRY(check_role(c, role));
    if (mask_has(req->update_mask, "display_name"))
        role->display_name = req->role->display_name;
    if (mask_has(req->update_mask, "scopes")) {
        role->scopes = req->role->scopes;
        role->n_scopes = req->role->n_scopes;
    }
    TRY(check_role(c, role));
    TRY(resource_put(c, &r, false));
    rights_changed(c);
    *res = *role;
    return ok();
}

struct status delete_role(struct ctx *c, const DeleteRoleRequest *req, Empty *res)
{
    struct resource r;
    const char *id;
    TRY(resource_id(c, RESOURCE_ROLE, req->name, "name", &id));
    TRY(not_built_in(id));
    TRY(resource_named(c, RESOURCE_ROLE, req->name, "name", req->etag, &r));
    TRY(check_role(c, (const Role *)r.message));
    TRY(resource_remove(c, &r));
    rights_changed(c);
    return ok();
}
