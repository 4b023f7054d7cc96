// The core and the prior scorecard: same inputs, same bits; contributions add up.
#include "tests/unit/agents/triage/cases.h"

#include "agents/record/times.h"
#include "agents/triage/prior.h"
#include "base/clock.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

namespace
{

const struct scorer scorecard = { nullptr, "", SCORECARD_VERSION };

class Core
{
  public:
    Core()
    {
        EXPECT_TRUE(is_ok(route_compile(arena, route_builtin(arena, 0.8), "p", &policy)));
    }
    ~Core()
    {
        route_free(policy);
    }
    Decision *operator()(const Fields &fields, const EngagementState *engagement = nullptr, int64_t now = 0)
    {
        kept = fields_of(fields);
        struct decide_inputs in = { kept.data(), kept.size(), engagement, now };
        struct decide_with with = { &scorecard, &engagement_axis_prior, policy, "test" };
        Decision *d = nullptr;
        EXPECT_TRUE(is_ok(decide(arena, &in, &with, &d)));
        return d;
    }
    Arena arena;
    struct route_policy *policy = nullptr;
    std::vector<struct field> kept;
};

TEST(PriorScorecard, RowsGiveTheirPoints)
{
    const struct {
        Fields fields;
        double points; // beside those of an unknown lead without an email
    } table[] = {
        { {}, 0 },
        { { { "company", "Example Ltd" } }, 0.3 },
        { { { "country", "AT" } }, 0.1 },
        { { { "email_domain", "example.com" } }, 1.1 },
        { { { "email_domain", "GMail.com" } }, 0.3 },
        { { { "email_domain", "  " } }, 0 },
        { { { "has_phone", "true" } }, 0.4 },
        { { { "has_phone", "false" } }, 0 },
        { { { "job_title", "VP of Sales" } }, 0.7 },
        { { { "job_title", "Student, former CEO" } }, -0.7 },
        { { { "job_title", "Product Manager" } }, 0.3 },
        { { { "job_title", "vpn engineer" } }, 0 },
        { { { "source", "purchased list" } }, -0.8 },
        { { { "source", "demo_request" } }, 0.8 },
        { { { "source", "Webinar 2026" } }, 0.3 },
        { { { "anything", "else" } }, 0 },
    };
    struct prior_score nothing;
    prior_score(nullptr, 0, &nothing);
    EXPECT_DOUBLE_EQ(nothing.margin, -1.9);
    for (const auto &t : table) {
        std::vector<struct field> f = fields_of(t.fields);
        struct prior_score s;
        prior_score(f.data(), f.size(), &s);
        EXPECT_NEAR(s.margin - nothing.margin, t.points, 1e-12)
            << (t.fields.empty() ? "nothing" : t.fields.begin()->first + "=" + t.fields.begin()->second);
        EXPECT_DOUBLE_EQ(s.probability, 1 / (1 + std::exp(-s.margin)));
    }
}

TEST(PriorScorecard, ExamplesEarnTheirRowsPoints)
{
    const char *field, *value;
    double points;
    size_t rows = 0;
    for (; prior_example(rows, &field, &value, &points); rows++) {
        std::vector<struct field> f = { { str_of(field), str_of(value) } };
        struct prior_score s;
        prior_score(f.data(), 1, &s);
        bool found = false;
        for (size_t i = 0; i < s.n; i++)
            if (std::string(s.parts[i].field) == field) {
                EXPECT_EQ(s.parts[i].points, points) << field << "=" << value;
                found = true;
            }
        EXPECT_TRUE(found) << field;
    }
    EXPECT_EQ(rows, 12u);
}

// Leads made of the words that the scorecard knows, and of others.
Fields random_lead(std::mt19937 &r)
{
    static const char *const values[][5] = {
        { "company", "", "Example Ltd", "Other", "x" },
        { "country", "", "AT", "US", "DE" },
        { "email_domain", "", "gmail.com", "example.com", "web.de" },
        { "has_phone", "", "true", "false", "1" },
        { "job_title", "", "CEO", "Student", "Sales Manager" },
        { "source", "", "purchased list", "demo", "webinar" },
        { "zz_other", "", "1", "2", "3" },
    };
    Fields f;
    for (const auto &v : values)
        if (r() % 4)
            f[v[0]] = v[1 + r() % 4];
    return f;
}

TEST(PriorScorecard, ContributionsAddUpToTheMarginExactly)
{
    std::mt19937 random(11);
    for (int i = 0; i < 1000; i++) {
        Arena a;
        Fields lead = random_lead(random);
        std::vector<struct field> f = fields_of(lead);
        struct decide_inputs in = { f.data(), f.size(), nullptr, 0 };
        struct reasons why;
        struct prior_score s;
        ASSERT_TRUE(is_ok(decide_reasons(a, &in, &scorecard, &why)));
        prior_score(f.data(), f.size(), &s);
        double sum = why.base;
        for (size_t k = 0; k < why.n; k++) {
            sum += why.parts[k]->contribution;
            EXPECT_TRUE(k == 0 ||
                        std::fabs(why.parts[k - 1]->contribution) >= std::fabs(why.parts[k]->contribution));
        }
        EXPECT_EQ(why.n, 6u);
        EXPECT_NEAR(sum, s.margin, 1e-12);
    }
}

TEST(Decide, MarksThePriorAndRoutesByRulesAlone)
{
    Core decide_on;
    Decision *d = decide_on({ { "company", "Example" },
                              { "email_domain", "example.com" },
                              { "has_phone", "true" },
                              { "job_title", "CEO" },
                              { "source", "demo" } });
    EXPECT_EQ(d->kind, DECISION__KIND_TRIAGE);
    EXPECT_EQ(d->fit->source, FIT_SCORE__SOURCE_PRIOR_SCORECARD);
    EXPECT_STREQ(d->fit->model_version, "");
    EXPECT_STREQ(d->fit->model_digest, SCORECARD_VERSION);
    EXPECT_TRUE(d->fit->set_has_negative && d->fit->set_has_positive);
    EXPECT_FALSE(d->abstained);
    EXPECT_STREQ(d->rule_id, "qualified");
    EXPECT_EQ(d->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(d->destination, AGENT_TYPE_ENGAGE);
    EXPECT_STREQ(d->routing_policy, ROUTE_BUILTIN);
    EXPECT_EQ(d->routing_policy_version, 0);
    EXPECT_EQ(d->engagement->half_life_days, 7);
    EXPECT_EQ(decide_on({})->category, LEAD_CATEGORY_COLD_LEAD);
}

TEST(Decide, EngagementDecaysByItsHalfLife)
{
    Core decide_on;
    EngagementState state = ENGAGEMENT_STATE_INIT;
    state.value = 8;
    state.as_of_time = time_message(decide_on.arena, 100 * US_PER_DAY);
    EXPECT_DOUBLE_EQ(decide_on({}, &state, 100 * US_PER_DAY)->engagement->value, 8);
    EXPECT_DOUBLE_EQ(decide_on({}, &state, 107 * US_PER_DAY)->engagement->value, 4);
    EXPECT_DOUBLE_EQ(decide_on({}, &state, 121 * US_PER_DAY)->engagement->value, 1);
    // An event that lies ahead does not count more than once it has come.
    EXPECT_DOUBLE_EQ(decide_on({}, &state, 99 * US_PER_DAY)->engagement->value, 8);
    EXPECT_DOUBLE_EQ(decide_on({})->engagement->value, 0);
    EXPECT_GT(decide_on({}, &state, 100 * US_PER_DAY)->engagement->score, 0.5);
    EXPECT_LT(decide_on({})->engagement->score, 0.5);
}

TEST(Decide, KeptInputsGiveTheSameBits)
{
    Core decide_on;
    std::mt19937 random(5);
    for (int i = 0; i < 1000; i++) {
        Arena a;
        EngagementState state = ENGAGEMENT_STATE_INIT;
        state.value = (random() % 1000) / 37.0;
        state.as_of_time = time_message(a, random());
        Fields lead = random_lead(random);
        std::vector<struct field> f = fields_of(lead);
        struct decide_inputs in = { f.data(), f.size(), &state, static_cast<int64_t>(random()) * 1000 };
        Decision *d = nullptr;
        struct decide_with with = { &scorecard, &engagement_axis_prior, decide_on.policy, "test" };
        ASSERT_TRUE(is_ok(decide(a, &in, &with, &d)));
        DecisionInputs *kept = nullptr;
        ASSERT_TRUE(is_ok(decide_inputs_keep(a, &in, &kept)));
        std::reverse(kept->fields,
                     kept->fields + kept->n_fields); // the order of a map on the wire is nobody's promise
        struct str bytes = pb_pack(a, kept);
        DecisionInputs *read = PB_UNPACK(a, DecisionInputs, bytes);
        ASSERT_NE(read, nullptr);
        struct decide_inputs again;
        Decision *second = nullptr;
        ASSERT_TRUE(is_ok(decide_inputs_kept(a, read, &again)));
        ASSERT_TRUE(is_ok(decide(a, &again, &with, &second)));
        struct str one = pb_pack(a, d), two = pb_pack(a, second);
        ASSERT_TRUE(str_eq(one, two));
    }
}

TEST(Decide, RefusesCleanlyWhenMemoryIsOut)
{
    Core decide_on;
    Fields lead = { { "company", "Example" }, { "source", "demo" } };
    std::vector<struct field> f = fields_of(lead);
    struct decide_inputs in = { f.data(), f.size(), nullptr, 0 };
    struct decide_with with = { &scorecard, &engagement_axis_prior, decide_on.policy, "test" };
    size_t budget = 0;
    for (;; budget += 16) {
        Arena a(budget);
        Decision *d = nullptr;
        DecisionInputs *kept = nullptr;
        struct status s = decide(a, &in, &with, &d);
        if (is_ok(s))
            s = decide_inputs_keep(a, &in, &kept);
        if (is_ok(s))
            break;
        ASSERT_EQ(s.reason, REASON_REQUEST_TOO_LARGE);
    }
    EXPECT_GT(budget, 100u);
}

} // namespace
