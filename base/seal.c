#include "base/seal.h"

#include "base/ids.h"

#include <openssl/evp.h>
#include <pthread.h>

#define NONCE 12
#define TAG 16

/* A context costs more to make than a small text to seal: each thread keeps one. */
static pthread_key_t kept;

static void drop_context(void *x)
{
    EVP_CIPHER_CTX_free(x);
}

static void make_kept(void)
{
    if (pthread_key_create(&kept, drop_context) != 0)
        BUG("no thread keys");
}

static EVP_CIPHER_CTX *context(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_kept);
    EVP_CIPHER_CTX *x = pthread_getspecific(kept);
    if (x)
        return x;
    x = EVP_CIPHER_CTX_new();
    if (!x || EVP_CipherInit_ex(x, EVP_aes_256_gcm(), NULL, NULL, NULL, 1) != 1 ||
        pthread_setspecific(kept, x) != 0)
        BUG("AES-GCM failed");
    return x;
}

/* The context with key, nonce and use set. Aborts where the library has no AES-GCM. */
static EVP_CIPHER_CTX *begin(const unsigned char *key, const char *what, const unsigned char *nonce,
                             int encrypt)
{
    int n;
    EVP_CIPHER_CTX *x = context();
    if (EVP_CipherInit_ex(x, NULL, NULL, key, nonce, encrypt) != 1 ||
        EVP_CipherUpdate(x, NULL, &n, (const unsigned char *)what, (int)strlen(what)) != 1)
        BUG("AES-GCM failed");
    return x;
}

void seal(const unsigned char key[SEAL_KEY_BYTES], const char *what, struct str plain, unsigned char *ret)
{
    int done, rest;
    random_pooled(ret, NONCE);
    EVP_CIPHER_CTX *x = begin(key, what, ret, 1);
    if (EVP_CipherUpdate(x, ret + NONCE, &done, (const unsigned char *)plain.p, (int)plain.n) != 1 ||
        EVP_CipherFinal_ex(x, ret + NONCE + done, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, TAG, ret + NONCE + plain.n) != 1)
        BUG("AES-GCM failed");
}

bool seal_open(const unsigned char key[SEAL_KEY_BYTES], const char *what, struct str sealed,
               unsigned char *ret)
{
    int done, rest;
    if (sealed.n < SEAL_OVERHEAD)
        return false;
    const unsigned char *at = (const unsigned char *)sealed.p;
    size_t plain = sealed.n - SEAL_OVERHEAD;
    EVP_CIPHER_CTX *x = begin(key, what, at, 0);
    return EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, TAG, (void *)(at + NONCE + plain)) == 1 &&
           EVP_CipherUpdate(x, ret, &done, at + NONCE, (int)plain) == 1 &&
           EVP_CipherFinal_ex(x, ret + done, &rest) == 1;
}
