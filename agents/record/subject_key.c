#include "agents/record/subject_key.h"

#include "base/ids.h"
#include "base/seal.h"

static const unsigned char *secret_of(struct str key)
{
    return (const unsigned char *)key.p + SUBJECT_KEY_NAME;
}

struct status subject_key_make(struct ctx *c, struct str *ret)
{
    char *key = arena_raw(c->arena, SUBJECT_KEY_BYTES);
    if (!key)
        return fail_memory();
    random_pooled(key, SUBJECT_KEY_BYTES);
    *ret = str_make(key, SUBJECT_KEY_BYTES);
    return ok();
}

struct status subject_seal(struct ctx *c, struct str key, const char *what, struct str plain, struct str *ret)
{
    ASSERT(key.n == SUBJECT_KEY_BYTES);
    size_t n = SUBJECT_KEY_NAME + plain.n + SEAL_OVERHEAD;
    char *sealed = arena_raw(c->arena, n);
    if (!sealed)
        return fail_memory();
    memcpy(sealed, key.p, SUBJECT_KEY_NAME);
    seal(secret_of(key), what, plain, (unsigned char *)sealed + SUBJECT_KEY_NAME);
    *ret = str_make(sealed, n);
    return ok();
}

static bool belongs(struct str key, struct str sealed)
{
    return key.n == SUBJECT_KEY_BYTES && sealed.n >= SUBJECT_KEY_NAME &&
           memcmp(key.p, sealed.p, SUBJECT_KEY_NAME) == 0;
}

struct status subject_open(struct ctx *c, struct str key, const char *what, struct str sealed,
                           struct str *ret)
{
    *ret = str_make(NULL, 0);
    if (!belongs(key, sealed))
        return ok();
    struct str text = str_make(sealed.p + SUBJECT_KEY_NAME, sealed.n - SUBJECT_KEY_NAME);
    char *plain = arena_raw(c->arena, text.n);
    if (!plain)
        return fail_memory();
    if (!seal_open(secret_of(key), what, text, (unsigned char *)plain))
        return fail(c->arena, REASON_INTERNAL, "what is sealed for %s was altered", what);
    *ret = str_make(plain, text.n - SEAL_OVERHEAD);
    return ok();
}
