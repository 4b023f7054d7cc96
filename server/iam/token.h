/* token.h: access tokens: JWTs (RFC 7519, RFC 9068) that this system writes for itself. */
#ifndef SERVER_IAM_TOKEN_H
#define SERVER_IAM_TOKEN_H

#include "server/iam/keys.h"

C_BEGIN

#define TOKEN_SECONDS 900 /* for which an access token holds */
#define TOKEN_MAX_BYTES 4096
#define TOKEN_SKEW_SECONDS 30 /* by which another replica's clock may be ahead */

/* The texts are ids and names made of [a-z0-9/-]. */
struct claims {
    const char *user;      /* "users/ann" */
    const char *workspace; /* "default" */
    const char *session, *id;
    int64_t issued, expires; /* seconds since 1970 */
};

/* The signed token, in the arena. Fails: INTERNAL where no key can sign. */
MUSTCHECK struct status token_make(struct keys *k, const struct claims *claims, struct arena *a,
                                   const char **ret);
/* What a token says that we made and that holds now, texts in the arena. Nothing of a token is looked at
 * before its signature fits. Then its payload must be what token_make writes for these claims, to the byte:
 * issuer and audience are ours, and there is no other member, order, escape or space. */
MUSTCHECK bool token_read(struct keys *k, struct str token, int64_t now_us, struct arena *a,
                          struct claims *ret);

C_END
#endif
