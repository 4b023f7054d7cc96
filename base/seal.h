/* seal.h: secrets at rest: AES-256-GCM, by OpenSSL, bound to what they are for. Any thread. */
#ifndef BASE_SEAL_H
#define BASE_SEAL_H

#include "base/base.h"

C_BEGIN

#define SEAL_KEY_BYTES 32
#define SEAL_OVERHEAD 28 /* bytes: nonce and tag */

/* The plain text becomes n + SEAL_OVERHEAD bytes at `ret`. `what` is the use, and must be the same to open it
 * again. Fit for 2^32 texts under one key. */
void seal(const unsigned char key[SEAL_KEY_BYTES], const char *what, struct str plain, unsigned char *ret);
/* Gives n - SEAL_OVERHEAD bytes at `ret`. False where it was sealed under another key, for another use, or
 * was altered: then what lies at `ret` is worth nothing. */
MUSTCHECK bool seal_open(const unsigned char key[SEAL_KEY_BYTES], const char *what, struct str sealed,
                         unsigned char *ret);

C_END
#endif
