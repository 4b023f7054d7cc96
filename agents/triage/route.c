#include "agents/triage/route.h"
#include "agents/triage/fields.h"
#include "agents/triage/route_check.h"

#include <math.h>

#define COMPILED_MAX (1024u * 1024)
#define DEFAULT_THRESHOLD 0.8

/* What rule filters may name: the inputs of a decision, so that a decision can be replayed. */
static const struct filter_field fields[] = {
    { "source", FILTER_TEXT, 0, NULL, NULL },    { "country", FILTER_TEXT, 0, NULL, NULL },
    { "company", FILTER_TEXT, 0, NULL, NULL },   { "job_title", FILTER_TEXT, 0, NULL, NULL },
    { "time_zone", FILTER_TEXT, 0, NULL, NULL }, { "email_domain", FILTER_TEXT, 0, NULL, NULL },
    { "has_phone", FILTER_TEXT, 0, NULL, NULL }, { "attributes.", FILTER_LOOSE, 0, NULL, NULL },
};

const struct filter_schema route_filter_schema = { fields, COUNT(fields) };

static struct filter_value lookup(void *arg, const struct filter_field *field, struct str rest)
{
    const struct route_case *c = arg;
    return filter_text(field_text(c->fields, c->n, rest.n ? rest : str_of(field->name)));
}

static bool matches(const struct route_rule *r, const struct route_case *c)
{
    return c->fit >= r->min_fit && c->fit < r->max_fit && c->engagement >= r->min_engagement &&
           c->engagement < r->max_engagement && (!r->filter || filter_match(r->filter, lookup, (void *)c));
}

static Decision__AbstainCause abstain(const struct route_policy *p, const struct route_case *c)
{
    if (c->prior && !p->abstain_on_prior)
        return DECISION__ABSTAIN_CAUSE_UNSPECIFIED;
    if (c->in0 && c->in1)
        return DECISION__ABSTAIN_CAUSE_BOTH_OUTCOMES_POSSIBLE;
    if (!c->in0 && !c->in1)
        return DECISION__ABSTAIN_CAUSE_UNLIKE_TRAINING_DATA;
    if (MAX(c->fit, 1 - c->fit) < p->confidence_threshold)
        return DECISION__ABSTAIN_CAUSE_LOW_CONFIDENCE;
    return DECISION__ABSTAIN_CAUSE_UNSPECIFIED;
}

void route_choose(const struct route_policy *p, const struct route_case *c, struct route *ret)
{
    size_t i = 0;
    while (i + 1 < p->n && !matches(&p->rules[i], c))
        i++;
    ret->rule = &p->rules[i];
    ret->abstain = abstain(p, c);
}

const char *route_abstain_reason(Decision__AbstainCause cause)
{
    switch (cause) {
    case DECISION__ABSTAIN_CAUSE_BOTH_OUTCOMES_POSSIBLE:
        return "Both outcomes are possible at the policy's level: a person decides.";
    case DECISION__ABSTAIN_CAUSE_UNLIKE_TRAINING_DATA:
        return "The lead is unlike anything learnt from: a person decides.";
    case DECISION__ABSTAIN_CAUSE_LOW_CONFIDENCE:
        return "The likelier outcome is less probable than the policy asks for: a person decides.";
    default:
        return "";
    }
}

/* ---- Compiling ---- */

static double upper(double given)
{
    return given > 0 ? given : (double)INFINITY;
}

static struct status compile_rule(struct route_policy *p, const RoutingRule *from, struct route_rule *to)
{
    to->min_fit = from->min_fit;
    to->max_fit = upper(from->max_fit);
    to->min_engagement = from->min_engagement;
    to->max_engagement = upper(from->max_engagement);
    to->category = from->category;
    to->priority = from->priority;
    to->destination = from->destination;
    to->id = arena_dup(&p->arena, str_of(from->id));
    to->reason = arena_dup(&p->arena, str_of(from->reason));
    TRY(filter_parse(&p->arena, "filter", str_of(from->filter), &route_filter_schema, &to->filter));
    if (filter_is_empty(to->filter))
        to->filter = NULL;
    return to->id && to->reason ? ok() : fail_memory();
}

