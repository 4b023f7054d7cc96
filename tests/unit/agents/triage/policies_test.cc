// Routing policies: created, listed, published, rolled back, tried on the past.
#include "tests/unit/agents/model/trained.h"
#include "tests/unit/agents/triage/cases.h"

namespace
{

using namespace harness;

Rule rule(const char *id, double min_fit, LeadCategory category)
{
    Rule r;
    r.id = id;
    r.min_fit = min_fit;
    r.category = category;
    return r;
}

const std::vector<Rule> all_cold = { rule("cold", 0, LEAD_CATEGORY_COLD_LEAD) };
const std::vector<Rule> all_hot = { rule("hot", 0, LEAD_CATEGORY_CAMPAIGN_QUALIFIED) };

Answer<RoutingPolicy> create(ScoringHouse &h, const char *id, const std::vector<Rule> &rules,
                             bool validate_only = false)
{
    Arena a;
    CreateRoutingPolicyRequest req = CREATE_ROUTING_POLICY_REQUEST_INIT;
    req.routing_policy_id = const_cast<char *>(id);
    req.routing_policy = policy_of(a, rules);
    req.validate_only = validate_only;
    return h.call(create_routing_policy, req, &RoutingPolicy_descriptor);
}

Answer<RoutingPolicy> get(ScoringHouse &h, const char *name, int64_t version = 0)
{
    GetRoutingPolicyRequest req = GET_ROUTING_POLICY_REQUEST_INIT;
    req.name = const_cast<char *>(name);
    req.version = version;
    return h.call(get_routing_policy, req, &RoutingPolicy_descriptor);
}

Answer<RoutingPolicy> publish(ScoringHouse &h, const char *name, int64_t version = 0)
{
    PublishRoutingPolicyRequest req = PUBLISH_ROUTING_POLICY_REQUEST_INIT;
    req.name = const_cast<char *>(name);
    req.version = version;
    return h.call(publish_routing_policy, req, &RoutingPolicy_descriptor);
}

Answer<RoutingPolicy> rollback(ScoringHouse &h)
{
    RollbackRoutingPolicyRequest req = ROLLBACK_ROUTING_POLICY_REQUEST_INIT;
    return h.call(rollback_routing_policy, req, &RoutingPolicy_descriptor);
}

// "name version rule" of a decision made now.
std::string routed_by(ScoringHouse &h)
{
    auto a = h.triage({ { "x", "1" } }, "ann@example.com");
    EXPECT_TRUE(a.ok_()) << a.message();
    return std::string(a->decision->routing_policy) + " " +
           std::to_string(a->decision->routing_policy_version) + " " + a->decision->rule_id;
}

TEST(CreateRoutingPolicy, CountsVersionsAndStoresDrafts)
{
    ScoringHouse h;
    auto first = create(h, "sales", all_cold), second = create(h, "sales", all_hot),
         other = create(h, "other", all_hot);
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_STREQ(first->name, "routingPolicies/sales");
    EXPECT_EQ(first->version, 1);
    EXPECT_EQ(first->state, ROUTING_POLICY__STATE_DRAFT);
    EXPECT_EQ(second->version, 2);
    EXPECT_EQ(other->version, 1);
    auto tried = create(h, "sales", all_hot, true);
    EXPECT_EQ(tried->version, 3);
    EXPECT_EQ(tried.writes, 0);
    auto read = get(h, "routingPolicies/sales", 1);
    ASSERT_TRUE(read.ok_());
    EXPECT_STREQ(read->rules[0]->id, "cold");
    EXPECT_EQ(get(h, "routingPolicies/sales")->version, 2);
    EXPECT_EQ(get(h, "routingPolicies/sales", 3).reason(), "POLICY_NOT_FOUND");
    EXPECT_EQ(get(h, "routingPolicies/none").reason(), "POLICY_NOT_FOUND");
    EXPECT_EQ(get(h, "sales").reason(), "FIELD_INVALID");
    EXPECT_EQ(get(h, "routingPolicies/sales", -1).reason(), "FIELD_OUT_OF_RANGE");
    EXPECT_EQ(routed_by(h), "routingPolicies/default 0 inquiry");
}

TEST(CreateRoutingPolicy, RefusesUnsoundOnesAndBadIds)
{
    ScoringHouse h;
    auto bad = create(h, "sales", { rule("hot", 0.5, LEAD_CATEGORY_CAMPAIGN_QUALIFIED) });
    EXPECT_EQ(bad.reason(), "POLICY_INVALID");
    EXPECT_EQ(bad.fields(), "routing_policy.rules[0]");
    EXPECT_EQ(create(h, "", all_cold).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(create(h, "Sales!", all_cold).reason(), "FIELD_INVALID");
    CreateRoutingPolicyRequest none = CREATE_ROUTING_POLICY_REQUEST_INIT;
    none.routing_policy_id = const_cast<char *>("sales");
    EXPECT_EQ(h.call(create_routing_policy, none, &RoutingPolicy_descriptor).fields(), "routing_policy");
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM routing_policy WHERE workspace = $1"), 0);
}

TEST(CreateRoutingPolicy, TwoAtOnceGetTwoVersions)
{
    ScoringHouse h;
    bool once = false;
    h.before_commit = [&] {
        if (!once) {
            once = true;
            EXPECT_EQ(create(h, "sales", all_cold)->version, 1);
        }
    };
    auto second = create(h, "sales", all_hot);
    h.before_commit = nullptr;
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_EQ(second->version, 2);
    EXPECT_STREQ(get(h, "routingPolicies/sales", 1)->rules[0]->id, "cold");
}

TEST(ListRoutingPolicies, HasTheBuiltInInItsPlace)
{
    ScoringHouse h;
    for (const char *id : { "zebra", "alpha", "default", "alpha" })
        ASSERT_TRUE(create(h, id, all_cold).ok_());
    for (int size : { 1, 2, 3, 5, 50 }) {
        std::string seen, token;
        do {
            ListRoutingPoliciesRequest req = LIST_ROUTING_POLICIES_REQUEST_INIT;
            req.page_size = size;
            req.page_token = token.data();
            auto page = h.call(list_routing_policies, req, &ListRoutingPoliciesResponse_descriptor);
            ASSERT_TRUE(page.ok_()) << page.message();
            for (size_t i = 0; i < page->n_routing_policies; i++)
                seen += std::string(page->routing_policies[i]->name).substr(16) + " " +
                        std::to_string(page->routing_policies[i]->version) + ", ";
            token = page->next_page_token;
        } while (!token.empty());
        EXPECT_EQ(seen, "alpha 1, alpha 2, default 0, default 1, zebra 1, ") << size;
    }
}

TEST(PublishRoutingPolicy, RoutesFromThenOnAndRollsBack)
{
    ScoringHouse h;
    EXPECT_EQ(get(h, "routingPolicies/default")->state, ROUTING_POLICY__STATE_PUBLISHED);
    EXPECT_EQ(rollback(h).reason(), "POLICY_STATE");
    ASSERT_TRUE(create(h, "sales", all_cold).ok_() && create(h, "sales", all_hot).ok_());
    auto newest = publish(h, "routingPolicies/sales");
    ASSERT_TRUE(newest.ok_()) << newest.message();
    EXPECT_EQ(newest->version, 2);
    EXPECT_EQ(newest->state, ROUTING_POLICY__STATE_PUBLISHED);
    EXPECT_EQ(get(h, "routingPolicies/default")->state, ROUTING_POLICY__STATE_RETIRED);
    EXPECT_EQ(routed_by(h), "routingPolicies/sales 2 hot");
    EXPECT_EQ(publish(h, "routingPolicies/sales").writes, 0);
    ASSERT_TRUE(publish(h, "routingPolicies/sales", 1).ok_());
    EXPECT_EQ(routed_by(h), "routingPolicies/sales 1 cold");
    EXPECT_EQ(get(h, "routingPolicies/sales")->version, 1); // the one in service, not the newest
    EXPECT_EQ(get(h, "routingPolicies/sales", 2)->state, ROUTING_POLICY__STATE_RETIRED);
    auto back = rollback(h);
    ASSERT_TRUE(back.ok_()) << back.message();
    EXPECT_EQ(back->version, 2);
    EXPECT_EQ(routed_by(h), "routingPolicies/sales 2 hot");
    EXPECT_EQ(get(h, "routingPolicies/sales", 1)->state, ROUTING_POLICY__STATE_RETIRED);
    EXPECT_EQ(rollback(h)->version, 0);
    EXPECT_EQ(routed_by(h), "routingPolicies/default 0 inquiry");
    EXPECT_EQ(get(h, "routingPolicies/sales", 2)->state, ROUTING_POLICY__STATE_RETIRED);
    EXPECT_EQ(publish(h, "routingPolicies/none").reason(), "POLICY_NOT_FOUND");
    EXPECT_EQ(publish(h, "routingPolicies/sales", 9).reason(), "POLICY_NOT_FOUND");
    EXPECT_EQ(publish(h, "routingPolicies/sales", -1).reason(), "POLICY_NOT_FOUND");
}

// ---- Trying a policy on the past ----

Answer<TestRoutingPolicyResponse> try_policy(ScoringHouse &h, const std::vector<Rule> &rules,
                                             const char *segment = "", int sample = 0)
{
    Arena a;
    TestRoutingPolicyRequest req = TEST_ROUTING_POLICY_REQUEST_INIT;
    req.routing_policy = policy_of(a, rules);
    req.segment_field = const_cast<char *>(segment);
    req.sample_size = sample;
    return h.call(test_routing_policy, req, &TestRoutingPolicyResponse_descriptor);
}

TEST(TestRoutingPolicy, CountsWhoWouldMoveInAllAndPerSegment)
{
    ScoringHouse h;
    const char *const sources[] = { "demo", "purchased list", "" };
    std::map<std::string, int> then;
    for (int i = 0; i < 30; i++) {
        auto a = h.triage({ { "source", sources[i % 3] }, { "company", "Example" }, { "job_title", "CEO" } },
                          ("l" + std::to_string(i) + "@example.com").c_str());
        ASSERT_TRUE(a.ok_());
        then[std::string(sources[i % 3]) + std::to_string(a->decision->category)]++;
    }
    auto moves = try_policy(h, all_cold, "source");
    ASSERT_TRUE(moves.ok_()) << moves.message();
    EXPECT_EQ(moves.writes, 0);
    EXPECT_EQ(moves->sample_count, 30);
    EXPECT_EQ(moves->moved_count, 30); // none of them is cold by the built-in policy
    int total = 0, demo = 0;
    for (size_t i = 0; i < moves->n_moves; i++) {
        const RoutingMove *m = moves->moves[i];
        EXPECT_EQ(m->to_category, LEAD_CATEGORY_COLD_LEAD);
        EXPECT_FALSE(m->to_abstained || m->from_abstained);
        total += *m->segment ? 0 : m->count;
        demo += std::string(m->segment) == "demo" ? m->count : 0;
        std::string key = std::string(m->segment) + std::to_string(m->from_category);
        EXPECT_TRUE(!*m->segment || m->count == then[key]) << m->segment;
    }
    EXPECT_EQ(total, 30);
    EXPECT_EQ(demo, 10);
    EXPECT_STREQ(moves->moves[0]->segment, "");
    EXPECT_EQ(try_policy(h, all_cold, "", 7)->sample_count, 7);
    EXPECT_EQ(try_policy(h, all_cold, "", 7)->n_moves, try_policy(h, all_cold, "absent", 7)->n_moves);
    EXPECT_EQ(try_policy(h, { rule("x", 0.5, LEAD_CATEGORY_COLD_LEAD) }).reason(), "POLICY_INVALID");
    EXPECT_EQ(try_policy(h, all_cold, "", 10001).fields(), "sample_size");
    EXPECT_EQ(try_policy(h, all_cold, "", -1).fields(), "sample_size");
}

TEST(TestRoutingPolicy, ThePolicyInForceMovesNobody)
{
    static const Key key;
    ScoringHouse h(&key);
    ASSERT_TRUE(h.import(trained_model(1, 2.0, &key), "m", "one", true).ok_());
    for (int i = 0; i < 300; i++)
        ASSERT_TRUE(
            h.triage({ { "visits", std::to_string(i % 30) }, { "plan", i % 2 ? "team" : "enterprise" } })
                .ok_());
    Arena a;
    TestRoutingPolicyRequest req = TEST_ROUTING_POLICY_REQUEST_INIT;
    req.routing_policy = route_builtin(a, 0.8);
    auto same = h.call(test_routing_policy, req, &TestRoutingPolicyResponse_descriptor);
    ASSERT_TRUE(same.ok_()) << same.message();
    EXPECT_EQ(same->sample_count, 300);
    EXPECT_EQ(same->moved_count, 0);
    // A wider conformal level can only add outcomes to the sets: more or equal persons are asked for this
    // cause.
    req.routing_policy->conformal_level = 0.95;
    auto wider = h.call(test_routing_policy, req, &TestRoutingPolicyResponse_descriptor);
    ASSERT_TRUE(wider.ok_());
    int asked = 0, asked_before = 0;
    for (size_t i = 0; i < wider->n_moves; i++) {
        asked += wider->moves[i]->to_abstained ? wider->moves[i]->count : 0;
        asked_before += wider->moves[i]->from_abstained ? wider->moves[i]->count : 0;
    }
    EXPECT_GT(asked_before, 0);
    EXPECT_GE(asked, asked_before);
}

} // namespace
