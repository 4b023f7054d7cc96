/* auth.h: no call goes on without a credential that allows it. The runtime's admit hook: it looks at the
 * metadata and the connection's certificate alone, before a byte of the request is unpacked, so that whoever
 * may not do a thing never learns whether it exists. */
#ifndef SERVER_GATE_AUTH_H
#define SERVER_GATE_AUTH_H

#include "server/rpc/rpc.h"

C_BEGIN

/* The scope of a row whose method needs no credential: those that give one. */
#define OPEN ""

struct auth;

/* The rows are those given to rpc_serve, and live as long as the arena. Fails: SCHEMA_INVALID where a row
 * names a scope that there is not. */
MUSTCHECK struct status auth_open(const struct rpc_method *rows, size_t n, struct arena *a,
                                  struct auth **ret);

/* The rpc_admit_fn; its argument is the auth. Health and reflection are no rows of ours, and open. Fails:
 * CREDENTIAL_MISSING, CREDENTIAL_INVALID, PERMISSION_MISSING; what the database fails with. */
MUSTCHECK struct status auth_admit(void *auth, const struct rpc_call *call, struct ctx *c);

/* The rpc_readmit_fn: whether an open stream's credential still holds, is still the same caller's and still
 * allows it. Fails as auth_admit. */
MUSTCHECK struct status auth_readmit(void *auth, const struct rpc_call *call, struct ctx *c);

C_END
#endif
