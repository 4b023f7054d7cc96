#include "base/sign.h"

#include <openssl/evp.h>

static void drop_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void drop_context(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

bool sign_public(const unsigned char secret[SIGN_KEY_BYTES], unsigned char public_half[SIGN_KEY_BYTES])
{
    size_t n = SIGN_KEY_BYTES;
    CLEANUP(drop_key)
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SIGN_KEY_BYTES);
    return k && EVP_PKEY_get_raw_public_key(k, public_half, &n) == 1 && n == SIGN_KEY_BYTES;
}

bool sign_text(const unsigned char secret[SIGN_KEY_BYTES], struct str text,
               unsigned char signature[SIGNATURE_BYTES])
{
    size_t n = SIGNATURE_BYTES;
    CLEANUP(drop_key)
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, SIGN_KEY_BYTES);
    CLEANUP(drop_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
    return k && c && EVP_DigestSignInit(c, NULL, NULL, NULL, k) == 1 &&
           EVP_DigestSign(c, signature, &n, (const unsigned char *)text.p, text.n) == 1 &&
           n == SIGNATURE_BYTES;
}

bool sign_check(const unsigned char public_half[SIGN_KEY_BYTES], struct str text,
                const unsigned char signature[SIGNATURE_BYTES])
{
    CLEANUP(drop_key)
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_half, SIGN_KEY_BYTES);
    CLEANUP(drop_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
    return k && c && EVP_DigestVerifyInit(c, NULL, NULL, NULL, k) == 1 &&
           EVP_DigestVerify(c, signature, SIGNATURE_BYTES, (const unsigned char *)text.p, text.n) == 1;
}
