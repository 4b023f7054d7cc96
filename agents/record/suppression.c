#include "agents/record/suppression.h"

#include "agents/record/checks.h"
#include "base/ids.h"

#define KEY_BYTES 32
#define COLLECTION "suppressions/"
#define NAME_BYTES 24 /* of the hash, in a name */

enum {
    KEY_GET,
    KEY_INSERT,
    SUPPRESSION_FIND,
    SUPPRESSION_INSERT,
    SUPPRESSION_NAMED,
    SUPPRESSION_NEXT,
    SUPPRESSION_DELETE,
    KEPT_INSERT,
    SUPPRESSION_STMTS
};

static const struct stmt sql[SUPPRESSION_STMTS] = {
    [KEY_GET] = { "suppression_key_get", "", "b", "SELECT key FROM suppression_key WHERE id = 1", NULL,
                  NULL },
    [KEY_INSERT] = { "suppression_key_insert", "b", "",
                     "INSERT INTO suppression_key (id, key) VALUES (1, $1)", NULL, NULL },
    [SUPPRESSION_FIND] = { "suppression_find", "tib", "itii",
                           "SELECT cause, purpose, medium, create_time FROM suppression WHERE workspace = $1"
                           " AND kind = $2 AND hash = $3 ORDER BY cause, purpose, medium",
                           NULL, NULL },
    [SUPPRESSION_INSERT] = { "suppression_insert", "tibitii", "",
                             "INSERT INTO suppression (workspace, kind, hash, cause, purpose, medium,"
                             " create_time) VALUES ($1, $2, $3, $4, $5, $6, $7)"
                             " ON CONFLICT (workspace, kind, hash, cause, purpose, medium)"
                             " DO UPDATE SET create_time = excluded.create_time",
                             NULL, NULL },
    [SUPPRESSION_NAMED] = { "suppression_named", "tibb", "itii",
                            "SELECT cause, purpose, medium, create_time FROM suppression WHERE workspace = $1"
                            " AND kind = $2 AND hash >= $3 AND hash <= $4 ORDER BY cause, purpose, medium",
                            NULL, NULL },
    [SUPPRESSION_NEXT] = { "suppression_next", "tibi", "ib",
                           "SELECT DISTINCT kind, hash FROM suppression WHERE workspace = $1"
                           " AND (kind, hash) > ($2, $3) ORDER BY kind, hash LIMIT $4",
                           NULL, NULL },
    [SUPPRESSION_DELETE] = { "suppression_delete", "tibbi", "",
                             "DELETE FROM suppression WHERE workspace = $1 AND kind = $2 AND hash >= $3"
                             " AND hash <= $4 AND $5 IN (0, cause) AND cause <> 5",
                             NULL, NULL },
    [KEPT_INSERT] = { "suppression_kept_insert", "ttib", "",
                      "INSERT INTO lead_ended_identity (workspace, subject_id, kind, hash) VALUES ($1, $2, "
                      "$3, $4) ON CONFLICT DO NOTHING",
                      NULL, NULL },
};

const struct stmt_table suppression_statements = { sql, SUPPRESSION_STMTS };

/* A key that the ctx's unit makes is not in its snapshot. */
static bool key_in_unit(const struct ctx *c, struct str *ret)
{
    for (size_t i = 0; i < c->unit->n; i++)
        if (c->unit->writes[i].stmt == &sql[KEY_INSERT]) {
            *ret = c->unit->writes[i].args[0].s;
            return true;
        }
    return false;
}

/* p is NULL where there is no key yet. */
static struct status key_get(struct ctx *c, struct str *ret)
{
    struct rows rows;
    if (key_in_unit(c, ret))
        return ok();
    TRY(DB_QUERY(c, &sql[KEY_GET], &rows));
    *ret = rows.n ? row_at(&rows, 0)[0].s : str_make(NULL, 0);
    return ok();
}

