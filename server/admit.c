#include "server/admit.h"

#include "base/clock.h"
#include "server/access.h"
#include "server/gate/auth.h"
#include "server/gate/quota.h"
#include "server/house.h"
#include "server/iam/limit.h"
#include "server/iam/principal.h"

#define REDIS_CONNECTIONS 4
#define REDIS_TIMEOUT_US 250000 /* limits go on without it meanwhile */

static struct quota_limits limits_of(const struct options *o)
{
    struct quota_limits l;
    memset(&l, 0, sizeof l);
#define QUOTA_CLASS(ID, id, help)                                                                            \
    l.rate[QUOTA_OF_CALLER][QUOTA_##ID] = o->quota_##id;                                                     \
    l.rate[QUOTA_OF_WORKSPACE][QUOTA_##ID] = o->quota_workspace_##id;
#include "server/gate/quotas.def"
#undef QUOTA_CLASS
    l.burst_seconds = o->quota_burst;
    return l;
}

static struct status open_shared(struct house *h)
{
    struct kv_options o = { h->options.redis_url, h->options.redis_ca, REDIS_CONNECTIONS, REDIS_TIMEOUT_US,
                            0 };
    return h->options.redis_url[0] ? kv_open(&o, &h->arena, &h->shared) : ok();
}

static struct status check_rows(const struct rpc_method *rows, size_t n, struct arena *a)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].quota == QUOTA_FREE || rows[i].quota >= QUOTA_CLASSES)
            return fail(a, REASON_SCHEMA_INVALID, "%s/%s is of no class that has a limit",
                        rows[i].service->name, rows[i].name);
    return ok();
}

static struct status open_limits(struct house *h)
{
    struct quota_limits limits = limits_of(&h->options);
    TRY(quota_open(&limits, h->shared, &h->quota));
    return h->shared ? quota_run(h->quota) : ok();
}

struct status admit_open(struct house *h, const struct rpc_method *rows, size_t n)
{
    TRY(check_rows(rows, n, &h->arena));
    if (access_required(h))
        TRY(auth_open(rows, n, &h->arena, &h->auth));
    TRY(open_shared(h));
    return open_limits(h);
}

void admit_close(struct house *h)
{
    quota_close(h->quota);
    kv_close(h->shared);
}

/* The workspace's own limit of a class; 0: none of its own. */
static double own_limit(const struct call_limits *l, enum quota_class class_)
{
    const double of[QUOTA_CLASSES] = {
        [QUOTA_READ] = l->read, [QUOTA_WRITE] = l->write, [QUOTA_BULK] = l->bulk, [QUOTA_ADMIN] = l->admin
    };
    return of[class_];
}

/* Callers without a credential are known by their address. */
static struct status count(struct quota *q, const struct rpc_call *call, struct ctx *c)
{
    struct quota_call of = { .workspace = c->workspace,
                             .caller = c->peer[0] ? peer_network(c->arena, c->peer) : c->principal,
                             .class_ = (enum quota_class)rpc_call_method(call)->quota };
    if (of.class_ == QUOTA_FREE)
        return ok();
    if (c->caller) {
        of.rate[QUOTA_OF_CALLER] = own_limit(&c->caller->caller_limits, of.class_);
        of.rate[QUOTA_OF_WORKSPACE] = own_limit(&c->caller->limits, of.class_);
    }
    return quota_take(q, &of, clock_mono_us(), c->arena);
}

struct status admit_call(void *arg, const struct rpc_call *call, struct ctx *c)
{
    struct house *h = arg;
    if (h->auth)
        TRY(auth_admit(h->auth, call, c));
    return count(h->quota, call, c);
}

struct status readmit_call(void *arg, const struct rpc_call *call, struct ctx *c)
{
    struct house *h = arg;
    return h->auth ? auth_readmit(h->auth, call, c) : ok();
}
