#include "server/iam/keys.h"

#include "base/base64.h"
#include "base/clock.h"
#include "base/seal.h"
#include "server/iam/iam_sql.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SIGNS_US (30 * US_PER_DAY)
#define HOLDS_US (60 * US_PER_DAY) /* far longer than it signs and what it signed lasts */
#define HEADER_MAX 160

struct key {
    struct public_key public;
    EVP_PKEY *pair; /* with the private half where this replica could open it */
    bool signs;
    int64_t create_us, expire_us;
    char header[HEADER_MAX]; /* base64url of the JWS header, and the dot behind it */
    size_t header_n;
};

struct ring {
    struct key keys[KEYS_MAX]; /* newest first */
    size_t n;
};

struct keys {
    struct str secret;
    pthread_rwlock_t lock; /* over ring */
    struct ring *ring;
};

/* ---- Life ---- */

static void ring_free(struct ring *r)
{
    for (size_t i = 0; r && i < r->n; i++)
        EVP_PKEY_free(r->keys[i].pair);
    free(r);
}

struct status keys_open(struct str secret, struct keys **ret)
{
    struct keys *k = calloc(1, sizeof *k);
    if (!k || !(k->ring = calloc(1, sizeof *k->ring))) {
        free(k);
        return fail_memory();
    }
    k->secret = secret;
    pthread_rwlock_init(&k->lock, NULL);
    *ret = k;
    return ok();
}

void keys_close(struct keys *k)
{
    if (!k)
        return;
    ring_free(k->ring);
    pthread_rwlock_destroy(&k->lock);
    free(k);
}

/* ---- One key ---- */

/* RFC 9068's header. The bytes of a key's header are all that is ever taken for it. */
static bool make_header(struct key *k)
{
    char json[HEADER_MAX / 2];
    struct arena scratch;
    arena_init(&scratch, 4096);
    int n =
        snprintf(json, sizeof json, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", k->public.id);
    const char *text = base64url_text(&scratch, str_make(json, (size_t)n));
    n = snprintf(k->header, sizeof k->header, "%s.", text ? text : "");
    k->header_n = (size_t)n;
    arena_done(&scratch);
    return text && (size_t)n < sizeof k->header;
}

/* private_half may be NULL: then the key only verifies. */
static bool make_key(struct key *k, const char *id, const unsigned char *private_half,
                     const unsigned char *public_half)
{
    size_t n = SIGN_KEY_BYTES;
    if (snprintf(k->public.id, sizeof k->public.id, "%s", id) >= (int)sizeof k->public.id)
        return false;
    k->signs = private_half != NULL;
    k->pair = private_half
                  ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_half, SIGN_KEY_BYTES)
                  : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_half, SIGN_KEY_BYTES);
    return k->pair && EVP_PKEY_get_raw_public_key(k->pair, k->public.half, &n) == 1 && make_header(k);
}

/* ---- Rows ---- */

/* What private halves are sealed under. */
static void seal_key(const struct keys *k, unsigned char ret[SEAL_KEY_BYTES])
{
    hmac_sha256(k->secret, STR("seal"), ret);
}

static bool unseal(const struct keys *k, const char *id, struct str sealed, unsigned char ret[SIGN_KEY_BYTES])
{
    unsigned char key[SEAL_KEY_BYTES];
    if (!k->secret.n || sealed.n != SIGN_KEY_BYTES + SEAL_OVERHEAD)
        return false;
    seal_key(k, key);
    bool good = seal_open(key, id, sealed, ret);
    OPENSSL_cleanse(key, sizeof key);
    return good;
}

/* The private half of a row (private, sealed), where it can be opened. */
static bool open_private(const struct keys *k, const char *id, const struct value *v,
                         unsigned char ret[SIGN_KEY_BYTES])
{
    if (v[1].i)
        return unseal(k, id, v[0].s, ret);
    if (v[0].s.n != SIGN_KEY_BYTES)
        return false;
    memcpy(ret, v[0].s.p, SIGN_KEY_BYTES);
    return true;
}

