/* From a credential to whom it stands for. */
#include "server/iam/iam_private.h"
#include "server/iam/token.h"

#include "base/clock.h"

#define CREDENTIAL_MAX TOKEN_MAX_BYTES
#define TRUST_US                                                                                             \
    (60 * US_PER_SECOND) /* without word from the database what is in memory holds no longer than this */

/* A bearer credential, or the names in a client certificate, and under what it is remembered. */
struct credential {
    struct str text;
    const struct str *names;
    size_t n_names;
    unsigned char digest[SHA256_BYTES];
};

static struct status refused(void)
{
    return fail(NULL, REASON_CREDENTIAL_INVALID, "the credential is malformed, unknown, expired or revoked");
}

static bool memory_holds(const struct iam *i)
{
    return clock_mono_us() - __atomic_load_n(&i->checked_us, __ATOMIC_ACQUIRE) < TRUST_US;
}

struct account_row {
    enum resource_kind kind;
    const char *id;
    struct str data, workspace; /* the account, and its workspace, as messages */
};

static struct call_limits limits_of(const CallLimits *l)
{
    struct call_limits none = { 0 };
    return l ? (struct call_limits){ l->read, l->write, l->bulk, l->admin } : none;
}

/* Makes the principal of an account that was read; the rest of *p is filled. */
static struct status of_account(struct ctx *c, const struct account_row *row, struct principal *p,
                                struct principal **ret)
{
    bool user = row->kind == RESOURCE_USER;
    struct account *a = pb_unpack(c->arena, user ? &User_descriptor : &ServiceAccount_descriptor, row->data);
    Workspace *w = PB_UNPACK(c->arena, Workspace, row->workspace);
    p->name = arena_printf(c->arena, "%s/%s", user ? "users" : "serviceAccounts", row->id);
    if (!a || !w || !p->name)
        return c->arena->overflow
                   ? fail_memory()
                   : fail(NULL, REASON_INTERNAL, "an account or its workspace cannot be decoded");
    p->limits = limits_of(w->limits);
    p->caller_limits = limits_of(w->caller_limits);
    c->workspace = p->workspace; /* whose roles are read */
    TRY(role_ids(c, a->roles, a->n_roles, &p->roles));
    p->n_roles = a->n_roles;
    TRY(roles_scopes(c, p->roles, p->n_roles, &p->scopes, NULL));
    p->scopes = scope_within(p->scopes, p->workspace);
    *ret = principal_copy(p);
    return *ret ? ok() : fail_memory();
}

static struct status by_token(struct ctx *c, const struct credential *of, struct principal **ret)
{
    struct claims claims;
    struct rows rows;
    struct principal p = { 0 };
    if (!token_read(c->app->iam->keys, of->text, c->now_us, c->arena, &claims) ||
        !str_starts(str_of(claims.user), STR("users/")))
        return refused();
    const char *id = claims.user + strlen("users/");
    TRY(DB_QUERY(c, &iam_sql[SESSION_CALLER], &rows, v_text(claims.session), v_text(claims.workspace),
                 v_text(id), v_int(c->now_us)));
    if (!rows.n)
        return refused();
    p.workspace = claims.workspace;
    p.session = claims.session;
    p.expires_us = claims.expires * US_PER_SECOND;
    const struct value *v = row_at(&rows, 0);
    const struct account_row row = { RESOURCE_USER, id, v[0].s, v[1].s };
    return of_account(c, &row, &p, ret);
}

static bool same(struct str a, struct str b)
{
    return a.n == SHA256_BYTES && b.n == SHA256_BYTES && same_bytes(a.p, b.p, a.n);
}

/* When a key with this hash ends: (expire_time, hash, old_hash, old_expire_time); 0 where the hash is
 * neither. */
static int64_t key_end(const struct value *v, struct str digest)
{
    int64_t end = v[0].i ? v[0].i : INT64_MAX;
    bool is_new = same(v[1].s, digest), is_old = same(v[2].s, digest);
    if (is_new)
        return end;
    return is_old ? MIN(end, v[3].i) : 0;
}

