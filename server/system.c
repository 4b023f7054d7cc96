#include "server/system.h"

#include "agents/record/active.h"
#include "agents/record/events.h"
#include "agents/record/moved.h"
#include "agents/record/times.h"
#include "base/metrics.h"
#include "base/pb.h"
#include "server/gate/quota.h"
#include "server/house.h"
#include "server/version.h"
#include "store/committer.h"

#include <stdio.h>
#include <unistd.h>

/* Which service's calls are an agent's work. */
static const struct agent_row {
    AgentType agent;
    const ProtobufCServiceDescriptor *service;
} agents[] = {
    { AGENT_TYPE_TRIAGE, &marketing__v1__triage_service__descriptor },
};

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f) {
        if (fscanf(f, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(f);
    }
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Calls of a service by outcome, from the metrics. */
static void count_calls(struct arena *a, const ProtobufCServiceDescriptor *service, AgentStatus *ret)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        const char *name = arena_printf(a, "%s/%s", service->name, service->methods[i].name);
        if (!name)
            return;
        size_t method = metric_find(METRIC_LABEL_METHOD, name);
        for (unsigned code = 0; method < METRIC_VALUES && code < METRIC_CODES; code++) {
            int64_t n = (int64_t)metric_total(METRIC_rpc_handled, metric_method_code(method, code));
            *(code == CODE_OK ? &ret->succeeded_calls : &ret->failed_calls) += n;
        }
    }
}

static struct status describe_agent(struct ctx *c, const struct agent_row *row, bool healthy,
                                    AgentStatus **ret)
{
    AgentStatus *s = PB_NEW(c->arena, AgentStatus);
    const char *id, *version;
    if (!s)
        return fail_memory();
    s->agent_type = row->agent;
    s->healthy = healthy;
    count_calls(c->arena, row->service, s);
    *ret = s;
    if (!healthy)
        return ok();
    TRY(active_read(c, ACTIVE_MODEL, &id, &version));
    if (id[0])
        s->model_version = arena_printf(c->arena, "models/%s/versions/%s", id, version);
    TRY(active_read(c, ACTIVE_POLICY, &id, &version));
    s->routing_policy = arena_printf(c->arena, "routingPolicies/%s", id[0] ? id : "default");
    return s->model_version && s->routing_policy ? ok() : fail_memory();
}

static DependencyStatus *dependency(struct arena *a, const char *name, const char *kind, bool reachable,
                                    const char *why)
{
    DependencyStatus *d = PB_NEW(a, DependencyStatus);
    if (!d)
        return NULL;
    d->name = (char *)name;
    d->kind = (char *)kind;
    d->reachable = reachable;
    if (!reachable)
        d->message = (char *)why;
    return d;
}

/* The database first. */
static struct status describe_dependencies(struct ctx *c, SystemStatus *res)
{
    const struct house *h = house_of(c->app);
    struct db *db = c->app->db;
    struct status reached = db->ops->ping(db);
    res->dependencies = ARENA_ARRAY(c->arena, 2, DependencyStatus *);
    if (!res->dependencies)
        return fail_memory();
    res->dependencies[res->n_dependencies++] =
        dependency(c->arena, "database", db->ops->name, is_ok(reached), reached.message);
    if (h->shared)
        res->dependencies[res->n_dependencies++] =
            dependency(c->arena, "shared limits", h->shared->ops->name, quota_in_step(h->quota),
                       "each replica goes on with its part of the limits");
    return c->arena->overflow ? fail_memory() : ok();
}

static struct status describe_agents(struct ctx *c, SystemStatus *res)
{
    res->agents = ARENA_ARRAY(c->arena, COUNT(agents), AgentStatus *);
    if (!res->agents)
        return fail_memory();
    for (; res->n_agents < COUNT(agents); res->n_agents++)
        TRY(describe_agent(c, &agents[res->n_agents], res->dependencies[0]->reachable,
                           &res->agents[res->n_agents]));
    return ok();
}

static struct status describe_hold(struct ctx *c, SystemStatus *res)
{
    int64_t since = moved_hold_us(c->app->moved);
    if (!since)
        return ok();
    res->delivery_hold = PB_NEW(c->arena, DeliveryHold);
    if (!res->delivery_hold)
        return fail_memory();
    res->delivery_hold->start_time = time_message(c->arena, since);
    return res->delivery_hold->start_time ? ok() : fail_memory();
}

struct status get_system_status(struct ctx *c, const GetSystemStatusRequest *req, SystemStatus *res)
{
    struct house *h = house_of(c->app);
    struct committer_stats stats;
    committer_stats(c->app->committer, &stats);
    res->version = (char *)CODE_VERSION;
    res->start_time = time_message(c->arena, h->start_us);
    res->serving = true;
    res->committed_units = (int64_t)(stats.units - stats.failed_units);
    res->commits = (int64_t)stats.groups;
    res->queued_units = (int64_t)stats.queued;
    res->resident_bytes = resident_bytes();
    TRY(describe_hold(c, res));
    TRY(describe_dependencies(c, res));
    return describe_agents(c, res);
}

struct status resume_delivery(struct ctx *c, const ResumeDeliveryRequest *req, SystemStatus *res)
{
    const GetSystemStatusRequest nothing = GET_SYSTEM_STATUS_REQUEST_INIT;
    if (req->overdue != RESUME_DELIVERY_REQUEST__OVERDUE_UNKNOWN &&
        req->overdue != RESUME_DELIVERY_REQUEST__OVERDUE_SEND)
        return fail_field(c->arena, req->overdue ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, "overdue",
                          "must be OVERDUE_UNKNOWN or OVERDUE_SEND");
    TRY(moved_resume(c, req->overdue == RESUME_DELIVERY_REQUEST__OVERDUE_UNKNOWN));
    TRY(get_system_status(c, &nothing, res));
    res->delivery_hold = NULL; /* once this is durable */
    event_note(c, "system", "delivery.resumed", "");
    return ok();
}

struct status get_config(struct ctx *c, const GetConfigRequest *req, Config *res)
{
    const struct option_view *views;
    size_t n = options_view(&house_of(c->app)->options, c->arena, &views);
    res->options = ARENA_ARRAY(c->arena, n, ConfigOption *);
    if (!n || !res->options)
        return fail_memory();
    for (; res->n_options < n; res->n_options++) {
        const struct option_view *v = &views[res->n_options];
        ConfigOption *o = PB_NEW(c->arena, ConfigOption);
        if (!o)
            return fail_memory();
        o->name = (char *)v->name;
        o->value = (char *)v->value;
        o->source = (char *)v->source;
        o->description = (char *)v->help;
        res->options[res->n_options] = o;
    }
    return ok();
}