/* A row of KEY_LIST. */
static bool take_row(const struct keys *k, const struct value *v, struct key *ret)
{
    unsigned char half[SIGN_KEY_BYTES];
    bool mine = open_private(k, v[0].s.p, &v[4], half);
    ret->create_us = v[1].i;
    ret->expire_us = v[2].i;
    bool good = v[3].s.n == SIGN_KEY_BYTES &&
                make_key(ret, v[0].s.p, mine ? half : NULL, (const unsigned char *)v[3].s.p);
    OPENSSL_cleanse(half, sizeof half);
    return good && memcmp(ret->public.half, v[3].s.p, SIGN_KEY_BYTES) == 0;
}

static void replace(struct keys *k, struct ring *r)
{
    pthread_rwlock_wrlock(&k->lock);
    struct ring *old = k->ring;
    k->ring = r;
    pthread_rwlock_unlock(&k->lock);
    ring_free(old);
}

struct status keys_load(struct ctx *c, struct keys *k)
{
    struct rows rows;
    TRY(DB_QUERY(c, &iam_sql[KEY_LIST], &rows, v_int(c->now_us), v_int(KEYS_MAX)));
    struct ring *r = calloc(1, sizeof *r);
    if (!r)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++) {
        struct key *next = &r->keys[r->n];
        if (take_row(k, row_at(&rows, i), next)) {
            r->n++;
        } else {
            EVP_PKEY_free(next->pair);
            memset(next, 0, sizeof *next);
        }
    }
    replace(k, r);
    return ok();
}

static const struct key *signer(const struct ring *r)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->keys[i].signs)
            return &r->keys[i];
    return NULL;
}

bool keys_due(struct keys *k, int64_t now_us)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct key *s = signer(k->ring);
    bool due = !s || now_us - s->create_us > SIGNS_US;
    pthread_rwlock_unlock(&k->lock);
    return due;
}

struct status keys_renew(struct ctx *c, struct keys *k)
{
    unsigned char half[SIGN_KEY_BYTES], key[SEAL_KEY_BYTES], sealed[SIGN_KEY_BYTES + SEAL_OVERHEAD];
    struct key made;
    char id[ID_TEXT];
    id_new(id);
    random_bytes(half, sizeof half);
    memset(&made, 0, sizeof made);
    bool good = make_key(&made, id, half, NULL);
    EVP_PKEY_free(made.pair);
    seal_key(k, key);
    seal(key, id, str_make((const char *)half, sizeof half), sealed);
    struct str stored = k->secret.n ? str_make((const char *)sealed, sizeof sealed)
                                    : str_make((const char *)half, sizeof half);
    struct str private = str_make(arena_dup(c->arena, stored), stored.n);
    struct str public = str_make(
        arena_dup(c->arena, str_make((const char *)made.public.half, SIGN_KEY_BYTES)), SIGN_KEY_BYTES);
    const char *name = arena_dup(c->arena, str_of(id));
    OPENSSL_cleanse(half, sizeof half);
    OPENSSL_cleanse(key, sizeof key);
    if (!good)
        return fail(NULL, REASON_INTERNAL, "a signing key cannot be made");
    if (!private.p || !public.p || !name)
        return fail_memory();
    UNIT_ADD(c->unit, &iam_sql[KEY_EXPIRE], -1, REASON_CONFLICT, v_int(c->now_us));
    UNIT_ADD(c->unit, &iam_sql[KEY_INSERT], 1, REASON_CONFLICT, v_text(name), v_int(c->now_us),
             v_int(c->now_us + HOLDS_US), v_bytes(public), v_bytes(private), v_int(k->secret.n > 0));
    return ok();
}

