#include "base/ids.h"
#include "base/clock.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sys/random.h>

static const char digits32[] = "0123456789abcdefghijklmnopqrstuv";

/* 16 bytes as 26 digits, most significant first (the first digit carries 3 bits). */
static void encode(const unsigned char b[16], char text[ID_TEXT])
{
    unsigned __int128 v = 0;
    for (int i = 0; i < 16; i++)
        v = v << 8 | b[i];
    for (int i = 25; i >= 0; i--, v >>= 5)
        text[i] = digits32[(unsigned)v & 31];
    text[26] = 0;
}

void id_new(char text[ID_TEXT])
{
    unsigned char b[16];
    uint64_t ms = (uint64_t)(clock_wall_us() / 1000);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    random_pooled(b + 6, 10);
    encode(b, text);
}

void id_derive(struct str domain, struct str seed, char text[ID_TEXT])
{
    unsigned char digest[SHA256_BYTES];
    hmac_sha256(domain, seed, digest);
    encode(digest, text);
}

bool id_valid(struct str s)
{
    if (s.n < 1 || s.n > 63 || s.p[0] == '-' || s.p[s.n - 1] == '-')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-'))
            return false;
    return true;
}

void random_bytes(void *p, size_t n)
{
    unsigned char *at = p;
    while (n) {
        ssize_t got = getrandom(at, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            BUG("no randomness");
        at += got;
        n -= (size_t)got;
    }
}

void random_pooled(void *p, size_t n)
{
    static __thread unsigned char pool[1024];
    static __thread size_t left;
    ASSERT(n <= sizeof pool / 4);
    if (left < n) {
        random_bytes(pool, sizeof pool);
        left = sizeof pool;
    }
    left -= n;
    memcpy(p, pool + left, n);
    memset(pool + left, 0, n); /* it may have become a key */
}

/* Looked up among the providers once: EVP_sha256() is looked up at every use. */
static EVP_MD *sha256_method;

static void fetch_sha256(void)
{
    sha256_method = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static const EVP_MD *sha256_get(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fetch_sha256);
    return sha256_method;
}

void sha256(struct str data, unsigned char out[SHA256_BYTES])
{
    if (!sha256_get() || EVP_Digest(data.p, data.n, out, NULL, sha256_get(), NULL) != 1)
        BUG("SHA-256 failed");
}

#define BLOCK 64

static void hash_behind(EVP_MD_CTX *x, const unsigned char block[BLOCK], struct str data,
                        unsigned char out[SHA256_BYTES])
{
    if (EVP_DigestInit_ex(x, sha256_get(), NULL) != 1 || EVP_DigestUpdate(x, block, BLOCK) != 1 ||
        EVP_DigestUpdate(x, data.p, data.n) != 1 || EVP_DigestFinal_ex(x, out, NULL) != 1)
        BUG("SHA-256 failed");
}

/* RFC 2104; OpenSSL's own looks the method up among the providers at every use, which costs four times as
 * much. */
void hmac_sha256(struct str key, struct str data, unsigned char out[SHA256_BYTES])
{
    unsigned char inner[BLOCK] = { 0 }, outer[BLOCK];
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    if (!x)
        BUG("SHA-256 failed");
    if (key.n > BLOCK)
        sha256(key, inner);
    else if (key.n)
        memcpy(inner, key.p, key.n);
    for (size_t i = 0; i < BLOCK; i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    hash_behind(x, inner, data, out);
    hash_behind(x, outer, str_make((const char *)out, SHA256_BYTES), out);
    EVP_MD_CTX_free(x);
}

bool same_bytes(const void *a, const void *b, size_t n)
{
    const unsigned char *x = a, *y = b;
    unsigned char difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= x[i] ^ y[i];
    return difference == 0;
}

void hex_text(const unsigned char *p, size_t n, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digits[p[i] >> 4];
        text[2 * i + 1] = digits[p[i] & 15];
    }
    text[2 * n] = 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_bytes(struct str text, unsigned char *ret, size_t n)
{
    if (text.n != 2 * n)
        return false;
    for (size_t i = 0; i < n; i++) {
        int high = hex_digit(text.p[2 * i]), low = hex_digit(text.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

uint64_t mix64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t hash64(struct str s, uint64_t seed)
{
    uint64_t h = seed ^ (s.n * 0x9e3779b97f4a7c15u), w;
    for (; s.n >= 8; s = str_make(s.p + 8, s.n - 8)) {
        memcpy(&w, s.p, 8);
        h = mix64(h ^ w);
    }
    w = 0;
    if (s.n)
        memcpy(&w, s.p, s.n);
    return mix64(h ^ w);
}
