#include "agents/triage/route_check.h"
#include "agents/triage/route.h"
#include "base/ids.h"

#include <math.h>

#define LABEL_MAX 256
#define CUTS_MAX (2 * ROUTE_RULES_MAX + 2)

/* The faults found so far, in order. */
struct faults {
    struct arena *arena;
    const char *field; /* the policy's path */
    struct violation *first, **end;
};

static PRINTF(3, 4) void fault(struct faults *f, const char *path, const char *fmt, ...)
{
    struct violation *v = ARENA_NEW(f->arena, struct violation);
    va_list ap;
    va_start(ap, fmt);
    if (v) {
        v->field = arena_printf(f->arena, "%s.%s", f->field, path);
        v->description = arena_vprintf(f->arena, fmt, ap);
        *f->end = v;
        f->end = &v->next;
    }
    va_end(ap);
}

static PRINTF(4, 5) void rule_fault(struct faults *f, size_t rule, const char *part, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *path = arena_printf(f->arena, "rules[%zu]%s%s", rule, part[0] ? "." : "", part);
    const char *text = arena_vprintf(f->arena, fmt, ap);
    va_end(ap);
    fault(f, path ? path : "rules", "%s", text ? text : "is not sound");
}

/* ---- One rule alone ---- */

static bool in_unit(double x)
{
    return x >= 0 && x <= 1; /* false for NaN */
}

static void check_interval(struct faults *f, size_t i, const char *axis, double min, double max)
{
    if (!in_unit(min) || !in_unit(max))
        rule_fault(f, i, axis, "the bounds must be from 0 to 1");
    else if (max > 0 && min >= max)
        rule_fault(f, i, axis, "the lower bound %g is not under the upper bound %g", min, max);
}

static bool known(const ProtobufCEnumDescriptor *d, int value)
{
    return value != 0 && protobuf_c_enum_descriptor_get_value(d, value);
}

static void check_result(struct faults *f, size_t i, const RoutingRule *r)
{
    if (!known(&LeadCategory_descriptor, (int)r->category))
        rule_fault(f, i, "category", "must be set");
    if (!known(&Priority_descriptor, (int)r->priority))
        rule_fault(f, i, "priority", "must be set");
    if (!known(&AgentType_descriptor, (int)r->destination))
        rule_fault(f, i, "destination", "must be set");
    if (strlen(r->reason) > LABEL_MAX)
        rule_fault(f, i, "reason", "holds more than %d bytes", LABEL_MAX);
}

static void check_filter(struct faults *f, size_t i, const RoutingRule *r)
{
    const struct filter *compiled;
    struct status s = filter_parse(f->arena, "filter", str_of(r->filter), &route_filter_schema, &compiled);
    if (!is_ok(s))
        rule_fault(f, i, "filter", "%s", s.violations ? s.violations->description : s.message);
}

static void check_rule(struct faults *f, const RoutingPolicy *p, size_t i)
{
    const RoutingRule *r = p->rules[i];
    if (!id_valid(str_of(r->id)))
        rule_fault(f, i, "id", ID_RULE);
    for (size_t k = 0; k < i; k++)
        if (strcmp(p->rules[k]->id, r->id) == 0) {
            rule_fault(f, i, "id", "rules[%zu] has the same id", k);
            break;
        }
    check_interval(f, i, "min_fit", r->min_fit, r->max_fit);
    check_interval(f, i, "min_engagement", r->min_engagement, r->max_engagement);
    check_filter(f, i, r);
    check_result(f, i, r);
}

/* ---- All rules together ---- */

/* The plane of both scores, cut at every bound of every rule: inside a cell all points meet the same rules.
 */
struct plane {
    double fit[CUTS_MAX],
        engagement[CUTS_MAX]; /* ascending; a cell goes from a cut to the next, the last one has no end */
    size_t n_fit, n_engagement;
    bool covered[CUTS_MAX][CUTS_MAX];
};