static struct status by_api_key(struct ctx *c, const struct credential *of, struct principal **ret)
{
    const char *id;
    struct rows rows;
    struct principal p = { 0 };
    if (!api_key_split(c->arena, of->text, &id))
        return refused();
    TRY(DB_QUERY(c, &iam_sql[API_KEY_CALLER], &rows, v_text(id)));
    if (!rows.n)
        return refused();
    const struct value *v = row_at(&rows, 0);
    p.expires_us = key_end(v + 2, str_make((const char *)of->digest, SHA256_BYTES));
    if (p.expires_us <= c->now_us)
        return refused();
    p.workspace = v[0].s.p;
    p.session = "";
    const struct account_row row = { RESOURCE_SERVICE_ACCOUNT, v[1].s.p, v[6].s, v[7].s };
    return of_account(c, &row, &p, ret);
}

/* The account of the first name that is any account's. */
static struct status find_account(struct ctx *c, const struct credential *of, const struct value **ret)
{
    struct rows rows = { 0 };
    for (size_t i = 0; i < of->n_names && !rows.n; i++)
        TRY(DB_QUERY(c, &iam_sql[CERTIFICATE_CALLER], &rows, v_str(of->names[i])));
    *ret = rows.n ? row_at(&rows, 0) : NULL;
    return ok();
}

static struct status by_certificate(struct ctx *c, const struct credential *of, struct principal **ret)
{
    const struct value *v;
    struct principal p = { 0 };
    TRY(find_account(c, of, &v));
    if (!v)
        return fail(NULL, REASON_CREDENTIAL_MISSING,
                    "send `authorization: Bearer`; the client certificate stands for no service account");
    if (v[2].i)
        return refused();
    p.workspace = v[0].s.p;
    p.session = "";
    p.expires_us = INT64_MAX;
    const struct account_row row = { RESOURCE_SERVICE_ACCOUNT, v[1].s.p, v[3].s, v[4].s };
    return of_account(c, &row, &p, ret);
}

static struct status look_up(struct ctx *c, const struct credential *of, struct principal **ret)
{
    if (of->n_names)
        return by_certificate(c, of, ret);
    return is_api_key(of->text) ? by_api_key(c, of, ret) : by_token(c, of, ret);
}

/* Asks the database. */
static struct status check(struct ctx *c, const struct credential *of, struct principal **ret)
{
    const char *workspace = c->workspace;
    struct iam *i = c->app->iam;
    uint64_t age = cache_age(i->cache);
    c->now_us = clock_wall_us();
    db_reach_all(c); /* whose the credential is, is what is asked */
    struct status s = look_up(c, of, ret);
    c->workspace = workspace;
    db_reach_own(c);
    db_read_done(c);
    if (is_ok(s))
        cache_put(i->cache, of->digest, *ret, age);
    return s;
}

static struct status answer(struct ctx *c, const struct credential *of, struct principal **ret)
{
    struct iam *i = c->app->iam;
    *ret = memory_holds(i) ? cache_get(i->cache, of->digest, clock_wall_us()) : NULL;
    return *ret ? ok() : check(c, of, ret);
}

struct status iam_caller(struct ctx *c, struct str text, struct principal **ret)
{
    struct credential of = { .text = text };
    if (!text.n || text.n > CREDENTIAL_MAX)
        return refused();
    sha256(text, of.digest);
    return answer(c, &of, ret);
}

/* Keyed, so that no bearer credential has the same digest; each name's is the key of the next one's. */
static void digest_names(const struct str *names, size_t n, unsigned char digest[SHA256_BYTES])
{
    struct str key = STR("client certificate");
    for (size_t i = 0; i < n; i++) {
        hmac_sha256(key, names[i], digest);
        key = str_make((const char *)digest, SHA256_BYTES);
    }
}

struct status iam_peer(struct ctx *c, const struct str *names, size_t n, struct principal **ret)
{
    struct credential of = { .names = names, .n_names = n };
    digest_names(names, n, of.digest);
    return answer(c, &of, ret);
}