struct status keys_add(struct keys *k, const char *id, const unsigned char private_half[SIGN_KEY_BYTES],
                       int64_t create_us, int64_t expire_us)
{
    struct ring *r = k->ring;
    struct key made;
    memset(&made, 0, sizeof made);
    if (r->n == KEYS_MAX || !make_key(&made, id, private_half, NULL)) {
        EVP_PKEY_free(made.pair);
        return fail(NULL, REASON_INTERNAL, "a signing key cannot be added");
    }
    made.create_us = create_us;
    made.expire_us = expire_us;
    memmove(&r->keys[1], &r->keys[0], r->n * sizeof r->keys[0]);
    r->keys[0] = made;
    r->n++;
    return ok();
}

/* ---- Signatures ---- */

static bool sign(EVP_PKEY *pair, struct str text, unsigned char ret[SIGNATURE_BYTES])
{
    size_t n = SIGNATURE_BYTES;
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    bool good = x && EVP_DigestSignInit(x, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestSign(x, ret, &n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(x);
    return good;
}

static bool signature_fits(EVP_PKEY *pair, struct str text, struct str signature)
{
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    bool good = x && EVP_DigestVerifyInit(x, NULL, NULL, NULL, pair) == 1 &&
                EVP_DigestVerify(x, (const unsigned char *)signature.p, signature.n,
                                 (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(x);
    return good;
}

/* The lock is held. */
static struct status sign_with(const struct key *s, struct str payload, struct arena *a, const char **ret)
{
    unsigned char signature[SIGNATURE_BYTES];
    const char *body = base64url_text(a, payload);
    const char *text = body ? arena_printf(a, "%s%s", s->header, body) : NULL;
    if (!text)
        return fail_memory();
    if (!sign(s->pair, str_of(text), signature))
        return fail(NULL, REASON_INTERNAL, "a token cannot be signed");
    const char *tail = base64url_text(a, str_make((const char *)signature, sizeof signature));
    *ret = tail ? arena_printf(a, "%s.%s", text, tail) : NULL;
    return *ret ? ok() : fail_memory();
}

struct status keys_sign(struct keys *k, struct str payload, struct arena *a, const char **ret)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct key *s = signer(k->ring);
    struct status st = s ? sign_with(s, payload, a, ret) : fail(NULL, REASON_INTERNAL, "no key can sign");
    pthread_rwlock_unlock(&k->lock);
    return st;
}

/* The key whose header the token starts with. */
static const struct key *key_of(const struct ring *r, struct str jws, int64_t now_us)
{
    for (size_t i = 0; i < r->n; i++)
        if (now_us < r->keys[i].expire_us &&
            str_starts(jws, str_make(r->keys[i].header, r->keys[i].header_n)))
            return &r->keys[i];
    return NULL;
}

/* The lock is held. */
static bool verify_with(const struct key *key, struct str jws, struct arena *a, struct str *ret)
{
    struct str signature, rest = str_make(jws.p + key->header_n, jws.n - key->header_n);
    struct str body = str_split(&rest, '.');
    struct str text = str_make(jws.p, key->header_n + body.n);
    return base64url_bytes(a, rest, &signature) && signature.n == SIGNATURE_BYTES &&
           signature_fits(key->pair, text, signature) && base64url_bytes(a, body, ret);
}

bool keys_verify(struct keys *k, struct str jws, int64_t now_us, struct arena *a, struct str *ret)
{
    pthread_rwlock_rdlock(&k->lock);
    const struct key *key = key_of(k->ring, jws, now_us);
    bool good = key && verify_with(key, jws, a, ret);
    pthread_rwlock_unlock(&k->lock);
    return good;
}

size_t keys_public(struct keys *k, struct public_key ret[KEYS_MAX])
{
    pthread_rwlock_rdlock(&k->lock);
    size_t n = k->ring->n;
    for (size_t i = 0; i < n; i++)
        ret[i] = k->ring->keys[i].public;
    pthread_rwlock_unlock(&k->lock);
    return n;
}
