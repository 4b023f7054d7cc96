/* Routing policies: versions that never change once stored, and which of them is in service. */
#include "agents/record/active.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/versions.h"
#include "agents/triage/policy_sql.h"
#include "agents/triage/stored.h"
#include "agents/triage/triage.h"
#include "base/pb.h"

#include <stdio.h>

#define COLLECTION "routingPolicies/"
#define BUILTIN_ID "default"

static const struct versions versions = {
    .what = "routing policy",
    .collection = COLLECTION,
    .not_found = REASON_POLICY_NOT_FOUND,
    VERSIONS_OF(RoutingPolicy),
    .get = &policy_sql[POLICY_GET],
    .newest = &policy_sql[POLICY_NEWEST],
    .list = &policy_sql[POLICY_LIST],
    .move = &policy_sql[POLICY_MOVE],
};

/* ---- Reading ---- */

static bool is_builtin(const char *id, int64_t version)
{
    return version == 0 && strcmp(id, BUILTIN_ID) == 0;
}

/* The built-in one is in service where nothing else is. */
static struct status builtin_get(struct ctx *c, RoutingPolicy **ret)
{
    const char *id, *version;
    TRY(active_read(c, ACTIVE_POLICY, &id, &version));
    *ret = route_builtin(c->arena, c->app->confidence_threshold);
    if (!*ret)
        return fail_memory();
    (*ret)->state = *id ? ROUTING_POLICY__STATE_RETIRED : ROUTING_POLICY__STATE_PUBLISHED;
    return ok();
}

/* A stored policy version with its state and time; version 0 of the built-in is made. */
static struct status get_policy(struct ctx *c, const char *id, int64_t version, RoutingPolicy **ret)
{
    return is_builtin(id, version) ? builtin_get(c, ret) : versions_get(c, &versions, id, version, ret);
}

static struct status in_service(struct ctx *c, const char **ret_id, int64_t *ret_version)
{
    const char *version;
    TRY(active_read(c, ACTIVE_POLICY, ret_id, &version));
    *ret_version = 0;
    if (!**ret_id)
        *ret_id = BUILTIN_ID;
    else if (!str_to_i64(str_of(version), ret_version))
        return fail(c->arena, REASON_INTERNAL, "the policy in service has version \"%s\"", version);
    return ok();
}

/* ---- Compiled ---- */

struct status policy_hold(struct ctx *c, struct route_policy *p, const struct route_policy **ret)
{
    if (!arena_on_reset(c->arena, policy_unload, p)) {
        route_free(p);
        return fail_memory();
    }
    *ret = p;
    return ok();
}

struct status policy_compiled(struct ctx *c, const char *id, int64_t version, const struct route_policy **ret)
{
    void *p;
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)version);
    TRY(policy_load(c, version ? id : "", version ? text : "", &p));
    return policy_hold(c, p, ret);
}

struct status policy_load(struct ctx *c, const char *resource_id, const char *version, void **ret)
{
    RoutingPolicy *stored;
    struct route_policy *compiled;
    int64_t number = 0;
    if (*resource_id && !str_to_i64(str_of(version), &number))
        return fail(c->arena, REASON_INTERNAL, "the policy in service has version \"%s\"", version);
    if (*resource_id)
        TRY(get_policy(c, resource_id, number, &stored));
    else if (!(stored = route_builtin(c->arena, c->app->confidence_threshold)))
        return fail_memory();
    TRY(route_compile(c->arena, stored, "routing_policy", &compiled));
    *ret = compiled;
    return ok();
}

void policy_unload(void *policy)
{
    route_free(policy);
}

/* ---- Create ---- */

static struct status check_create(struct ctx *c, const CreateRoutingPolicyRequest *req)
{
    struct route_policy *compiled;
    TRY(id_check(c->arena, req->routing_policy_id, "routing_policy_id"));
    if (!req->routing_policy)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "routing_policy", "must be given");
    TRY(route_compile(c->arena, req->routing_policy, "routing_policy", &compiled));
    route_free(compiled);
    return ok();
}

