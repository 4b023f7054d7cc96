/* What a caller learns of itself, and what anybody may know of our keys. */
#include "server/iam/iam_private.h"

#include "agents/record/signer.h"
#include "agents/record/times.h"
#include "base/base64.h"
#include "base/clock.h"

#define TEST_MAX 100

static struct scope_set held(const struct ctx *c)
{
    return c->caller ? c->caller->scopes : scope_everything();
}

static struct status put_roles(struct ctx *c, const struct principal *who, Principal *res)
{
    res->roles = ARENA_ARRAY(c->arena, who->n_roles + 1, char *);
    if (!res->roles)
        return fail_memory();
    for (; res->n_roles < who->n_roles; res->n_roles++) {
        char *name = arena_printf(c->arena, "roles/%s", who->roles[res->n_roles]);
        if (!name)
            return fail_memory();
        res->roles[res->n_roles] = name;
    }
    if (who->expires_us != INT64_MAX && !(res->expire_time = time_message(c->arena, who->expires_us)))
        return fail_memory();
    return ok();
}

struct status scope_names(struct ctx *c, const struct scope_set *s, char ***ret, size_t *ret_n)
{
    *ret = ARENA_ARRAY(c->arena, SCOPE_COUNT, char *);
    if (!*ret)
        return fail_memory();
    *ret_n = 0;
    for (int i = 0; i < SCOPE_COUNT; i++)
        if (scope_in(s, (enum scope)i))
            (*ret)[(*ret_n)++] = (char *)scope_name((enum scope)i);
    return ok();
}

struct status get_principal(struct ctx *c, const GetPrincipalRequest *req, Principal *res)
{
    struct scope_set scopes = held(c);
    res->name = (char *)c->principal;
    res->workspace = arena_printf(c->arena, "workspaces/%s", c->workspace);
    if (!res->workspace)
        return fail_memory();
    TRY(scope_names(c, &scopes, &res->scopes, &res->n_scopes));
    return c->caller ? put_roles(c, c->caller, res) : ok();
}

struct status test_permissions(struct ctx *c, const TestPermissionsRequest *req, TestPermissionsResponse *res)
{
    struct scope_set scopes = held(c);
    if (req->n_scopes > TEST_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "scopes", "at most %d", TEST_MAX);
    res->scopes = ARENA_ARRAY(c->arena, req->n_scopes + 1, char *);
    if (!res->scopes)
        return fail_memory();
    for (size_t i = 0; i < req->n_scopes; i++) {
        enum scope x = scope_find(req->scopes[i]);
        if (x < SCOPE_COUNT && scope_in(&scopes, x))
            res->scopes[res->n_scopes++] = req->scopes[i];
    }
    return ok();
}

static Jwk *jwk(struct arena *a, const char *id, const unsigned char half[SIGN_KEY_BYTES])
{
    Jwk *m = PB_NEW(a, Jwk);
    if (!m)
        return NULL;
    m->kty = (char *)"OKP";
    m->crv = (char *)"Ed25519";
    m->alg = (char *)"EdDSA";
    m->use = (char *)"sig";
    m->kid = arena_dup(a, str_of(id));
    m->x = base64url_text(a, str_make((const char *)half, SIGN_KEY_BYTES));
    return m->kid && m->x ? m : NULL;
}

struct status get_jwks(struct ctx *c, const GetJwksRequest *req, Jwks *res)
{
    struct public_key keys[KEYS_MAX];
    size_t n = keys_public(c->app->iam->keys, keys);
    res->keys = ARENA_ARRAY(c->arena, KEYS_MAX, Jwk *);
    res->statement_keys = ARENA_ARRAY(c->arena, 1, Jwk *);
    if (!res->keys || !res->statement_keys)
        return fail_memory();
    for (; res->n_keys < n; res->n_keys++)
        if (!(res->keys[res->n_keys] = jwk(c->arena, keys[res->n_keys].id, keys[res->n_keys].half)))
            return fail_memory();
    res->statement_keys[res->n_statement_keys++] = jwk(c->arena, "statements", c->app->signer->public_half);
    return res->statement_keys[0] ? ok() : fail_memory();
}
