/* API keys: mk_<id>_<43 random letters>, known to the server by the SHA-256 of the whole text. */
#include "server/iam/iam_private.h"

#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define SECRET_CHARS 43 /* of 62: 256 bits */
#define KEYS_OF_ACCOUNT 100
#define OVERLAP_MAX 604800
#define SEPARATOR "/apiKeys/"

bool is_api_key(struct str text)
{
    return str_starts(text, STR("mk_"));
}

bool api_key_split(struct arena *a, struct str text, const char **ret_id)
{
    struct str rest = text, mark = str_split(&rest, '_'), id = str_split(&rest, '_');
    *ret_id = arena_dup(a, id);
    return str_eq(mark, STR("mk")) && id_valid(id) && rest.n == SECRET_CHARS && *ret_id;
}

/* A new secret of the key, and its hash. */
static struct status make_secret(struct ctx *c, const char *id, ApiKey *res, struct str *ret_hash)
{
    char secret[SECRET_CHARS + 1];
    random_text(secret, SECRET_CHARS);
    res->secret = arena_printf(c->arena, "mk_%s_%s", id, secret);
    if (!res->secret)
        return fail_memory();
    *ret_hash = digest_of(c->arena, str_of(res->secret));
    return ret_hash->p ? ok() : fail_memory();
}

static struct status describe(struct ctx *c, const char *account, const char *id, int64_t create_us,
                              int64_t expire_us, int64_t old_expire_us, ApiKey *res)
{
    res->name = arena_printf(c->arena, "serviceAccounts/%s" SEPARATOR "%s", account, id);
    res->prefix = arena_printf(c->arena, "mk_%s_", id);
    res->create_time = time_message(c->arena, create_us);
    if (expire_us && !(res->expire_time = time_message(c->arena, expire_us)))
        return fail_memory();
    if (old_expire_us > c->now_us && !(res->old_expire_time = time_message(c->arena, old_expire_us)))
        return fail_memory();
    return res->name && res->prefix && res->create_time ? ok() : fail_memory();
}

/* The account, which must be one that the caller may manage. */
static struct status owner(struct ctx *c, const char *name, const char *field, const char **ret_id)
{
    struct resource r;
    TRY(resource_named(c, RESOURCE_SERVICE_ACCOUNT, name, field, "", &r));
    *ret_id = r.id;
    return account_below_caller(c, (const struct account *)r.message);
}

/* Both parts of a key's name. */
static struct status read_name(struct ctx *c, const char *name, const char **ret_account, const char **ret_id)
{
    const char *at = strstr(name, SEPARATOR);
    const char *account = at ? arena_dup(c->arena, str_make(name, (size_t)(at - name))) : NULL;
    if (!at || !id_valid(str_of(at + strlen(SEPARATOR))))
        return fail_field(c->arena, *name ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "name",
                          "must be serviceAccounts/{id}" SEPARATOR "{id}");
    if (!account)
        return fail_memory();
    *ret_id = at + strlen(SEPARATOR);
    return owner(c, account, "name", ret_account);
}

static struct status no_such_key(struct ctx *c, const char *name)
{
    return fail(c->arena, REASON_ACCOUNT_NOT_FOUND, "there is no %s", name);
}

static struct status list(struct ctx *c, const char *account, struct rows *ret)
{
    return DB_QUERY(c, &iam_sql[API_KEY_LIST], ret, v_text(c->workspace), v_text(account));
}

struct status create_api_key(struct ctx *c, const CreateApiKeyRequest *req, ApiKey *res)
{
    const char *account;
    struct rows rows;
    struct str hash;
    char text[ID_TEXT];
    TRY(owner(c, req->parent, "parent", &account));
    if (!time_valid(req->expire_time))
        return fail_field(c->arena, REASON_FIELD_INVALID, "expire_time", TIME_INVALID);
    int64_t expire_us = time_us(req->expire_time);
    if (req->expire_time && expire_us <= c->now_us)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "expire_time", "must be in the future");
    TRY(list(c, account, &rows));
    if (rows.n >= KEYS_OF_ACCOUNT)
        return fail(NULL, REASON_ACCOUNT_STATE, "the service account has as many keys as it may");
    id_new(text);
    const char *id = arena_dup(c->arena, str_of(text));
    if (!id)
        return fail_memory();
    TRY(make_secret(c, id, res, &hash));
    UNIT_ADD(c->unit, &iam_sql[API_KEY_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(id),
             v_text(account), v_int(c->now_us), v_int(expire_us), v_bytes(hash), v_bytes(STR("")));
    TRY(describe(c, account, id, c->now_us, expire_us, 0, res));
    event_note(c, "iam", "api_key.created", res->name);
    return ok();
}

struct status list_api_keys(struct ctx *c, const ListApiKeysRequest *req, ListApiKeysResponse *res)
{
    struct resource r;
    struct rows rows;
    TRY(resource_named(c, RESOURCE_SERVICE_ACCOUNT, req->parent, "parent", "", &r));
    TRY(list(c, r.id, &rows));
    res->api_keys = ARENA_ARRAY(c->arena, rows.n + 1, ApiKey *);
    if (!res->api_keys)
        return fail_memory();
    for (; res->n_api_keys < rows.n; res->n_api_keys++) {
        const struct value *v = row_at(&rows, res->n_api_keys);
        ApiKey *k = PB_NEW(c->arena, ApiKey);
        if (!k)
            return fail_memory();
        TRY(describe(c, r.id, v[0].s.p, v[1].i, v[2].i, v[3].i, k));
        res->api_keys[res->n_api_keys] = k;
    }
    return ok();
}

struct status rotate_api_key(struct ctx *c, const RotateApiKeyRequest *req, ApiKey *res)
{
    const char *account, *id;
    struct rows rows;
    struct str hash;
    if (req->overlap_seconds < 0 || req->overlap_seconds > OVERLAP_MAX)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "overlap_seconds", "must be 0 to %d",
                          OVERLAP_MAX);
    TRY(read_name(c, req->name, &account, &id));
    TRY(DB_QUERY(c, &iam_sql[API_KEY_GET], &rows, v_text(id), v_text(c->workspace), v_text(account)));
    if (!rows.n)
        return no_such_key(c, req->name);
    const struct value *v = row_at(&rows, 0);
    int64_t old_end = req->overlap_seconds ? c->now_us + req->overlap_seconds * US_PER_SECOND : 0;
    TRY(make_secret(c, id, res, &hash));
    UNIT_ADD(c->unit, &iam_sql[API_KEY_ROTATE], 1, REASON_CONFLICT, v_int(c->now_us), v_bytes(hash),
             v_bytes(v[4].s), v_int(old_end), v_text(id), v_text(c->workspace), v_int(v[0].i));
    rights_changed(c);
    event_note(c, "iam", "api_key.rotated", req->name);
    return describe(c, account, id, c->now_us, v[2].i, old_end, res);
}

struct status delete_api_key(struct ctx *c, const DeleteApiKeyRequest *req, Empty *res)
{
    const char *account, *id;
    struct rows rows;
    TRY(read_name(c, req->name, &account, &id));
    TRY(DB_QUERY(c, &iam_sql[API_KEY_GET], &rows, v_text(id), v_text(c->workspace), v_text(account)));
    if (!rows.n)
        return no_such_key(c, req->name);
    UNIT_ADD(c->unit, &iam_sql[API_KEY_DELETE], 1, REASON_CONFLICT, v_text(id), v_text(c->workspace),
             v_text(account));
    rights_changed(c);
    event_note(c, "iam", "api_key.deleted", req->name);
    return ok();
}
