/* principal.h: who calls, and what they may do. Immutable and counted: ctx->caller and the texts that
 * ctx->workspace and ctx->principal point at live as long as the call. */
#ifndef SERVER_IAM_PRINCIPAL_H
#define SERVER_IAM_PRINCIPAL_H

#include "base/ctx.h"
#include "server/iam/scopes.h"

C_BEGIN

/* Calls a second, as the workspace has them; 0: as the server has them. */
struct call_limits {
    double read, write, bulk, admin;
};

struct principal {
    int refs;                 /* atomic */
    const char *name;         /* "users/ann", "serviceAccounts/ci" */
    const char *workspace;    /* "default" */
    const char *session;      /* the session's id; "" for an API key */
    const char *const *roles; /* ids */
    size_t n_roles;
    struct scope_set scopes;
    int64_t expires_us;                       /* wall time; INT64_MAX: never */
    struct call_limits limits, caller_limits; /* of all callers of the workspace together; of each */
};

/* A copy on the heap, texts included, with one reference. NULL when memory is out. */
struct principal *principal_copy(const struct principal *p);
void principal_ref(struct principal *p);
void principal_unref(void *p); /* NULL is allowed */

/* Whether the caller holds all of these. Without authentication everybody holds everything. */
static inline bool caller_covers(const struct ctx *c, const struct scope_set *s)
{
    return !c->caller || scope_covers(&c->caller->scopes, s);
}

C_END
#endif
