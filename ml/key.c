#include "ml/file.h"

#include "base/ids.h"

#include <openssl/evp.h>

#define CONTEXT "marketing model file v1\n"

static void message(const unsigned char digest[32], unsigned char to[sizeof CONTEXT - 1 + 32])
{
    memcpy(to, CONTEXT, sizeof CONTEXT - 1);
    memcpy(to + sizeof CONTEXT - 1, digest, 32);
}

static void drop_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void drop_context(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

bool key_public(const unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES])
{
    size_t n = MODEL_KEY_BYTES;
    CLEANUP(drop_key) EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
    return k && EVP_PKEY_get_raw_public_key(k, public_key, &n) == 1 && n == MODEL_KEY_BYTES;
}

void key_new(unsigned char secret[32], unsigned char public_key[MODEL_KEY_BYTES])
{
    random_bytes(secret, 32);
    ASSERT(key_public(secret, public_key));
}

bool key_sign(const unsigned char secret[32], const unsigned char digest[32], unsigned char signature[64])
{
    unsigned char text[sizeof CONTEXT - 1 + 32];
    size_t n = 64;
    message(digest, text);
    CLEANUP(drop_key) EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
    CLEANUP(drop_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
    return k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
           EVP_DigestSign(c, signature, &n, text, sizeof text) == 1 && n == 64;
}

bool key_verify(const unsigned char public_key[MODEL_KEY_BYTES], const unsigned char digest[32],
                const unsigned char signature[64])
{
    unsigned char text[sizeof CONTEXT - 1 + 32];
    message(digest, text);
    CLEANUP(drop_key)
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, MODEL_KEY_BYTES);
    CLEANUP(drop_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
    return k && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
           EVP_DigestVerify(c, signature, 64, text, sizeof text) == 1;
}
