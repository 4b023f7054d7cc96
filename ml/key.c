#include "ml/file.h"

#include "base/ids.h"
#include "base/sign.h"

#define CONTEXT "marketing model file v1\n"
#define TEXT_BYTES (sizeof CONTEXT - 1 + 32)

static struct str message(const unsigned char digest[32], char to[TEXT_BYTES])
{
    memcpy(to, CONTEXT, sizeof CONTEXT - 1);
    memcpy(to + sizeof CONTEXT - 1, digest, 32);
    return str_make(to, TEXT_BYTES);
}

bool key_public(const unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES])
{
    return sign_public(secret, public_key);
}

void key_new(unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES])
{
    random_bytes(secret, 32);
    ASSERT(key_public(secret, public_key));
}

bool key_sign(const unsigned char secret[32], const unsigned char digest[32], unsigned char signature[64])
{
    char text[TEXT_BYTES];
    return sign_text(secret, message(digest, text), signature);
}

bool key_verify(const unsigned char public_key[MODEL_KEY_BYTES], const unsigned char digest[32],
                const unsigned char signature[64])
{
    char text[TEXT_BYTES];
    return sign_check(public_key, message(digest, text), signature);
}