static struct status compile(struct route_policy *p, const RoutingPolicy *from)
{
    p->name = arena_dup(&p->arena, str_of(from->name));
    p->version = from->version;
    p->confidence_threshold = from->confidence_threshold > 0 ? from->confidence_threshold : DEFAULT_THRESHOLD;
    p->level_95 = from->conformal_level == 0.95;
    p->abstain_on_prior = from->abstain_on_prior;
    p->n = from->n_rules;
    p->rules = ARENA_ARRAY(&p->arena, from->n_rules, struct route_rule);
    if (!p->name || !p->rules)
        return fail_memory();
    for (size_t i = 0; i < p->n; i++)
        TRY(compile_rule(p, from->rules[i], &p->rules[i]));
    return ok();
}

struct status route_compile(struct arena *errors, const RoutingPolicy *from, const char *field,
                            struct route_policy **ret)
{
    TRY(route_check(errors, from, field));
    struct arena arena;
    arena_init(&arena, COMPILED_MAX);
    struct route_policy *p = ARENA_NEW(&arena, struct route_policy);
    if (!p)
        return fail_memory();
    p->arena = arena; /* from here on the arena lives inside itself */
    struct status s = compile(p, from);
    if (!is_ok(s)) {
        route_free(p);
        return fail_memory(); /* everything else was found by route_check */
    }
    *ret = p;
    return ok();
}

void route_free(struct route_policy *p)
{
    if (!p)
        return;
    struct arena arena = p->arena;
    arena_done(&arena);
}

/* ---- The built-in policy ---- */

static const struct builtin_rule {
    const char *id;
    double min_fit, min_engagement;
    LeadCategory category;
    Priority priority;
    AgentType destination;
    const char *reason;
} builtin[] = {
    { "hot", 0.5, 0.5, LEAD_CATEGORY_CAMPAIGN_QUALIFIED, PRIORITY_URGENT, AGENT_TYPE_ENGAGE,
      "Likely to convert and active now." },
    { "qualified", 0.5, 0, LEAD_CATEGORY_CAMPAIGN_QUALIFIED, PRIORITY_HIGH, AGENT_TYPE_ENGAGE,
      "Likely to convert." },
    { "warming", 0.2, 0.5, LEAD_CATEGORY_CAMPAIGN_QUALIFIED, PRIORITY_MEDIUM, AGENT_TYPE_ENGAGE,
      "May convert and is active now." },
    { "inquiry", 0.2, 0, LEAD_CATEGORY_GENERAL_INQUIRY, PRIORITY_MEDIUM, AGENT_TYPE_ENGAGE,
      "May convert; not active now." },
    { "curious", 0, 0.5, LEAD_CATEGORY_GENERAL_INQUIRY, PRIORITY_LOW, AGENT_TYPE_ENGAGE,
      "Unlikely to convert, but active now." },
    { "cold", 0, 0, LEAD_CATEGORY_COLD_LEAD, PRIORITY_LOW, AGENT_TYPE_MEMORY,
      "Unlikely to convert and not active." },
};

RoutingPolicy *route_builtin(struct arena *a, double confidence_threshold)
{
    RoutingPolicy *p = PB_NEW(a, RoutingPolicy);
    if (!p || !(p->rules = ARENA_ARRAY(a, COUNT(builtin), RoutingRule *)))
        return NULL;
    p->name = (char *)ROUTE_BUILTIN;
    p->display_name = (char *)"Built-in policy";
    p->confidence_threshold = confidence_threshold;
    p->conformal_level = 0.9;
    for (; p->n_rules < COUNT(builtin); p->n_rules++) {
        const struct builtin_rule *from = &builtin[p->n_rules];
        RoutingRule *r = PB_NEW(a, RoutingRule);
        if (!r)
            return NULL;
        r->id = (char *)from->id;
        r->min_fit = from->min_fit;
        r->min_engagement = from->min_engagement;
        r->category = from->category;
        r->priority = from->priority;
        r->destination = from->destination;
        r->reason = (char *)from->reason;
        p->rules[p->n_rules] = r;
    }
    return p;
}
