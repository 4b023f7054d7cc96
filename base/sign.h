/* sign.h: Ed25519 signatures (RFC 8032), by OpenSSL. The text that is signed starts with what it is for, so
 * that a signature is good for nothing else. Any thread. */
#ifndef BASE_SIGN_H
#define BASE_SIGN_H

#include "base/base.h"

C_BEGIN

#define SIGN_KEY_BYTES 32 /* of the secret and of the public half */
#define SIGNATURE_BYTES 64

/* The public half of a secret: any 32 random bytes. False where OpenSSL fails. */
MUSTCHECK bool sign_public(const unsigned char secret[SIGN_KEY_BYTES],
                           unsigned char public_half[SIGN_KEY_BYTES]);
MUSTCHECK bool sign_text(const unsigned char secret[SIGN_KEY_BYTES], struct str text,
                         unsigned char signature[SIGNATURE_BYTES]);
/* Whether the signature over the text was made with the secret of this public half. */
MUSTCHECK bool sign_check(const unsigned char public_half[SIGN_KEY_BYTES], struct str text,
                          const unsigned char signature[SIGNATURE_BYTES]);

C_END
#endif
