// Every handler in memory that is too small: budgets rise until it passes. Each one before fails cleanly and
// leaves nothing in the store, and nothing half in service.
#include "tests/unit/agents/model/trained.h"
#include "tests/unit/agents/triage/cases.h"

namespace
{

using namespace harness;

class Memory : public testing::Test
{
  protected:
    static const Key &signer()
    {
        static const Key key;
        return key;
    }
    static const std::string &model()
    {
        static const std::string bytes = trained_model(1, 2.0, &signer());
        return bytes;
    }

    // Runs the handler on a copy of the request (which lies outside of the budget) with ever more memory.
    template <class Req, class Res>
    void walk(struct status (*handler)(ctx *, const Req *, Res *), const Req &req,
              const ProtobufCMessageDescriptor *answers)
    {
        int64_t before = stored();
        struct arena outside, a;
        arena_init(&outside, 64 << 20);
        for (size_t budget = 0;; budget += budget < 4096 ? 32 : budget / 32) {
            ASSERT_LT(budget, size_t(64) << 20);
            arena_reset(&outside);
            arena_init(&a, budget);
            str bytes = pb_pack(&outside, &req);
            auto *copy = static_cast<Req *>(pb_unpack(&outside, req.base.descriptor, bytes));
            auto *res = static_cast<Res *>(pb_new(&outside, answers));
            struct status s = house.attempt([&](ctx *c) { return handler(c, copy, res); }, &a, 0);
            arena_done(&a);
            if (s.code == CODE_OK)
                break;
            ASSERT_EQ(s.reason, REASON_REQUEST_TOO_LARGE) << budget << ": " << s.message;
            failures++;
        }
        arena_done(&outside);
        after = stored() - before;
        EXPECT_GT(failures, 5);
    }

    int64_t stored()
    {
        int64_t n = 0;
        for (const char *sql : { "SELECT COUNT(*) FROM lead WHERE workspace = $1",
                                 "SELECT COUNT(*) FROM decision WHERE workspace = $1",
                                 "SELECT COUNT(*) FROM event WHERE workspace = $1",
                                 "SELECT COUNT(*) FROM routing_policy WHERE workspace = $1",
                                 "SELECT COUNT(*) FROM active_version WHERE workspace = $1" })
            n += house.count(sql);
        return n;
    }

    ScoringHouse house{ &signer() };
    Arena memory;
    int failures = 0;
    int64_t after = 0; // rows more than before the walk
};

TEST_F(Memory, TriageLead)
{
    ASSERT_TRUE(house.import(model(), "m", "one", true).ok_());
    TriageLeadRequest req = TRIAGE_LEAD_REQUEST_INIT;
    req.lead = ScoringHouse::lead(memory, { { "visits", "3" }, { "plan", "team" }, { "company", "Example" } },
                                  "ann@example.com");
    req.explain = true;
    walk(triage_lead, req, &TriageLeadResponse_descriptor);
    EXPECT_EQ(after, 4); // lead, decision, two events
}

TEST_F(Memory, BatchTriageLeads)
{
    BatchTriageLeadsRequest req = BATCH_TRIAGE_LEADS_REQUEST_INIT;
    Lead *rows[] = { ScoringHouse::lead(memory, { { "x", "3" } }, "ann@example.com"),
                     ScoringHouse::lead(memory, { { "x", "4" } }, "ann@example.com"),
                     ScoringHouse::lead(memory, { { "x", "3" } }, "not an email") };
    req.leads = rows;
    req.n_leads = 3;
    walk(batch_triage_leads, req, &BatchTriageLeadsResponse_descriptor);
    EXPECT_EQ(after, 1 + 2 + 4);
}

TEST_F(Memory, ScoreLead)
{
    ScoreLeadRequest req = SCORE_LEAD_REQUEST_INIT;
    req.lead = ScoringHouse::lead(memory, { { "x", "3" }, { "company", "Example" } }, "ann@example.com");
    req.explain = true;
    walk(score_lead, req, &ScoreLeadResponse_descriptor);
    EXPECT_EQ(after, 0);
}

TEST_F(Memory, ReadingDecisions)
{
    ASSERT_TRUE(house.import(model(), "m", "one", true).ok_());
    auto made = house.triage({ { "visits", "15" }, { "plan", "team" } }, "ann@example.com");
    ASSERT_TRUE(made.ok_());
    GetDecisionRequest get = GET_DECISION_REQUEST_INIT;
    get.name = made->decision->name;
    walk(get_decision, get, &Decision_descriptor);
    ListDecisionsRequest list = LIST_DECISIONS_REQUEST_INIT;
    list.filter = memory.text("fit.probability > 0");
    list.lead = made->lead;
    walk(list_decisions, list, &ListDecisionsResponse_descriptor);
    ReplayDecisionRequest replay = REPLAY_DECISION_REQUEST_INIT;
    replay.name = made->decision->name;
    walk(replay_decision, replay, &ReplayDecisionResponse_descriptor);
    ExplainDecisionRequest explain = EXPLAIN_DECISION_REQUEST_INIT;
    explain.name = made->decision->name;
    walk(explain_decision, explain, &ExplainDecisionResponse_descriptor);
    EXPECT_EQ(after, 0);
}

TEST_F(Memory, OverrideDecision)
{
    auto made = house.triage({ { "x", "15" } }, "ann@example.com");
    OverrideDecisionRequest req = OVERRIDE_DECISION_REQUEST_INIT;
    req.name = made->decision->name;
    req.category = LEAD_CATEGORY_COLD_LEAD;
    req.justification = memory.text("She called us.");
    walk(override_decision, req, &Decision_descriptor);
    EXPECT_EQ(after, 2); // decision and event
}

TEST_F(Memory, RoutingPolicies)
{
    house.triage({ { "x", "15" } }, "ann@example.com");
    CreateRoutingPolicyRequest create = CREATE_ROUTING_POLICY_REQUEST_INIT;
    Rule rule;
    rule.id = "some";
    rule.filter = "attributes.x > 10 AND NOT source = demo";
    create.routing_policy_id = memory.text("sales");
    create.routing_policy = policy_of(memory, { rule, Rule() });
    walk(create_routing_policy, create, &RoutingPolicy_descriptor);
    EXPECT_EQ(after, 2); // policy, event
    TestRoutingPolicyRequest tried = TEST_ROUTING_POLICY_REQUEST_INIT;
    tried.routing_policy = create.routing_policy;
    tried.segment_field = memory.text("x");
    walk(test_routing_policy, tried, &TestRoutingPolicyResponse_descriptor);
    PublishRoutingPolicyRequest publish = PUBLISH_ROUTING_POLICY_REQUEST_INIT;
    publish.name = memory.text("routingPolicies/sales");
    walk(publish_routing_policy, publish, &RoutingPolicy_descriptor);
    EXPECT_EQ(after, 2); // what is in service, event
    GetRoutingPolicyRequest get = GET_ROUTING_POLICY_REQUEST_INIT;
    get.name = publish.name;
    walk(get_routing_policy, get, &RoutingPolicy_descriptor);
    ListRoutingPoliciesRequest list = LIST_ROUTING_POLICIES_REQUEST_INIT;
    list.page_size = 1;
    walk(list_routing_policies, list, &ListRoutingPoliciesResponse_descriptor);
    RollbackRoutingPolicyRequest rollback = ROLLBACK_ROUTING_POLICY_REQUEST_INIT;
    walk(rollback_routing_policy, rollback, &RoutingPolicy_descriptor);
    EXPECT_EQ(after, 1); // event
}

} // namespace
