/* admit.h: what decides on a call from its metadata alone, and what that needs: who calls, and whether they
 * may (server/gate/auth.h), then whether they call too often (server/gate/quota.h). */
#ifndef SERVER_ADMIT_H
#define SERVER_ADMIT_H

#include "server/rpc/rpc.h"

C_BEGIN

struct house;

/* Opens the house's gates, and the Redis through which replicas share their limits. Fails: SCHEMA_INVALID
 * where a row names a scope or a class of calls that there is not; FIELD_INVALID (REDIS_URL, REDIS_CA). */
MUSTCHECK struct status admit_open(struct house *h, const struct rpc_method *rows, size_t n);
void admit_close(struct house *h); /* copes with what was not opened */

/* The rpc_admit_fn; its argument is the house. Fails: as auth_admit; QUOTA_EXCEEDED. */
MUSTCHECK struct status admit_call(void *house, const struct rpc_call *call, struct ctx *c);

/* The rpc_readmit_fn: limits count a stream once. Fails: as auth_readmit. */
MUSTCHECK struct status readmit_call(void *house, const struct rpc_call *call, struct ctx *c);

C_END
#endif