struct status create_routing_policy(struct ctx *c, const CreateRoutingPolicyRequest *req, RoutingPolicy *res)
{
    TRY(check_create(c, req));
    *res = *req->routing_policy;
    TRY(versions_draft(c, &versions, req->routing_policy_id, ROUTING_POLICY__STATE_DRAFT, res));
    struct str data = pb_pack(c->arena, res);
    if (!data.p)
        return fail_memory();
    if (req->validate_only)
        return ok();
    UNIT_ADD(c->unit, &policy_sql[POLICY_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(req->routing_policy_id), v_int(res->version), v_int(res->state), v_int(c->now_us),
             v_bytes(data));
    event_note(c, "triage", "routing_policy.created", res->name);
    return ok();
}

/* ---- Get and list ---- */

static struct status chosen_version(struct ctx *c, const char *id, int64_t asked, int64_t *ret)
{
    const char *serving;
    if (asked)
        return versions_chosen(c, &versions, id, asked, 0, ret);
    TRY(in_service(c, &serving, ret));
    return strcmp(serving, id) == 0 ? ok() : versions_newest(c, &versions, id, ret);
}

struct status get_routing_policy(struct ctx *c, const GetRoutingPolicyRequest *req, RoutingPolicy *res)
{
    const char *id;
    int64_t version;
    RoutingPolicy *p;
    TRY(name_id(c->arena, req->name, COLLECTION, "name", &id));
    TRY(chosen_version(c, id, req->version, &version));
    TRY(get_policy(c, id, version, &p));
    *res = *p;
    return ok();
}

/* A page goes on after (id, version). */
struct list_key {
    const char *id;
    int64_t version;
};

/* The built-in's place is before every stored version of its name. */
static bool builtin_is_next(const struct list_key *after, const struct rows *rows, size_t i)
{
    bool passed =
        strcmp(after->id, BUILTIN_ID) > 0 || (strcmp(after->id, BUILTIN_ID) == 0 && after->version >= 0);
    return !passed && (i == rows->n || strcmp(row_at(rows, i)[0].s.p, BUILTIN_ID) >= 0);
}

static struct status put_page(struct ctx *c, const struct page *page, struct list_key *at,
                              const struct rows *rows, ListRoutingPoliciesResponse *res)
{
    size_t i = 0;
    for (; res->n_routing_policies < (size_t)page->size; res->n_routing_policies++) {
        RoutingPolicy **to = &res->routing_policies[res->n_routing_policies];
        if (builtin_is_next(at, rows, i)) {
            TRY(builtin_get(c, to));
            at->id = BUILTIN_ID;
            at->version = 0;
        } else if (i < rows->n) {
            const struct value *v = row_at(rows, i++);
            TRY(versions_take(c, &versions, v[0].s.p, v[1].i, v + 2, to));
            at->id = v[0].s.p;
            at->version = v[1].i;
        } else
            break;
    }
    if (i == rows->n && !builtin_is_next(at, rows, i))
        return ok();
    return page_token_version(c, at->id, at->version, &res->next_page_token);
}

struct status list_routing_policies(struct ctx *c, const ListRoutingPoliciesRequest *req,
                                    ListRoutingPoliciesResponse *res)
{
    struct page page;
    struct list_key at;
    struct rows rows;
    TRY(page_read(c, req->page_size, req->page_token, "", &page));
    TRY(page_after_version(c, &page, &at.id, &at.version));
    TRY(DB_QUERY(c, &policy_sql[POLICY_LIST], &rows, v_text(c->workspace), v_text(at.id), v_int(at.version),
                 v_int(page.size + 1)));
    res->routing_policies = ARENA_ARRAY(c->arena, (size_t)page.size, RoutingPolicy *);
    return res->routing_policies ? put_page(c, &page, &at, &rows, res) : fail_memory();
}

/* ---- Publish and roll back ---- */

/* The built-in has no row. */
static void move(struct ctx *c, const char *id, int64_t version, RoutingPolicy__State from,
                 RoutingPolicy__State to)
{
    if (!is_builtin(id, version))
        versions_move(c, &versions, id, version, from, to);
}

struct status publish_routing_policy(struct ctx *c, const PublishRoutingPolicyRequest *req,
                                     RoutingPolicy *res)
{
    const char *id, *serving;
    int64_t version = req->version, serving_version;
    RoutingPolicy *p;
    TRY(name_id(c->arena, req->name, COLLECTION, "name", &id));
    if (version == 0)
        TRY(versions_newest(c, &versions, id, &version));
    if (version <= 0)
        return fail(c->arena, REASON_POLICY_NOT_FOUND, "%s has no stored version", req->name);
    TRY(get_policy(c, id, version, &p));
    *res = *p;
    res->state = ROUTING_POLICY__STATE_PUBLISHED;
    if (p->state == ROUTING_POLICY__STATE_PUBLISHED)
        return ok();
    TRY(in_service(c, &serving, &serving_version));
    move(c, serving, serving_version, ROUTING_POLICY__STATE_PUBLISHED, ROUTING_POLICY__STATE_RETIRED);
    move(c, id, version, p->state, ROUTING_POLICY__STATE_PUBLISHED);
    event_note(c, "triage", "routing_policy.published", res->name);
    const char *text = arena_printf(c->arena, "%lld", (long long)version);
    return text ? active_put(c, ACTIVE_POLICY, id, text) : fail_memory();
}

struct status rollback_routing_policy(struct ctx *c, const RollbackRoutingPolicyRequest *req,
                                      RoutingPolicy *res)
{
    const char *serving, *id, *text;
    int64_t serving_version, version = 0;
    RoutingPolicy *p;
    TRY(in_service(c, &serving, &serving_version));
    TRY(active_rollback(c, ACTIVE_POLICY, REASON_POLICY_STATE, &id, &text));
    if (*id && !str_to_i64(str_of(text), &version))
        return fail(c->arena, REASON_INTERNAL, "the policy that was in service has version \"%s\"", text);
    id = *id ? id : BUILTIN_ID;
    TRY(get_policy(c, id, version, &p));
    move(c, serving, serving_version, ROUTING_POLICY__STATE_PUBLISHED, ROUTING_POLICY__STATE_RETIRED);
    move(c, id, version, p->state, ROUTING_POLICY__STATE_PUBLISHED);
    *res = *p;
    res->state = ROUTING_POLICY__STATE_PUBLISHED;
    event_note(c, "triage", "routing_policy.rolled_back", res->name);
    return ok();
}
