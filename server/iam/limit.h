/* limit.h: how often somebody may guess. Token buckets in a table of fixed size, found by a keyed hash, so
 * that neither many names nor chosen ones make it grow or meet. Any thread. */
#ifndef SERVER_IAM_LIMIT_H
#define SERVER_IAM_LIMIT_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

struct limits;

enum limit_kind { LIMIT_ACCOUNT, LIMIT_PEER, LIMIT_KINDS };

MUSTCHECK struct status limits_open(struct limits **ret);
void limits_close(struct limits *l); /* NULL is allowed */

/* Takes one attempt. 0 where there was one left, else the microseconds after which there will be. */
int64_t limit_take(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us);
/* Gives an attempt back: it was no guess. */
void limit_return(struct limits *l, enum limit_kind kind, struct str key, int64_t mono_us);

/* Who is at an address: whoever has one address of an IPv6 network of 64 bits has them all, so the network
 * ("2001:db8::/64") stands for them. Of any other address the address itself, also over the budget. */
const char *peer_network(struct arena *a, const char *address);

C_END
#endif
