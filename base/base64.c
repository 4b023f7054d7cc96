#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *base64url_text(struct arena *a, struct str bytes)
{
    if (bytes.n > SIZE_MAX / 2)
        return NULL;
    size_t n = (bytes.n * 4 + 2) / 3;
    char *text = arena_raw(a, n + 1);
    uint32_t bits = 0;
    unsigned have = 0;
    size_t at = 0;
    if (!text)
        return NULL;
    for (size_t i = 0; i < bytes.n; i++) {
        bits = bits << 8 | (unsigned char)bytes.p[i];
        for (have += 8; have >= 6; have -= 6)
            text[at++] = digits[bits >> (have - 6) & 63];
    }
    if (have)
        text[at++] = digits[bits << (6 - have) & 63];
    text[n] = 0;
    return text;
}

bool base64url_bytes(struct arena *a, struct str text, struct str *ret)
{
    char *bytes = text.n % 4 == 1 ? NULL : arena_raw(a, text.n / 4 * 3 + 3);
    uint32_t bits = 0;
    unsigned have = 0;
    size_t n = 0;
    if (!bytes)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        const char *digit = text.p[i] ? strchr(digits, text.p[i]) : NULL;
        if (!digit)
            return false;
        bits = bits << 6 | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            bytes[n++] = (char)(bits >> have);
        }
    }
    if (bits & ((1u << have) - 1))
        return false;
    *ret = str_make(bytes, n);
    return true;
}
