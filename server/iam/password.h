/* password.h: passwords as bcrypt hashes of cost 12. Each hash costs a quarter of a second of a core, so
 * callers run on LANE_SLOW, and at most PASSWORD_AT_ONCE of them hash at the same time. */
#ifndef SERVER_IAM_PASSWORD_H
#define SERVER_IAM_PASSWORD_H

#include "base/status.h"

C_BEGIN

#define PASSWORD_MIN 12
#define PASSWORD_MAX 72 /* bcrypt looks at no more bytes */
#define PASSWORD_AT_ONCE 2

/* Whether a text may be somebody's password. `field` names the request's field. Fails: FIELD_REQUIRED,
 * FIELD_OUT_OF_RANGE, FIELD_TOO_LONG. */
MUSTCHECK struct status password_acceptable(struct arena *a, const char *field, const char *password);
/* The hash of a new password, in the arena. */
MUSTCHECK struct status password_hash(struct arena *a, const char *password, const char **ret);
/* Whether it is the password of this hash; `field` names the request's. Takes the same time for any password
 * and for NULL, no hash at all, which no password fits. */
MUSTCHECK struct status password_check(struct arena *a, const char *field, const char *hash,
                                       const char *password, bool *ret);

C_END
#endif
