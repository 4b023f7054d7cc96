// Policies: what is refused and why, which rule matches, when a person is asked.
#include "tests/unit/agents/triage/cases.h"

#include <cmath>
#include <gtest/gtest.h>

namespace
{

std::string violations(const struct status &s)
{
    std::string all;
    for (const struct violation *v = s.violations; v; v = v->next)
        all += std::string(v->field) + ": " + v->description + "\n";
    return all;
}

Rule rule(const char *id, double min_fit = 0, double max_fit = 0, double min_engagement = 0,
          double max_engagement = 0, const char *filter = "")
{
    Rule r;
    r.id = id;
    r.min_fit = min_fit;
    r.max_fit = max_fit;
    r.min_engagement = min_engagement;
    r.max_engagement = max_engagement;
    r.filter = filter;
    return r;
}

struct Refused {
    const char *what;
    std::vector<Rule> rules;
    double threshold, level;
    const char *expected; // a piece of the violations
};

Rule without(const char *part)
{
    Rule r;
    if (std::string(part) == "category")
        r.category = LEAD_CATEGORY_UNSPECIFIED;
    if (std::string(part) == "priority")
        r.priority = PRIORITY_UNSPECIFIED;
    if (std::string(part) == "destination")
        r.destination = static_cast<AgentType>(99);
    return r;
}

// Faults of one rule or of the policy's own parts.
std::vector<Refused> faulty_parts()
{
    const double nan = std::nan("");
    return {
        { "no rules", {}, 0, 0, "p.rules: must be 1 to 64" },
        { "65 rules", std::vector<Rule>(65), 0, 0, "p.rules: must be 1 to 64" },
        { "threshold under a half",
          { rule("all") },
          0.4,
          0,
          "p.confidence_threshold: must be from 0.5 to 1" },
        { "threshold over 1", { rule("all") }, 1.1, 0, "p.confidence_threshold" },
        { "threshold not a number", { rule("all") }, nan, 0, "p.confidence_threshold" },
        { "another level", { rule("all") }, 0, 0.8, "p.conformal_level: must be 0.9 or 0.95" },
        { "id of another form", { rule("All!") }, 0, 0, "p.rules[0].id: must be 1 to 63" },
        { "empty id", { rule("") }, 0, 0, "p.rules[0].id" },
        { "id used twice", { rule("a", 0.5), rule("a") }, 0, 0, "p.rules[1].id: rules[0] has the same id" },
        { "bound over 1",
          { rule("a", 1.5), rule("b") },
          0,
          0,
          "p.rules[0].min_fit: the bounds must be from 0 to 1" },
        { "bound under 0", { rule("a", 0, 0, -0.1), rule("b") }, 0, 0, "p.rules[0].min_engagement" },
        { "bound not a number", { rule("a", nan), rule("b") }, 0, 0, "p.rules[0].min_fit" },
        { "empty interval",
          { rule("a", 0.5, 0.5), rule("b") },
          0,
          0,
          "the lower bound 0.5 is not under the upper bound 0.5" },
        { "filter that does not parse",
          { rule("a", 0, 0, 0, 0, "source ="), rule("b") },
          0,
          0,
          "p.rules[0].filter" },
        { "filter on what is not an input",
          { rule("a", 0, 0, 0, 0, "email = \"x@y.z\""), rule("b") },
          0,
          0,
          "p.rules[0].filter" },
        { "no category", { without("category") }, 0, 0, "p.rules[0].category: must be set" },
        { "no priority", { without("priority") }, 0, 0, "p.rules[0].priority: must be set" },
        { "unknown destination", { without("destination") }, 0, 0, "p.rules[0].destination: must be set" },
    };
}

// Sound rules that do not make a sound policy.
std::vector<Refused> faulty_wholes()
{
    return {
        { "nothing at the end", { rule("a", 0.5) }, 0, 0, "p.rules[0]: the last rule must match everything" },
        { "a filter at the end",
          { rule("a", 0, 0, 0, 0, "source = x") },
          0,
          0,
          "the last rule must match everything" },
        { "a rule behind the one for all",
          { rule("a"), rule("b", 0.5), rule("c") },
          0,
          0,
          "p.rules[1]: is never reached" },
        { "a rule covered by two others",
          { rule("a", 0, 0.5), rule("b", 0.5), rule("c", 0.4, 0.6, 0.1), rule("d") },
          0,
          0,
          "p.rules[2]: is never reached" },
    };
}

void expect_refused(const std::vector<Refused> &table)
{
    for (const Refused &t : table) {
        Arena a;
        struct route_policy *p = nullptr;
        struct status s = route_compile(a, policy_of(a, t.rules, t.threshold, t.level), "p", &p);
        EXPECT_EQ(s.reason, REASON_POLICY_INVALID) << t.what;
        EXPECT_NE(violations(s).find(t.expected), std::string::npos) << t.what << ":\n" << violations(s);
        EXPECT_EQ(p, nullptr);
    }
}

TEST(RoutePolicy, RefusesEveryFaultByName)
{
    expect_refused(faulty_parts());
    expect_refused(faulty_wholes());
}

TEST(RoutePolicy, NamesAllFaultsAtOnce)
{
    Arena a;
    struct route_policy *p = nullptr;
    Rule bad = rule("A", 2, 0, 0, 0, "((");
    bad.category = LEAD_CATEGORY_UNSPECIFIED;
    struct status s = route_compile(a, policy_of(a, { bad, rule("b") }, 3), "p", &p);
    size_t n = 0;
    for (const struct violation *v = s.violations; v; v = v->next)
        n++;
    EXPECT_EQ(n, 5u) << violations(s);
}

TEST(RoutePolicy, TakesWhatIsSound)
{
    const std::vector<std::vector<Rule>> sound = {
        { rule("all") },
        { rule("a", 0.5), rule("all") },
        { rule("filtered", 0, 0, 0, 0, "source = x"), rule("all") },
        // A rule with a filter covers nothing for those behind it.
        { rule("f", 0, 0, 0, 0, "attributes.age > 30"), rule("b", 0.2), rule("all") },
        // The last rule is still met where the scores are exactly 1.
        { rule("a", 0, 1), rule("all") },
        { rule("a", 0, 0.5, 0, 0.5), rule("b", 0.5, 0, 0.5), rule("c", 0.25, 0.75, 0.25, 0.75), rule("all") },
    };
    for (const auto &rules : sound) {
        Arena a;
        struct route_policy *p = nullptr;
        struct status s = route_compile(a, policy_of(a, rules), "p", &p);
        ASSERT_TRUE(is_ok(s)) << violations(s);
        EXPECT_EQ(p->confidence_threshold, 0.8);
        EXPECT_FALSE(p->level_95);
        route_free(p);
    }
}

class Routed
{
  public:
    explicit Routed(RoutingPolicy *from, Arena &a)
    {
        EXPECT_TRUE(is_ok(route_compile(a, from, "p", &policy_)));
    }
    ~Routed()
    {
        route_free(policy_);
    }
    struct route operator()(double fit, double engagement, const Fields &fields = {}, bool in0 = false,
                            bool in1 = true, bool prior = false)
    {
        std::vector<struct field> f = fields_of(fields);
        struct route_case c = { fit, in0, in1, prior, engagement, f.data(), f.size() };
        struct route r;
        route_choose(policy_, &c, &r);
        return r;
    }
    struct route_policy *policy_ = nullptr;
};

TEST(Route, BuiltInPolicyIsSoundAndHasItsBands)
{
    Arena a;
    Routed route(route_builtin(a, 0.8), a);
    const struct {
        double fit, engagement;
        const char *rule;
        LeadCategory category;
        AgentType destination;
    } table[] = {
        { 0.5, 0.5, "hot", LEAD_CATEGORY_CAMPAIGN_QUALIFIED, AGENT_TYPE_ENGAGE },
        { 0.9, 0.49, "qualified", LEAD_CATEGORY_CAMPAIGN_QUALIFIED, AGENT_TYPE_ENGAGE },
        { 0.49, 0.9, "warming", LEAD_CATEGORY_CAMPAIGN_QUALIFIED, AGENT_TYPE_ENGAGE },
        { 0.2, 0, "inquiry", LEAD_CATEGORY_GENERAL_INQUIRY, AGENT_TYPE_ENGAGE },
        { 0.19, 0.5, "curious", LEAD_CATEGORY_GENERAL_INQUIRY, AGENT_TYPE_ENGAGE },
        { 0.19, 0.49, "cold", LEAD_CATEGORY_COLD_LEAD, AGENT_TYPE_MEMORY },
        { 0, 0, "cold", LEAD_CATEGORY_COLD_LEAD, AGENT_TYPE_MEMORY },
        { 1, 1, "hot", LEAD_CATEGORY_CAMPAIGN_QUALIFIED, AGENT_TYPE_ENGAGE },
    };
    for (const auto &t : table) {
        struct route r = route(t.fit, t.engagement);
        EXPECT_STREQ(r.rule->id, t.rule) << t.fit << " " << t.engagement;
        EXPECT_EQ(r.rule->category, t.category);
        EXPECT_EQ(r.rule->destination, t.destination);
        EXPECT_STRNE(r.rule->reason, "");
    }
}

TEST(Route, BoundsAreHalfOpenAndFiltersSeeFields)
{
    Arena a;
    Routed route(
        policy_of(a, { rule("band", 0.25, 0.75, 0.1, 0.9), rule("vip", 0, 0, 0, 0, "attributes.tier = gold"),
                       rule("at", 0, 0, 0, 0, "country = AT AND has_phone = true"), rule("all") }),
        a);
    EXPECT_STREQ(route(0.25, 0.1).rule->id, "band");
    EXPECT_STREQ(route(0.75, 0.5).rule->id, "all");
    EXPECT_STREQ(route(0.5, 0.9).rule->id, "all");
    EXPECT_STREQ(route(0.9, 0, { { "tier", "gold" } }).rule->id, "vip");
    EXPECT_STREQ(route(0.9, 0, { { "tier", "silver" } }).rule->id, "all");
    EXPECT_STREQ(route(0.9, 0, { { "country", "AT" }, { "has_phone", "true" } }).rule->id, "at");
    EXPECT_STREQ(route(0.9, 0, { { "country", "AT" } }).rule->id, "all");
}

TEST(Route, AsksAPersonWhereTheModelIsUnsure)
{
    Arena a;
    RoutingPolicy *with_prior = policy_of(a, { rule("all") });
    with_prior->abstain_on_prior = true;
    Routed route(policy_of(a, { rule("all") }), a), careful(with_prior, a),
        bold(policy_of(a, { rule("all") }, 0.5), a);
    const Fields none;
    EXPECT_EQ(route(0.9, 0, none, false, true).abstain, DECISION__ABSTAIN_CAUSE_UNSPECIFIED);
    EXPECT_EQ(route(0.05, 0, none, true, false).abstain, DECISION__ABSTAIN_CAUSE_UNSPECIFIED);
    EXPECT_EQ(route(0.9, 0, none, true, true).abstain, DECISION__ABSTAIN_CAUSE_BOTH_OUTCOMES_POSSIBLE);
    EXPECT_EQ(route(0.9, 0, none, false, false).abstain, DECISION__ABSTAIN_CAUSE_UNLIKE_TRAINING_DATA);
    EXPECT_EQ(route(0.79, 0, none, false, true).abstain, DECISION__ABSTAIN_CAUSE_LOW_CONFIDENCE);
    EXPECT_EQ(route(0.8, 0, none, false, true).abstain, DECISION__ABSTAIN_CAUSE_UNSPECIFIED);
    EXPECT_EQ(route(0.21, 0, none, true, false).abstain, DECISION__ABSTAIN_CAUSE_LOW_CONFIDENCE);
    EXPECT_EQ(bold(0.51, 0, none, false, true).abstain, DECISION__ABSTAIN_CAUSE_UNSPECIFIED);
    EXPECT_EQ(route(0.5, 0, none, true, true, true).abstain, DECISION__ABSTAIN_CAUSE_UNSPECIFIED);
    EXPECT_EQ(careful(0.5, 0, none, true, true, true).abstain,
              DECISION__ABSTAIN_CAUSE_BOTH_OUTCOMES_POSSIBLE);
    EXPECT_STREQ(route_abstain_reason(DECISION__ABSTAIN_CAUSE_UNSPECIFIED), "");
    EXPECT_STRNE(route_abstain_reason(DECISION__ABSTAIN_CAUSE_LOW_CONFIDENCE), "");
}

} // namespace
