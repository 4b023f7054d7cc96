/* base64.h: base64url of RFC 4648 section 5, without padding: bytes as text that may stand in a URL or a
 * header. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/arena.h"

C_BEGIN

/* NUL-ended, in the arena. NULL over the budget. */
char *base64url_text(struct arena *a, struct str bytes);
/* The bytes of a text that base64url_text may have made, in the arena. False on any other text (stray bits
 * included) and over the budget. */
bool base64url_bytes(struct arena *a, struct str text, struct str *ret) MUSTCHECK;

C_END
#endif