/* Where another replica makes one at the same time the unit conflicts. */
static struct status key_make(struct ctx *c, struct str *ret)
{
    TRY(key_get(c, ret));
    if (ret->p)
        return ok();
    char *key = arena_raw(c->arena, KEY_BYTES);
    if (!key)
        return fail_memory();
    random_bytes(key, KEY_BYTES);
    *ret = str_make(key, KEY_BYTES);
    UNIT_ADD(c->unit, &sql[KEY_INSERT], 1, REASON_CONFLICT, v_bytes(*ret));
    return ok();
}

static struct status hash(struct ctx *c, struct str key, const struct lead_identity *i, struct value *ret)
{
    unsigned char digest[SHA256_BYTES];
    const char *text =
        arena_printf(c->arena, "%lld %.*s", (long long)i->kind.i, (int)i->text.s.n, i->text.s.p);
    if (!text)
        return fail_memory();
    hmac_sha256(key, str_of(text), digest);
    *ret =
        v_bytes(str_make(arena_dup(c->arena, str_make((const char *)digest, sizeof digest)), sizeof digest));
    return ret->s.p ? ok() : fail_memory();
}

struct status suppression_add(struct ctx *c, const struct lead_identity *identities, size_t n,
                              const struct suppression *what)
{
    struct str key;
    struct value hashed;
    if (n == 0)
        return ok();
    TRY(key_make(c, &key));
    for (size_t i = 0; i < n; i++) {
        TRY(hash(c, key, &identities[i], &hashed));
        UNIT_ADD(c->unit, &sql[SUPPRESSION_INSERT], -1, REASON_CONFLICT, v_text(c->workspace),
                 identities[i].kind, hashed, v_int(what->cause), v_text(what->purpose), v_int(what->medium),
                 v_int(c->now_us));
    }
    return ok();
}

struct status suppression_keep(struct ctx *c, const char *lead_id, const struct lead_identity *identities,
                               size_t n)
{
    struct str key;
    struct value hashed;
    if (n == 0)
        return ok();
    TRY(key_make(c, &key));
    for (size_t i = 0; i < n; i++) {
        TRY(hash(c, key, &identities[i], &hashed));
        UNIT_ADD(c->unit, &sql[KEPT_INSERT], -1, REASON_CONFLICT, v_text(c->workspace), v_text(lead_id),
                 identities[i].kind, hashed);
    }
    return ok();
}

/* The rows of one identity, behind those found so far. */
static struct status take_hits(struct ctx *c, const struct rows *rows, size_t identity,
                               struct suppression_hit **all, size_t *n)
{
    struct suppression_hit *more = ARENA_ARRAY(c->arena, *n + rows->n, struct suppression_hit);
    if (!more)
        return fail_memory();
    if (*n)
        memcpy(more, *all, *n * sizeof *more);
    for (size_t i = 0; i < rows->n; i++) {
        const struct value *v = row_at(rows, i);
        more[(*n)++] = (struct suppression_hit){ { (Suppression__Cause)v[0].i, v[1].s.p, (Medium)v[2].i },
                                                 v[3].i,
                                                 identity };
    }
    *all = more;
    return ok();
}

struct status suppression_expect(struct ctx *c, const struct lead_identity *identities, size_t n)
{
    struct str key;
    struct value hashed;
    TRY(key_get(c, &key));
    for (size_t i = 0; key.p && i < n; i++) {
        TRY(hash(c, key, &identities[i], &hashed));
        DB_EXPECT(c, &sql[SUPPRESSION_FIND], v_text(c->workspace), identities[i].kind, hashed);
    }
    return ok();
}

struct status suppression_find(struct ctx *c, const struct lead_identity *identities, size_t n,
                               struct suppression_hit **ret, size_t *ret_n)
{
    struct str key;
    struct value hashed;
    struct rows rows;
    *ret = NULL;
    *ret_n = 0;
    TRY(key_get(c, &key));
    for (size_t i = 0; key.p && i < n; i++) {
        TRY(hash(c, key, &identities[i], &hashed));
        TRY(DB_QUERY(c, &sql[SUPPRESSION_FIND], &rows, v_text(c->workspace), identities[i].kind, hashed));
        if (rows.n)
            TRY(take_hits(c, &rows, i, ret, ret_n));
    }
    return ok();
}

