#include "server/gate/auth.h"

#include "agents/record/denied.h"
#include "server/iam/iam.h"

#define IS_OPEN SCOPE_COUNT

struct auth {
    const struct rpc_method *rows;
    size_t n;
    enum scope scopes[]; /* one a row; IS_OPEN where none is needed */
};

static struct status find_scope(const struct rpc_method *row, struct arena *a, enum scope *ret)
{
    *ret = *row->scope ? scope_find(row->scope) : IS_OPEN;
    if (*row->scope && *ret == SCOPE_COUNT)
        return fail(a, REASON_SCHEMA_INVALID, "%s/%s names the scope \"%s\", which there is not",
                    row->service->name, row->name, row->scope);
    return ok();
}

struct status auth_open(const struct rpc_method *rows, size_t n, struct arena *a, struct auth **ret)
{
    struct auth *auth = arena_alloc(a, sizeof *auth + n * sizeof auth->scopes[0]);
    if (!auth)
        return fail_memory();
    auth->rows = rows;
    auth->n = n;
    for (size_t i = 0; i < n; i++)
        TRY(find_scope(&rows[i], a, &auth->scopes[i]));
    *ret = auth;
    return ok();
}

static enum scope scope_of(const struct auth *auth, const struct rpc_method *row)
{
    uintptr_t first = (uintptr_t)auth->rows, at = (uintptr_t)row;
    bool ours = at >= first && at < (uintptr_t)(auth->rows + auth->n);
    return ours ? auth->scopes[(at - first) / sizeof *row] : IS_OPEN;
}

/* What the gateway says of every call that it passes on: who called it. */
static bool is_forwarded(const struct rpc_call *call, struct str *ret_for)
{
    return rpc_metadata(call, "x-forwarded-for", ret_for);
}

/* Who calls, for what limits attempts to log in: as the gateway says, else the connection's other end without
 * its port. */
static const char *caller_address(const struct rpc_call *call, struct arena *a)
{
    struct str told;
    if (is_forwarded(call, &told))
        return arena_dup(a, told);
    struct str peer = str_of(rpc_peer(call, a));
    const char *port = memrchr(peer.p, ':', peer.n);
    return arena_dup(a, str_make(peer.p, port ? (size_t)(port - peer.p) : peer.n));
}

/* RFC 6750: the scheme's name in any case, one space, the credential. */
static struct status by_bearer(struct ctx *c, struct str value, struct principal **ret)
{
    if (!str_eq_nocase(str_split(&value, ' '), STR("Bearer")))
        return fail(NULL, REASON_CREDENTIAL_INVALID, "the scheme of the authorization must be Bearer");
    return iam_caller(c, value, ret);
}

/* The certificate of a call that was passed on is the gateway's, not the caller's. */
static struct status by_certificate(const struct rpc_call *call, struct ctx *c, struct principal **ret)
{
    struct str names[RPC_PEER_NAMES], told;
    size_t n = is_forwarded(call, &told) ? 0 : rpc_peer_names(call, c->arena, names);
    if (!n)
        return fail(NULL, REASON_CREDENTIAL_MISSING,
                    "send `authorization: Bearer` with an access token or API key");
    return iam_peer(c, names, n, ret);
}

/* A credential that is there decides alone: where it is refused no certificate makes up for it. */
static struct status identify(const struct rpc_call *call, struct ctx *c, struct principal **ret)
{
    struct str value;
    return rpc_metadata(call, "authorization", &value) ? by_bearer(c, value, ret)
                                                       : by_certificate(call, c, ret);
}

/* A caller that names a workspace means it: its credential must be one of there. */
static struct status check_workspace(const struct rpc_call *call, const struct principal *who)
{
    struct str named;
    if (!rpc_metadata(call, "x-workspace", &named) || str_eq(named, str_of(who->workspace)))
        return ok();
    return fail(NULL, REASON_PERMISSION_MISSING, "the credential is of another workspace");
}

static struct status check_scope(struct ctx *c, const struct principal *who, enum scope needed)
{
    if (scope_in(&who->scopes, needed))
        return ok();
    return fail(c->arena, REASON_PERMISSION_MISSING, "this needs the scope %s", scope_name(needed));
}

static struct status admit(const struct rpc_call *call, struct ctx *c, enum scope needed)
{
    struct principal *who;
    TRY(identify(call, c, &who));
    rpc_keep(call, principal_unref, who);
    c->caller = who;
    c->workspace = who->workspace;
    c->principal = who->name;
    TRY(check_workspace(call, who));
    return check_scope(c, who, needed);
}

static struct status check_same(const struct ctx *c, const struct principal *who)
{
    if (strcmp(who->name, c->principal) == 0 && strcmp(who->workspace, c->workspace) == 0)
        return ok();
    return fail(NULL, REASON_CREDENTIAL_INVALID, "the credential stands for somebody else now");
}

static struct status readmit(const struct rpc_call *call, struct ctx *c, enum scope needed)
{
    struct principal *who;
    TRY(identify(call, c, &who));
    struct status s = check_same(c, who);
    if (is_ok(s))
        s = check_scope(c, who, needed);
    principal_unref(who);
    return s;
}

/* Notes a denial. That a database cannot be reached, or a read has to wait, is none. */
static struct status noted(const struct rpc_call *call, struct ctx *c, struct status s)
{
    bool denied = s.code == CODE_UNAUTHENTICATED || s.code == CODE_PERMISSION_DENIED;
    if (denied && !c->had_to_wait)
        denied_note(c->app->denied, c, caller_address(call, c->arena), s);
    return s;
}

struct status auth_admit(void *arg, const struct rpc_call *call, struct ctx *c)
{
    const struct auth *auth = arg;
    enum scope needed = scope_of(auth, rpc_call_method(call));
    if (needed == IS_OPEN) {
        c->peer = caller_address(call, c->arena);
        return c->peer ? ok() : fail_memory();
    }
    return noted(call, c, admit(call, c, needed));
}

struct status auth_readmit(void *arg, const struct rpc_call *call, struct ctx *c)
{
    enum scope needed = scope_of(arg, rpc_call_method(call));
    return needed == IS_OPEN ? ok() : noted(call, c, readmit(call, c, needed));
}
