// FitEngagementModel and what is done with it: events and outcomes in, an axis in service.
#include "agents/record/times.h"
#include "tests/unit/agents/model/trained.h"

namespace
{

using namespace harness;

const int64_t start_us = 1700000000 * US_PER_SECOND;

Answer<EngagementModel> fit(ScoringHouse &h, bool validate_only = false)
{
    FitEngagementModelRequest req = FIT_ENGAGEMENT_MODEL_REQUEST_INIT;
    req.validate_only = validate_only;
    return h.call(fit_engagement_model, req, &EngagementModel_descriptor);
}

Answer<EngagementModel> get(ScoringHouse &h)
{
    GetEngagementModelRequest req = GET_ENGAGEMENT_MODEL_REQUEST_INIT;
    return h.call(get_engagement_model, req, &EngagementModel_descriptor);
}

double weight(const EngagementModel *m, const std::string &type)
{
    for (size_t i = 0; i < m->n_weights; i++)
        if (m->weights[i]->key == type)
            return m->weights[i]->value;
    return m->default_weight;
}

// Rows as agents/lead stores them: leads that asked for a demo in the last days convert, page views say
// little.
void live(ScoringHouse &h, int leads)
{
    static const stmt event = {
        "test_event",
        "tttitb",
        "",
        "INSERT INTO lead_event (workspace, event_id, lead_id, event_time, ingest_time, type, data)"
        " VALUES ($1, $2, $3, $4, 0, $5, $6)",
        nullptr,
        nullptr
    };
    static const stmt outcome = {
        "test_outcome",
        "ttib",
        "",
        "INSERT INTO outcome (workspace, id, lead_id, outcome_time, ingest_time, data)"
        " VALUES ($1, $2, $2, $3, 0, $4)",
        nullptr,
        nullptr
    };
    std::mt19937 random(4);
    for (int at = 0; at < leads; at += 100) {
        auto stored = h.run([&](ctx * c) -> struct status {
            for (int i = at; i < at + 100; i++) {
                const char *lead = arena_printf(c->arena, "l%05d", i);
                bool demo = random() % 3 == 0;
                int days = static_cast<int>(random() % 60);
                auto add = [&](const char *type, int age, int n) {
                    UNIT_ADD(c->unit, &event, 1, REASON_CONFLICT, v_text(c->workspace),
                             v_text(arena_printf(c->arena, "%s%s%d", lead, type, n)), v_text(lead),
                             v_int(start_us - age * US_PER_DAY), v_text(type), v_bytes(STR("")));
                };
                if (demo)
                    add("demo_request", days, 0);
                for (unsigned n = random() % 4; n > 0; n--)
                    add("page_view", static_cast<int>(random() % 30), static_cast<int>(n));
                add("demo_request", -3, 9); // after the outcome: says nothing
                Outcome o = OUTCOME_INIT;
                o.converted = random() % 100 < (demo && days < 10 ? 80 : demo && days < 25 ? 40 : 8);
                UNIT_ADD(c->unit, &outcome, 1, REASON_CONFLICT, v_text(c->workspace), v_text(lead),
                         v_int(start_us), v_bytes(pb_pack(c->arena, &o)));
            }
            return ok();
        });
        ASSERT_TRUE(stored.ok_()) << stored.message();
    }
}

TEST(EngagementModel, IsThePriorUntilOneIsFitted)
{
    ScoringHouse h;
    auto prior = get(h);
    ASSERT_TRUE(prior.ok_()) << prior.message();
    EXPECT_EQ(prior->version, 0);
    EXPECT_EQ(prior->half_life_days, 7);
    EXPECT_EQ(weight(prior.res, "demo_request"), 8);
    EXPECT_EQ(weight(prior.res, "unheard_of"), 1);
    EXPECT_EQ(prior->create_time, nullptr);
    auto refused = fit(h);
    EXPECT_EQ(refused.reason(), "DATA_INSUFFICIENT");
    EXPECT_EQ(refused.writes, 0);
}

TEST(EngagementModel, IsLearntFromWhatWasKnownThenAndPutIntoService)
{
    ScoringHouse h;
    live(h, 2000);
    auto tried = fit(h, true);
    ASSERT_TRUE(tried.ok_()) << tried.message();
    EXPECT_EQ(tried.writes, 0);
    EXPECT_EQ(tried->version, 0);
    EXPECT_EQ(get(h)->version, 0);
    auto fitted = fit(h);
    ASSERT_TRUE(fitted.ok_()) << fitted.message();
    EXPECT_EQ(fitted->version, 1);
    EXPECT_EQ(fitted->training_leads, 2000);
    EXPECT_EQ(fitted->half_life_days, tried->half_life_days);
    EXPECT_EQ(fitted->log_loss, tried->log_loss);
    EXPECT_GT(weight(fitted.res, "demo_request"), 5 * weight(fitted.res, "page_view"));
    EXPECT_EQ(weight(fitted.res, "email_click"), 2); // never seen here: the prior's
    EXPECT_GT(fitted->half_life_days, 2);
    EXPECT_LT(fitted->half_life_days, 40);
    EXPECT_LT(fitted->log_loss, 0.52);
    ASSERT_NE(fitted->create_time, nullptr);
    auto read = get(h);
    EXPECT_EQ(read->version, 1);
    EXPECT_EQ(read->slope, fitted->slope);

    auto made = h.triage({ { "x", "1" } }, "ann@example.com");
    ASSERT_TRUE(made.ok_()) << made.message();
    EXPECT_EQ(made->decision->engagement->engagement_model_version, 1);
    EXPECT_EQ(made->decision->engagement->half_life_days, fitted->half_life_days);
    EXPECT_EQ(fit(h)->version, 2);
    ReplayDecisionRequest req = REPLAY_DECISION_REQUEST_INIT;
    req.name = made->decision->name;
    auto again = h.call(replay_decision, req, &ReplayDecisionResponse_descriptor);
    ASSERT_TRUE(again.ok_()) << again.message();
    EXPECT_TRUE(again->identical);
    h.workspace = "other";
    EXPECT_EQ(get(h)->version, 0);
    EXPECT_EQ(fit(h).reason(), "DATA_INSUFFICIENT");
}

TEST(EngagementModel, ALeadIsJudgedAsOfItsLastDecisionBeforeTheOutcome)
{
    ScoringHouse h;
    live(h, 2000);
    // Every lead was decided on 100 days before its outcome: nothing that it did counts.
    static const stmt early = {
        "test_decision",
        "it",
        "",
        "INSERT INTO decision (workspace, id, lead_id, create_time, kind, route, data)"
        " SELECT workspace, id, lead_id, outcome_time - $1, 1, 1, data FROM outcome WHERE workspace = $2",
        nullptr,
        nullptr
    };
    h.run([&](ctx *c) {
        UNIT_ADD(c->unit, &early, -1, REASON_CONFLICT, v_int(100 * US_PER_DAY), v_text(c->workspace));
        return ok();
    });
    auto blind = fit(h, true);
    ASSERT_TRUE(blind.ok_()) << blind.message();
    EXPECT_EQ(blind->training_leads, 2000);
    EXPECT_EQ(weight(blind.res, "demo_request"), 8); // the prior's: no event was left to learn from
}

} // namespace