static void add_cut(double *cuts, size_t *n, double x)
{
    size_t i = 0;
    while (i < *n && cuts[i] < x)
        i++;
    if (i < *n && cuts[i] == x)
        return;
    memmove(cuts + i + 1, cuts + i, (*n - i) * sizeof *cuts);
    cuts[i] = x;
    ++*n;
}

static void cut(struct plane *pl, const RoutingPolicy *p)
{
    add_cut(pl->fit, &pl->n_fit, 0);
    add_cut(pl->engagement, &pl->n_engagement, 0);
    for (size_t i = 0; i < p->n_rules; i++) {
        const RoutingRule *r = p->rules[i];
        add_cut(pl->fit, &pl->n_fit, r->min_fit);
        add_cut(pl->fit, &pl->n_fit, r->max_fit);
        add_cut(pl->engagement, &pl->n_engagement, r->min_engagement);
        add_cut(pl->engagement, &pl->n_engagement, r->max_engagement);
    }
}

static bool within(double x, double min, double max)
{
    return x >= min && (max == 0 || x < max);
}

/* Marks the rule's cells as covered where it has no filter. True where one of them was not covered before. */
static bool cover(struct plane *pl, const RoutingRule *r)
{
    bool fresh = false, all = str_trim(str_of(r->filter)).n == 0;
    for (size_t i = 0; i < pl->n_fit; i++)
        for (size_t k = 0; k < pl->n_engagement; k++)
            if (within(pl->fit[i], r->min_fit, r->max_fit) &&
                within(pl->engagement[k], r->min_engagement, r->max_engagement)) {
                fresh |= !pl->covered[i][k];
                pl->covered[i][k] |= all;
            }
    return fresh;
}

/* Needs sound intervals. */
static void check_coverage(struct faults *f, const RoutingPolicy *p)
{
    struct plane *pl = ARENA_NEW(f->arena, struct plane);
    if (!pl)
        return; /* the sticky mark of the arena says so */
    cut(pl, p);
    for (size_t i = 0; i < p->n_rules; i++)
        if (!cover(pl, p->rules[i]))
            rule_fault(f, i, "", "is never reached: the rules before it take all that it matches");
    const RoutingRule *last = p->rules[p->n_rules - 1];
    if (last->min_fit > 0 || last->max_fit > 0 || last->min_engagement > 0 || last->max_engagement > 0 ||
        str_trim(str_of(last->filter)).n)
        rule_fault(f, p->n_rules - 1, "", "the last rule must match everything: no bounds and no filter");
}

static void check_policy(struct faults *f, const RoutingPolicy *p)
{
    if (strlen(p->display_name) > LABEL_MAX)
        fault(f, "display_name", "holds more than %d bytes", LABEL_MAX);
    if (p->confidence_threshold != 0 && !(p->confidence_threshold >= 0.5 && p->confidence_threshold <= 1))
        fault(f, "confidence_threshold", "must be from 0.5 to 1, or 0 for 0.8");
    if (p->conformal_level != 0 && p->conformal_level != 0.9 && p->conformal_level != 0.95)
        fault(f, "conformal_level", "must be 0.9 or 0.95, or 0 for 0.9");
    if (p->n_rules < 1 || p->n_rules > ROUTE_RULES_MAX)
        fault(f, "rules", "must be 1 to %d", ROUTE_RULES_MAX);
}

struct status route_check(struct arena *a, const RoutingPolicy *p, const char *field)
{
    struct faults f = { a, field, NULL, NULL };
    f.end = &f.first;
    check_policy(&f, p);
    bool countable = p->n_rules >= 1 && p->n_rules <= ROUTE_RULES_MAX;
    for (size_t i = 0; countable && i < p->n_rules; i++)
        check_rule(&f, p, i);
    if (countable && !f.first)
        check_coverage(&f, p);
    if (a->overflow)
        return fail_memory();
    if (!f.first)
        return ok();
    struct status s = fail(a, REASON_POLICY_INVALID, "%s: %s", f.first->field, f.first->description);
    s.violations = f.first;
    return s;
}