/* ---- By name ---- */

static struct status name_of(struct ctx *c, int64_t kind, struct str hash, const char **ret)
{
    char hex[2 * NAME_BYTES + 1];
    hex_text((const unsigned char *)hash.p, NAME_BYTES, hex);
    *ret = arena_printf(c->arena, COLLECTION "%lld%s", (long long)kind, hex);
    return *ret ? ok() : fail_memory();
}

struct status suppression_name(struct ctx *c, const struct lead_identity *identity, const char **ret)
{
    struct str key;
    struct value hashed;
    TRY(key_get(c, &key));
    ASSERT(key.p);
    TRY(hash(c, key, identity, &hashed));
    return name_of(c, identity->kind.i, hashed.s, ret);
}

/* The hashes that have a name: of this kind, from low to high. */
struct range {
    int64_t kind;
    struct str low, high;
    unsigned char low_bytes[SHA256_BYTES], high_bytes[SHA256_BYTES];
};

static struct status read_name(struct ctx *c, const char *name, struct range *ret)
{
    const char *id;
    TRY(name_id(c->arena, name, COLLECTION, "name", &id));
    memset(ret->low_bytes, 0, SHA256_BYTES);
    memset(ret->high_bytes, 0xff, SHA256_BYTES);
    if (id[0] < '1' || id[0] > '9' || !hex_bytes(str_of(id + 1), ret->low_bytes, NAME_BYTES))
        return fail_field(c->arena, REASON_FIELD_INVALID, "name", "is no name of a suppression");
    memcpy(ret->high_bytes, ret->low_bytes, NAME_BYTES);
    ret->kind = id[0] - '0';
    ret->low = str_make((const char *)ret->low_bytes, SHA256_BYTES);
    ret->high = str_make((const char *)ret->high_bytes, SHA256_BYTES);
    return ok();
}

struct status suppression_named(struct ctx *c, const char *name, struct suppression_hit **ret, size_t *ret_n)
{
    struct range r;
    struct rows rows;
    *ret = NULL;
    *ret_n = 0;
    TRY(read_name(c, name, &r));
    TRY(DB_QUERY(c, &sql[SUPPRESSION_NAMED], &rows, v_text(c->workspace), v_int(r.kind), v_bytes(r.low),
                 v_bytes(r.high)));
    return take_hits(c, &rows, 0, ret, ret_n);
}

struct status suppression_names(struct ctx *c, const char *after, size_t limit, const char ***ret,
                                size_t *ret_n)
{
    struct range r = { .kind = 0 };
    struct rows rows;
    r.high = STR("");
    if (*after)
        TRY(read_name(c, after, &r));
    TRY(DB_QUERY(c, &sql[SUPPRESSION_NEXT], &rows, v_text(c->workspace), v_int(r.kind), v_bytes(r.high),
                 v_int((int64_t)limit)));
    *ret = ARENA_ARRAY(c->arena, rows.n + 1, const char *);
    *ret_n = rows.n;
    if (!*ret)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++)
        TRY(name_of(c, row_at(&rows, i)[0].i, row_at(&rows, i)[1].s, &(*ret)[i]));
    return ok();
}

struct status suppression_remove(struct ctx *c, const char *name, Suppression__Cause cause)
{
    struct range *r = ARENA_NEW(c->arena, struct range);
    if (!r)
        return fail_memory();
    TRY(read_name(c, name, r));
    UNIT_ADD(c->unit, &sql[SUPPRESSION_DELETE], -1, REASON_CONFLICT, v_text(c->workspace), v_int(r->kind),
             v_bytes(r->low), v_bytes(r->high), v_int(cause));
    return ok();
}
