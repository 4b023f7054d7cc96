#include "agents/record/signer.h"

#include "base/ids.h"

struct status signer_open(struct str secret_key, struct arena *a, struct signer **ret)
{
    struct signer *s = ARENA_NEW(a, struct signer);
    if (!s)
        return fail_memory();
    hmac_sha256(secret_key, STR("statement key"), s->secret);
    if (!sign_public(s->secret, s->public_half))
        return fail(a, REASON_INTERNAL, "the key of signed statements cannot be made");
    *ret = s;
    return ok();
}

struct status signer_sign(struct ctx *c, struct str text, ProtobufCBinaryData *ret_public,
                          ProtobufCBinaryData *ret_signature)
{
    const struct signer *s = c->app->signer;
    unsigned char signature[SIGNATURE_BYTES];
    if (!sign_text(s->secret, text, signature))
        return fail(c->arena, REASON_INTERNAL, "the statement cannot be signed");
    struct str public_half = str_make((const char *)s->public_half, SIGN_KEY_BYTES),
               made = str_make((const char *)signature, SIGNATURE_BYTES);
    ret_public->data = (uint8_t *)arena_dup(c->arena, public_half);
    ret_public->len = public_half.n;
    ret_signature->data = (uint8_t *)arena_dup(c->arena, made);
    ret_signature->len = made.n;
    return ret_public->data && ret_signature->data ? ok() : fail_memory();
}
