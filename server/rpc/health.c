#include "server/rpc/runtime.h"

#include "base/pb.h"

#include "grpc/health/v1/health.pb-c.h"

typedef Grpc__Health__V1__HealthCheckRequest HealthCheckRequest;
typedef Grpc__Health__V1__HealthCheckResponse HealthCheckResponse;

#define UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN
#define SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
#define NOT_SERVING GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING
#define SERVICE_UNKNOWN GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN

struct health {
    size_t n;
    struct health_entry {
        const char *service; /* "": the server as a whole */
        int status;          /* atomic */
    } entries[];
};

static struct health_entry *find(struct rpc *r, const char *service)
{
    for (size_t i = 0; i < r->health->n; i++)
        if (strcmp(r->health->entries[i].service, service) == 0)
            return &r->health->entries[i];
    return NULL;
}

static int status_of(struct rpc *r, const char *service)
{
    struct health_entry *e = find(r, service);
    return e ? __atomic_load_n(&e->status, __ATOMIC_RELAXED) : SERVICE_UNKNOWN;
}

static struct status check(struct ctx *c, const HealthCheckRequest *req, HealthCheckResponse *res)
{
    int status = status_of(rpc_of(c), req->service);
    if (status == SERVICE_UNKNOWN)
        return fail(c->arena, REASON_SUBJECT_NOT_FOUND, "no service of this name is served");
    res->status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    return ok();
}

struct watch {
    const char *service; /* in the request, which lives as long as the call */
    int told;
};

static struct status watch_open(struct ctx *c, const HealthCheckRequest *req, struct watch **ret)
{
    struct watch *w = ARENA_NEW(c->arena, struct watch);
    if (!w)
        return fail_memory();
    w->service = req->service;
    w->told = UNKNOWN;
    *ret = w;
    return ok();
}

static struct status watch_next(struct ctx *c, struct watch *w, HealthCheckResponse *res, enum rpc_next *ret)
{
    int status = status_of(rpc_of(c), w->service);
    *ret = status == w->told ? RPC_WAIT : RPC_SEND;
    res->status = (Grpc__Health__V1__HealthCheckResponse__ServingStatus)status;
    w->told = status;
    return ok();
}

RPC_UNARY(check, HealthCheckRequest, HealthCheckResponse)
RPC_SERVER_STREAM(watch, HealthCheckRequest, HealthCheckResponse, struct watch)

const struct rpc_method health_methods[HEALTH_METHODS] = {
    { &grpc__health__v1__health__descriptor, "Check", &check_rpc, LANE_INLINE, "", 0, 0, 16, 5000 },
    { &grpc__health__v1__health__descriptor, "Watch", &watch_rpc, LANE_INLINE, "", 0, 0, 16, 0 },
};

struct status health_make(struct rpc *r)
{
    struct health *h = arena_alloc(&r->arena, sizeof *h + (r->n_methods + 1) * sizeof h->entries[0]);
    if (!h)
        return fail_memory();
    r->health = h;
    h->entries[h->n++] = (struct health_entry){ "", NOT_SERVING };
    for (size_t i = 0; i < r->n_methods; i++)
        if (!find(r, r->methods[i].row->service->name))
            h->entries[h->n++] = (struct health_entry){ r->methods[i].row->service->name, NOT_SERVING };
    return ok();
}

void rpc_health_set(struct rpc *r, const char *service, bool serving)
{
    struct health_entry *e = find(r, service);
    if (!e)
        return;
    __atomic_store_n(&e->status, serving ? SERVING : NOT_SERVING, __ATOMIC_RELAXED);
    rpc_wake(r);
}

void health_set_all(struct rpc *r, bool serving)
{
    for (size_t i = 0; i < r->health->n; i++)
        rpc_health_set(r, r->health->entries[i].service, serving);
}
