// A thousand decisions made before a model promotion and a policy change replay to the same score bits and
// route.
#include "tests/unit/agents/model/trained.h"
#include "tests/unit/agents/triage/cases.h"

#include <random>

namespace
{

using namespace harness;

const Key &signer()
{
    static const Key key;
    return key;
}

std::map<std::string, std::string> random_lead(std::mt19937 &r)
{
    static const char *const values[][5] = {
        { "visits", "3", "12", "29", "not a number" },
        { "plan", "free", "team", "enterprise", "never seen" },
        { "job_title", "Director", "Student", "Engineer", "CEO" },
        { "company", "Example", "Other", "X", "Y" },
        { "country", "AT", "DE", "US", "FR" },
        { "source", "demo", "purchased list", "webinar", "other" },
        { "extra \xc3\xa4", "1", "2", "3", "4" },
    };
    std::map<std::string, std::string> lead;
    for (const auto &v : values)
        if (r() % 5)
            lead[v[0]] = v[1 + r() % 4];
    return lead;
}

Answer<ReplayDecisionResponse> replay(ScoringHouse &h, const std::string &name)
{
    ReplayDecisionRequest req = REPLAY_DECISION_REQUEST_INIT;
    req.name = const_cast<char *>(name.c_str());
    return h.call(replay_decision, req, &ReplayDecisionResponse_descriptor);
}

std::string differences(const ReplayDecisionResponse *r)
{
    std::string all;
    for (size_t i = 0; i < r->n_differences; i++)
        all += std::string(r->differences[i]) + " ";
    return all;
}

// Decides on n random leads; some of them have been active.
void decide_on(ScoringHouse &h, int n, unsigned seed, std::map<std::string, std::string> *decided)
{
    std::mt19937 random(seed);
    for (int i = 0; i < n; i++) {
        auto answer = h.run<TriageLeadResponse>(
            [&](ctx * c, TriageLeadResponse * res) -> struct status {
                lead_row row;
                Decision *d;
                Lead *given = ScoringHouse::lead(c->arena, random_lead(random), "");
                TRY(lead_check(c, given, "lead"));
                TRY(lead_new(c, given, "", &row));
                if (random() % 2)
                    TRY(lead_engage(c, row.lead, c->now_us - static_cast<int64_t>(random()) * 100,
                                    1 + random() % 9, 7.0 * US_PER_DAY));
                TRY(triage_decide(c, &row, random() % 3 == 0, &d));
                res->decision = d;
                return lead_save(c, &row, REASON_CONFLICT);
            },
            &TriageLeadResponse_descriptor);
        ASSERT_TRUE(answer.ok_()) << answer.message();
        str bytes = pb_pack(answer.memory.get(), answer->decision->fit);
        (*decided)[answer->decision->name] = std::string(bytes.p, bytes.n) + answer->decision->rule_id;
    }
}

void publish(ScoringHouse &h, const std::vector<Rule> &rules, double threshold, double level)
{
    Arena a;
    CreateRoutingPolicyRequest create = CREATE_ROUTING_POLICY_REQUEST_INIT;
    PublishRoutingPolicyRequest req = PUBLISH_ROUTING_POLICY_REQUEST_INIT;
    create.routing_policy_id = const_cast<char *>("tried");
    create.routing_policy = policy_of(a, rules, threshold, level);
    auto made = h.call(create_routing_policy, create, &RoutingPolicy_descriptor);
    ASSERT_TRUE(made.ok_()) << made.message();
    req.name = made->name;
    auto published = h.call(publish_routing_policy, req, &RoutingPolicy_descriptor);
    ASSERT_TRUE(published.ok_()) << published.message();
}

std::vector<Rule> banded(double bound, const char *filter)
{
    Rule high, some, all;
    high.id = "high";
    high.min_fit = bound;
    high.category = LEAD_CATEGORY_CAMPAIGN_QUALIFIED;
    some.id = "some";
    some.filter = filter;
    some.category = LEAD_CATEGORY_GENERAL_INQUIRY;
    return { high, some, all };
}

TEST(ReplayDecision, AThousandDecisionsRepeatToTheBitAfterEverythingChanged)
{
    ScoringHouse h(&signer());
    std::map<std::string, std::string> decided;
    decide_on(h, 250, 1, &decided); // scorecard, built-in policy
    ASSERT_TRUE(h.import(trained_model(1, 2.0, &signer()), "m", "one", true).ok_());
    decide_on(h, 250, 2, &decided);
    publish(h, banded(0.3, "country = AT"), 0.6, 0.95);
    decide_on(h, 250, 3, &decided);
    ASSERT_TRUE(h.import(trained_model(2, 1.5, &signer()), "m", "two").ok_());
    PromoteModelRequest promote = PROMOTE_MODEL_REQUEST_INIT;
    promote.name = const_cast<char *>("models/m/versions/two");
    promote.force = true;
    ASSERT_TRUE(h.call(promote_model, promote, &ModelVersion_descriptor).ok_());
    decide_on(h, 250, 4, &decided);
    publish(h, banded(0.7, "attributes.visits > 10"), 0.9, 0.9);
    h.reopen();
    ASSERT_EQ(decided.size(), 1000u);
    for (const auto &[name, fit_and_rule] : decided) {
        auto r = replay(h, name);
        ASSERT_TRUE(r.ok_()) << r.message();
        EXPECT_TRUE(r->identical) << name << ": " << differences(r.res);
        str bytes = pb_pack(r.memory.get(), r->replayed->fit);
        EXPECT_EQ(std::string(bytes.p, bytes.n) + r->replayed->rule_id, fit_and_rule);
        EXPECT_EQ(r->replayed->name, name);
    }
}

TEST(ReplayDecision, AnOverrideReplaysTheScoresThatThePersonSaw)
{
    ScoringHouse h;
    auto made = h.triage({ { "company", "Example" } }, "ann@example.com");
    OverrideDecisionRequest req = OVERRIDE_DECISION_REQUEST_INIT;
    req.name = made->decision->name;
    req.category = LEAD_CATEGORY_COLD_LEAD;
    req.justification = const_cast<char *>("No budget.");
    auto d = h.call(override_decision, req, &Decision_descriptor);
    ASSERT_TRUE(d.ok_()) << d.message();
    auto r = replay(h, d->name);
    ASSERT_TRUE(r.ok_()) << r.message();
    EXPECT_TRUE(r->identical) << differences(r.res);
    EXPECT_EQ(r->replayed->kind, DECISION__KIND_OVERRIDE);
    EXPECT_EQ(r->replayed->category, LEAD_CATEGORY_COLD_LEAD);
    EXPECT_STREQ(r->replayed->justification, "No budget.");
}

// The check can fail: a stored decision altered behind our back is told from what is computed.
TEST(ReplayDecision, NamesWhatDiffers)
{
    ScoringHouse h;
    auto made = h.triage({ { "company", "Example" } }, "ann@example.com");
    static const stmt alter = {
        "test_alter", "btt",  "", "UPDATE decision SET data = $1 WHERE workspace = $2 AND id = $3",
        nullptr,      nullptr
    };
    auto altered = h.run([&](ctx * c) -> struct status {
        Decision *d;
        TRY(decision_get(c, made->decision->name, &d));
        d->fit->margin = std::nextafter(d->fit->margin, 100);
        d->category = LEAD_CATEGORY_CAMPAIGN_QUALIFIED;
        d->rule_id = const_cast<char *>("other");
        UNIT_ADD(c->unit, &alter, 1, REASON_CONFLICT, v_bytes(pb_pack(c->arena, d)), v_text(c->workspace),
                 v_text(made->decision->name + 10));
        return ok();
    });
    ASSERT_TRUE(altered.ok_()) << altered.message();
    auto r = replay(h, made->decision->name);
    ASSERT_TRUE(r.ok_());
    EXPECT_FALSE(r->identical);
    EXPECT_EQ(differences(r.res), "category rule_id fit.margin ");
    EXPECT_EQ(r->replayed->category, made->decision->category);
}

TEST(ReplayDecision, SaysWhereItIsImpossible)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(trained_model(1, 2.0, &signer()), "m", "one", true).ok_());
    publish(h, banded(0.3, "country = AT"), 0.6, 0.9);
    auto made = h.triage({ { "visits", "12" } });
    ASSERT_TRUE(made.ok_());
    EXPECT_TRUE(replay(h, made->decision->name)->identical);
    static const stmt forget = { "test_forget", "t",    "", "DELETE FROM routing_policy WHERE workspace = $1",
                                 nullptr,       nullptr };
    h.run([&](ctx *c) {
        UNIT_ADD(c->unit, &forget, 1, REASON_CONFLICT, v_text(c->workspace));
        return ok();
    });
    auto policy = replay(h, made->decision->name);
    EXPECT_EQ(policy.reason(), "REPLAY_IMPOSSIBLE");
    EXPECT_NE(policy.message().find("routing policy"), std::string::npos) << policy.message();
    EXPECT_EQ(replay(h, "decisions/none").reason(), "DECISION_NOT_FOUND");
}

TEST(ReplayDecision, AnUntrustedModelIsNotLoadedAgain)
{
    Key other;
    std::string bytes = trained_model(1, 2.0, &signer());
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(bytes, "m", "one", true).ok_());
    auto made = h.triage({ { "visits", "12" } });
    ASSERT_TRUE(made.ok_());
    arena a;
    arena_init(&a, 1 << 20);
    std::string keys = h.directory + "/other-keys";
    std::ofstream(keys) << other.hex() << "\n";
    scoring *before = h.app.scoring;
    ASSERT_EQ(model_trust_open(&h.app, keys.c_str(), false, &a).code, CODE_OK);
    EXPECT_EQ(replay(h, made->decision->name).reason(), "REPLAY_IMPOSSIBLE");
    h.app.scoring = before;
    EXPECT_TRUE(replay(h, made->decision->name)->identical);
    arena_done(&a);
}

} // namespace
