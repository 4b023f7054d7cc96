// Small makers shared by the tests of agents/triage.
#ifndef TESTS_UNIT_AGENTS_TRIAGE_CASES_H
#define TESTS_UNIT_AGENTS_TRIAGE_CASES_H

#include "agents/triage/decide.h"
#include "base/pb.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

// An arena that lives as long as the test.
class Arena
{
  public:
    explicit Arena(size_t budget = 64 << 20)
    {
        arena_init(&arena_, budget);
    }
    ~Arena()
    {
        arena_done(&arena_);
    }
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    operator struct arena *()
    {
        return &arena_;
    }
    char *text(const std::string &s)
    {
        return arena_dup(&arena_, str_make(s.data(), s.size()));
    }

  private:
    struct arena arena_;
};

using Fields = std::map<std::string, std::string>;

// Sorted by name, as lead_fields gives them; the texts are the map's.
inline std::vector<struct field> fields_of(const Fields &from)
{
    std::vector<struct field> to;
    for (const auto &[name, text] : from)
        to.push_back({ str_make(name.data(), name.size()), str_make(text.data(), text.size()) });
    return to;
}

struct Rule {
    std::string id = "all";
    double min_fit = 0, max_fit = 0, min_engagement = 0, max_engagement = 0;
    std::string filter;
    LeadCategory category = LEAD_CATEGORY_COLD_LEAD;
    Priority priority = PRIORITY_LOW;
    AgentType destination = AGENT_TYPE_MEMORY;
};

inline RoutingPolicy *policy_of(Arena &a, const std::vector<Rule> &rules, double threshold = 0,
                                double level = 0)
{
    RoutingPolicy *p = PB_NEW(a, RoutingPolicy);
    p->name = a.text("routingPolicies/tried");
    p->version = 7;
    p->confidence_threshold = threshold;
    p->conformal_level = level;
    p->rules = ARENA_ARRAY(a, rules.size() + 1, RoutingRule *);
    for (const Rule &from : rules) {
        RoutingRule *r = PB_NEW(a, RoutingRule);
        r->id = a.text(from.id);
        r->min_fit = from.min_fit;
        r->max_fit = from.max_fit;
        r->min_engagement = from.min_engagement;
        r->max_engagement = from.max_engagement;
        r->filter = a.text(from.filter);
        r->category = from.category;
        r->priority = from.priority;
        r->destination = from.destination;
        p->rules[p->n_rules++] = r;
    }
    return p;
}

#endif
