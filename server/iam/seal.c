#include "server/iam/seal.h"

#include "base/ids.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define NONCE 12
#define TAG 16

/* The context with key, nonce and use set. Aborts where the library has no AES-GCM. */
static EVP_CIPHER_CTX *begin(struct str secret, const char *what, const unsigned char *nonce, int encrypt)
{
    unsigned char key[SHA256_BYTES];
    int n;
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    hmac_sha256(secret, STR("seal"), key);
    if (!x || EVP_CipherInit_ex(x, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) != 1 ||
        EVP_CipherUpdate(x, NULL, &n, (const unsigned char *)what, (int)strlen(what)) != 1)
        BUG("AES-GCM failed");
    OPENSSL_cleanse(key, sizeof key);
    return x;
}

void seal(struct str secret, const char *what, const unsigned char *plain, size_t n, unsigned char *ret)
{
    int done, rest;
    random_bytes(ret, NONCE);
    EVP_CIPHER_CTX *x = begin(secret, what, ret, 1);
    if (EVP_CipherUpdate(x, ret + NONCE, &done, plain, (int)n) != 1 ||
        EVP_CipherFinal_ex(x, ret + NONCE + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, TAG, ret + NONCE + n) != 1)
        BUG("AES-GCM failed");
    EVP_CIPHER_CTX_free(x);
}

bool seal_open(struct str secret, const char *what, const unsigned char *sealed, size_t n, unsigned char *ret)
{
    int done, rest;
    if (n < SEAL_OVERHEAD)
        return false;
    size_t plain = n - SEAL_OVERHEAD;
    EVP_CIPHER_CTX *x = begin(secret, what, sealed, 0);
    bool good = EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(sealed + NONCE + plain)) == 1 &&
                EVP_CipherUpdate(x, ret, &done, sealed + NONCE, (int)plain) == 1 &&
                EVP_CipherFinal_ex(x, ret + done, &rest) == 1;
    EVP_CIPHER_CTX_free(x);
    return good;
}
