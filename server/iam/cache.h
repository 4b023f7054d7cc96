/* cache.h: principals of credentials that were checked a moment ago, so that a call costs one SHA-256 and one
 * look-up. Of fixed size; the key is the credential's SHA-256, or that of what a certificate says (caller.c),
 * so no credential lies in memory. Any thread. */
#ifndef SERVER_IAM_CACHE_H
#define SERVER_IAM_CACHE_H

#include "base/ids.h"
#include "server/iam/principal.h"

C_BEGIN

struct cache;

MUSTCHECK struct status cache_open(struct cache **ret);
void cache_close(struct cache *c); /* NULL is allowed */

/* The principal with a reference more; NULL where it must be asked for. */
struct principal *cache_get(struct cache *c, const unsigned char digest[SHA256_BYTES], int64_t now_us);
/* The state of knowledge before the database is asked... */
uint64_t cache_age(const struct cache *c);
/* ... with which its answer is remembered, unless everything was forgotten in between. */
void cache_put(struct cache *c, const unsigned char digest[SHA256_BYTES], struct principal *p, uint64_t age);
/* Forgets everything: somebody's rights changed. */
void cache_forget(struct cache *c);

C_END
#endif
