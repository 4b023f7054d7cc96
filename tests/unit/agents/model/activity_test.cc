// How activity fades, learnt: from leads made by a known law the law comes back.
#include "ml/activity.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <vector>

namespace
{

struct Law {
    double half_life, intercept, slope;
    std::vector<double> weights;
};

struct Past {
    std::vector<activity_event> events;
    std::vector<uint8_t> converted;

    activity_data data(const std::vector<double> &prior) const
    {
        return {
            events.data(), events.size(), converted.data(), converted.size(), prior.data(), prior.size()
        };
    }
};

double value(const Past &p, uint32_t lead, const std::vector<double> &weights, double half_life)
{
    double v = 0;
    for (const activity_event &e : p.events)
        if (e.lead == lead)
            v += weights[e.type] * std::exp2(-e.age_days / half_life);
    return v;
}

double score(double intercept, double slope, double v)
{
    return 1 / (1 + std::exp(-(intercept + slope * std::log1p(v))));
}

Past made_by(const Law &law, unsigned seed, uint32_t leads)
{
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> unit(0, 1);
    Past p;
    for (uint32_t lead = 0; lead < leads; lead++) {
        std::vector<activity_event> mine;
        for (int n = static_cast<int>(random() % 12); n > 0; n--)
            mine.push_back({ lead, static_cast<uint32_t>(random() % law.weights.size()), 60 * unit(random) });
        std::sort(mine.begin(), mine.end(), [](const auto &a, const auto &b) { return a.type < b.type; });
        double v = 0;
        for (const activity_event &e : mine)
            v += law.weights[e.type] * std::exp2(-e.age_days / law.half_life);
        p.events.insert(p.events.end(), mine.begin(), mine.end());
        p.converted.push_back(unit(random) < score(law.intercept, law.slope, v));
    }
    return p;
}

class Memory
{
  public:
    Memory()
    {
        arena_init(&a_, 64 << 20);
    }
    ~Memory()
    {
        arena_done(&a_);
    }
    operator arena *()
    {
        return &a_;
    }

  private:
    arena a_;
};

TEST(Activity, TheLawComesBack)
{
    for (double half_life : { 2.0, 10.0, 40.0 }) {
        Memory m;
        const Law law = { half_life, -2.0, 1.5, { 1.0, 0.2, 4.0 } };
        Past p = made_by(law, 7, 12000);
        const std::vector<double> prior = { 1, 1, 1 };
        activity_data d = p.data(prior);
        activity_fit f;
        ASSERT_EQ(activity_learn(&d, m, &f).code, CODE_OK);
        EXPECT_GT(f.half_life_days, half_life * 0.7) << half_life;
        EXPECT_LT(f.half_life_days, half_life * 1.45) << half_life;
        EXPECT_GT(f.weights[2], 2.5 * f.weights[0]);
        EXPECT_LT(f.weights[1], 0.6 * f.weights[0]);
        double worst = 0;
        for (uint32_t lead = 0; lead < 200; lead++) {
            double is = score(f.intercept, f.slope,
                              value(p, lead, { f.weights[0], f.weights[1], f.weights[2] }, f.half_life_days));
            double was = score(law.intercept, law.slope, value(p, lead, law.weights, half_life));
            worst = std::max(worst, std::fabs(is - was));
        }
        EXPECT_LT(worst, 0.08) << half_life;
    }
}

TEST(Activity, ItsLossIsThatOfItsScoresAndBetterThanThePriors)
{
    Memory m;
    Past p = made_by({ 5, -1, 2, { 3.0, 0.1 } }, 3, 3000);
    const std::vector<double> prior = { 1, 1 };
    activity_data d = p.data(prior);
    activity_fit f;
    ASSERT_EQ(activity_learn(&d, m, &f).code, CODE_OK);
    double own = 0, by_prior = 0;
    for (uint32_t lead = 0; lead < p.converted.size(); lead++) {
        double q =
            score(f.intercept, f.slope, value(p, lead, { f.weights[0], f.weights[1] }, f.half_life_days));
        double r = score(-2, 1.5, value(p, lead, prior, 7));
        own -= std::log(p.converted[lead] ? q : 1 - q);
        by_prior -= std::log(p.converted[lead] ? r : 1 - r);
    }
    EXPECT_NEAR(f.log_loss, own / p.converted.size(), 1e-9);
    EXPECT_LT(own, by_prior * 0.97);
}

TEST(Activity, DoingMoreNeverScoresLower)
{
    Memory m;
    Past p = made_by({ 5, 1, 0, { 1, 1 } }, 5, 2000);
    std::mt19937 random(1);
    // Leads that do much convert less.
    for (uint32_t lead = 0, at = 0; lead < p.converted.size(); lead++) {
        size_t n = 0;
        for (; at < p.events.size() && p.events[at].lead == lead; at++)
            n++;
        p.converted[lead] = random() % 10 < (n > 5 ? 2u : 7u);
    }
    const std::vector<double> prior = { 1, 1 };
    activity_data d = p.data(prior);
    activity_fit f;
    ASSERT_EQ(activity_learn(&d, m, &f).code, CODE_OK);
    EXPECT_GE(f.slope, 0);
    EXPECT_GE(f.weights[0], 0);
    EXPECT_GE(f.weights[1], 0);
    EXPECT_TRUE(std::isfinite(f.intercept) && std::isfinite(f.log_loss));
}

TEST(Activity, FewRowsChangeLittleAndTooFewAreRefused)
{
    Memory m;
    const std::vector<double> prior = { 2.0, 0.5 };
    Past p = made_by({ 7, -1, 1.5, prior }, 9, 400);
    for (activity_event &e : p.events)
        e.type = 0; // nothing is known of the other type
    activity_data d = p.data(prior);
    activity_fit f;
    ASSERT_EQ(activity_learn(&d, m, &f).code, CODE_OK);
    EXPECT_NEAR(f.weights[1], 0.5, 1e-6);
    d.n_leads = 0;
    for (uint32_t positives = 0; d.n_leads < p.converted.size() && positives < 49; d.n_leads++)
        positives += p.converted[d.n_leads];
    d.n_events = 0;
    EXPECT_EQ(activity_learn(&d, m, &f).reason, REASON_DATA_INSUFFICIENT);
    d.n_leads = 0;
    EXPECT_EQ(activity_learn(&d, m, &f).reason, REASON_DATA_INSUFFICIENT);
}

TEST(Activity, LeadsWithoutEventsAreLearntFromToo)
{
    Memory m;
    Past p;
    for (int i = 0; i < 1000; i++)
        p.converted.push_back(i % 4 == 0);
    const std::vector<double> prior = { 1 };
    activity_data d = p.data(prior);
    activity_fit f;
    ASSERT_EQ(activity_learn(&d, m, &f).code, CODE_OK);
    EXPECT_NEAR(score(f.intercept, f.slope, 0), 0.25, 1e-6);
}

} // namespace
