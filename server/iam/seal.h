/* seal.h: small secrets at rest: AES-256-GCM under a key derived from SECRET_KEY, bound to what they are for.
 */
#ifndef SERVER_IAM_SEAL_H
#define SERVER_IAM_SEAL_H

#include "base/base.h"

C_BEGIN

#define SEAL_OVERHEAD 28 /* bytes: nonce and tag */

/* n bytes of plain text become n + SEAL_OVERHEAD. `what` is the use, and must be the same to open it again.
 */
void seal(struct str secret, const char *what, const unsigned char *plain, size_t n, unsigned char *ret);
/* False where it was sealed under another secret, for another use, or was altered. */
MUSTCHECK bool seal_open(struct str secret, const char *what, const unsigned char *sealed, size_t n,
                         unsigned char *ret);

C_END
#endif
