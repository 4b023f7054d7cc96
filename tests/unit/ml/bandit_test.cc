#include "ml/bandit.h"

#include <cmath>
#include <functional>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "base/ids.h"

namespace
{

const uint32_t VALUES = 3;

double uniform(uint64_t i)
{
    return (double)(mix64(i) >> 11) * 0x1p-53;
}

double normal(uint64_t i)
{
    return std::sqrt(-2 * std::log(1 - uniform(2 * i))) * std::cos(6.283185307179586 * uniform(2 * i + 1));
}

double logistic(double e)
{
    return 1 / (1 + std::exp(-e));
}

struct Memory {
    struct arena a;
    Memory()
    {
        arena_init(&a, 64u << 20);
    }
    ~Memory()
    {
        arena_done(&a);
    }
    bandit_level *level(double spread = 1, uint32_t n = VALUES)
    {
        bandit_level *l = bandit_level_new(&a, n, spread);
        EXPECT_NE(l, nullptr);
        return l;
    }
};

bandit_context context(const std::vector<double> &x)
{
    bandit_context c;
    EXPECT_TRUE(bandit_context_make(x.data(), (uint32_t)x.size(), &c));
    return c;
}

struct bandit_context any_context(uint64_t i)
{
    return context({ normal(i * 3), normal(i * 3 + 1), normal(i * 3 + 2) });
}

std::string bytes(const bandit_level *l)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    bandit_level_write(l, &b);
    std::string s(b.p, b.n);
    buf_done(&b);
    return s;
}

struct Choice {
    std::vector<double> propensity;
    size_t chosen;
};

Choice choose(Memory &m, const std::vector<bandit_guess> &guesses, const std::vector<bandit_option> &options,
              double explore, uint64_t seed)
{
    Choice c{ std::vector<double>(options.size()), 0 };
    EXPECT_TRUE(is_ok(bandit_choose(guesses.data(), guesses.size(), options.data(), options.size(), explore,
                                    seed, &m.a, c.propensity.data(), &c.chosen)));
    return c;
}

const std::vector<bandit_guess> FOUR = { { -1, .8 }, { -1.2, 1.5 }, { -2, .3 }, { -.9, .4 } };
const std::vector<bandit_option> ALONE = { { { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 }, { { 3 }, 1 } };

TEST(BanditChoose, PropensitiesAreADistributionAboveTheFloor)
{
    Memory m;
    for (uint64_t seed = 0; seed < 200; seed++) {
        Choice c = choose(m, FOUR, ALONE, 0.04, seed);
        double sum = 0;
        for (double p : c.propensity) {
            EXPECT_GE(p, 0.01);
            sum += p;
        }
        EXPECT_NEAR(sum, 1, 1e-12);
        EXPECT_LT(c.chosen, ALONE.size());
    }
}

TEST(BanditChoose, OptionsAreChosenAsOftenAsTheirPropensitiesSay)
{
    Memory m;
    std::vector<double> expected(4), spread(4), seen(4);
    for (uint64_t seed = 0; seed < 20000; seed++) {
        Choice c = choose(m, FOUR, ALONE, 0.04, seed);
        for (size_t i = 0; i < 4; i++) {
            expected[i] += c.propensity[i];
            spread[i] += c.propensity[i] * (1 - c.propensity[i]);
        }
        seen[c.chosen]++;
        arena_reset(&m.a);
    }
    double chi_square = 0;
    for (size_t i = 0; i < 4; i++) {
        EXPECT_NEAR(seen[i], expected[i], 4 * std::sqrt(spread[i])) << i;
        chi_square += (seen[i] - expected[i]) * (seen[i] - expected[i]) / expected[i];
    }
    EXPECT_LT(chi_square, 16.27); // 3 degrees of freedom, 0.1 %
}

TEST(BanditChoose, PropensitiesAreHowOftenADrawIsBest)
{
    Memory m;
    // The better of two normals with half the deviations: P(a > b) = Phi(difference / deviation of it).
    double exact = 0.5 * std::erfc(-(0.3 / (0.5 * std::hypot(0.6, 0.8))) / std::sqrt(2));
    double sum = 0;
    const int seeds = 2000;
    for (uint64_t seed = 0; seed < seeds; seed++)
        sum += choose(m, { { 0.3, 0.6 }, { 0, 0.8 } }, { { { 0 }, 1 }, { { 1 }, 1 } }, 0, seed).propensity[0];
    EXPECT_NEAR(sum / seeds, exact, 4 * std::sqrt(exact * (1 - exact) / seeds / BANDIT_DRAWS));
}

TEST(BanditChoose, ALevelThatAllOptionsShareDecidesNothing)
{
    Memory m;
    std::vector<bandit_guess> guesses = { { 0.2, 0.5 }, { 0, 0.5 }, { -3, 2 } };
    for (uint64_t seed = 0; seed < 50; seed++) {
        Choice shared = choose(m, guesses, { { { 0, 2 }, 2 }, { { 1, 2 }, 2 } }, 0, seed);
        Choice without = choose(m, guesses, { { { 0 }, 1 }, { { 1 }, 1 } }, 0, seed);
        EXPECT_NEAR(shared.propensity[0], without.propensity[0], 0.5 / BANDIT_DRAWS);
    }
}

TEST(BanditChoose, TheSameSeedGivesTheSameBits)
{
    Memory m;
    bool differs = false;
    Choice first = choose(m, FOUR, ALONE, 0.02, 0);
    for (uint64_t seed = 0; seed < 100; seed++) {
        Choice a = choose(m, FOUR, ALONE, 0.02, seed), b = choose(m, FOUR, ALONE, 0.02, seed);
        EXPECT_EQ(memcmp(a.propensity.data(), b.propensity.data(), 4 * sizeof(double)), 0);
        EXPECT_EQ(a.chosen, b.chosen);
        differs |= a.propensity != first.propensity;
    }
    EXPECT_TRUE(differs);
}

TEST(BanditChoose, OneOptionIsCertain)
{
    Memory m;
    Choice c = choose(m, { { 0, 1 } }, { { { 0 }, 1 } }, 0.02, 7);
    EXPECT_EQ(c.propensity[0], 1);
    EXPECT_EQ(c.chosen, 0u);
}

TEST(BanditLearn, OneRewardMovesALevelToTheModeOfItsPosterior)
{
    Memory m;
    bandit_level *l = m.level(2);
    struct bandit_context x = context({ 0.5, -1.5, 2 });
    ASSERT_TRUE(bandit_learn(&l, 1, &x, 1));
    double e = 0;
    for (uint32_t i = 0; i < x.n; i++)
        e += l->mean[i] * x.z[i];
    // The gradient of prior and likelihood is zero: mean / variance = z * (1 - p).
    for (uint32_t i = 0; i < x.n; i++) {
        double variance = i && (i - 1) % 3 ? 1 : 2;
        EXPECT_NEAR(l->mean[i], variance * x.z[i] * (1 - logistic(e)), 1e-9) << i;
    }
    EXPECT_EQ(l->trials, 1u);
    EXPECT_EQ(l->reward, 1);
}

TEST(BanditLearn, PrecisionGrowsByTheCurvatureAlongTheContext)
{
    Memory m;
    bandit_level *l = m.level();
    std::vector<std::vector<double>> precision(10, std::vector<double>(10));
    for (size_t i = 0; i < 10; i++)
        precision[i][i] = i && (i - 1) % 3 ? 2 : 1;
    for (uint64_t t = 0; t < 200; t++) {
        struct bandit_context x = any_context(t);
        ASSERT_TRUE(bandit_learn(&l, 1, &x, uniform(t + 99) < 0.3));
        double p = logistic(bandit_level_guess(l, &x).mean);
        for (size_t i = 0; i < 10; i++)
            for (size_t k = 0; k < 10; k++)
                precision[i][k] += p * (1 - p) * x.z[i] * x.z[k];
    }
    for (size_t i = 0; i < 10; i++)
        for (size_t k = 0; k <= i; k++) {
            double sum = 0;
            for (size_t j = 0; j <= k; j++)
                sum += l->root[i * (i + 1) / 2 + j] * l->root[k * (k + 1) / 2 + j];
            EXPECT_NEAR(sum, precision[i][k], 1e-9 * (1 + std::fabs(precision[i][k]))) << i << "," << k;
        }
}

TEST(BanditLearn, LevelsShareTheNewsByTheirUncertainty)
{
    Memory m;
    bandit_level *levels[] = { m.level(4, 0), m.level(1, 0) };
    struct bandit_context x = context({});
    ASSERT_TRUE(bandit_learn(levels, 2, &x, 1));
    EXPECT_NEAR(levels[0]->mean[0], 4 * levels[1]->mean[0], 1e-12);
    // Marginals of the joint posterior: v - v^2 h / (1 + h * (4 + 1)).
    double p = logistic(levels[0]->mean[0] + levels[1]->mean[0]), h = p * (1 - p);
    double wide = bandit_level_guess(levels[0], &x).deviation,
           narrow = bandit_level_guess(levels[1], &x).deviation;
    EXPECT_NEAR(wide * wide, 4 - 16 * h / (1 + 5 * h), 1e-12);
    EXPECT_NEAR(narrow * narrow, 1 - 1 * h / (1 + 5 * h), 1e-12);
}

TEST(BanditLearn, LateRewardsTeachTheSame)
{
    Memory m;
    bandit_level *in_order = m.level(), *backwards = m.level();
    const uint64_t n = 2000;
    for (uint64_t t = 0; t < n; t++) {
        struct bandit_context a = any_context(t), b = any_context(n - 1 - t);
        auto reward = [](uint64_t i) {
            return uniform(i + 5000) < logistic(normal(i * 3) - 1.5) ? 1.0 : 0.0;
        };
        ASSERT_TRUE(bandit_learn(&in_order, 1, &a, reward(t)));
        ASSERT_TRUE(bandit_learn(&backwards, 1, &b, reward(n - 1 - t)));
    }
    for (uint64_t t = 0; t < 20; t++) {
        struct bandit_context x = any_context(t + n);
        struct bandit_guess a = bandit_level_guess(in_order, &x), b = bandit_level_guess(backwards, &x);
        EXPECT_NEAR(a.mean, b.mean, a.deviation) << t;
        EXPECT_NEAR(a.deviation, b.deviation, 0.2 * a.deviation) << t;
    }
}

// What an option made of four levels, as the chooser's are, makes of 3,000 rewards of which every tenth is 1;
// of each thousand those that are `first` first.
double estimate(const std::function<bool(bool reward)> &first)
{
    Memory m;
    bandit_level *levels[] = { m.level(), m.level(), m.level(), m.level() };
    for (int thousand = 0; thousand < 3; thousand++)
        for (bool turn : { true, false })
            for (int i = 0; i < 1000; i++) {
                bool reward = i % 10 == 0;
                if (first(reward) != turn)
                    continue;
                bandit_context x = any_context(uint64_t(thousand * 1000 + i));
                EXPECT_TRUE(bandit_learn(levels, COUNT(levels), &x, reward));
            }
    bandit_context zero = context({ 0, 0, 0 });
    double odds = 0;
    for (bandit_level *l : levels)
        odds += bandit_level_guess(l, &zero).mean;
    return logistic(odds);
}

// Why nothing may be learnt earlier for being an answer.
TEST(BanditLearn, RewardsThatAreSortedMislead)
{
    EXPECT_NEAR(estimate([](bool) { return true; }), 0.1, 0.02);
    EXPECT_LT(estimate([](bool reward) { return reward; }), 0.05);
    EXPECT_GT(estimate([](bool reward) { return !reward; }), 0.3);
}

TEST(BanditLearn, StaysFiniteWhateverIsRewarded)
{
    Memory m;
    bandit_level *l = m.level(100);
    struct bandit_context far = context({ 1e300, -INFINITY, INFINITY });
    for (int t = 0; t < 20000; t++)
        ASSERT_TRUE(bandit_learn(&l, 1, &far, 1));
    struct bandit_guess g = bandit_level_guess(l, &far);
    EXPECT_GT(g.mean, 5);
    EXPECT_LT(g.mean, 20);
    EXPECT_GT(g.deviation, 0);
    EXPECT_LT(g.deviation, 10);
    EXPECT_NE(bandit_level_read(&m.a, str_make(bytes(l).data(), bytes(l).size())), nullptr);
}

TEST(BanditLearn, RefusesWhatIsNoReward)
{
    Memory m;
    bandit_level *l = m.level();
    std::string before = bytes(l);
    struct bandit_context x = any_context(1);
    for (double reward : { -0.001, 1.001, std::nan(""), (double)INFINITY })
        EXPECT_FALSE(bandit_learn(&l, 1, &x, reward)) << reward;
    EXPECT_EQ(bytes(l), before);
}

TEST(BanditContext, RefusesWhatIsNoNumber)
{
    const double x[] = { 0, std::nan("") };
    struct bandit_context c;
    EXPECT_FALSE(bandit_context_make(x, 2, &c));
    EXPECT_TRUE(bandit_context_make(x, 1, &c));
}

TEST(BanditContext, BendsAndEnds)
{
    struct bandit_context c = context({ 3, 9, -2 });
    const double expected[] = { 1, 3, 4, 2, 4, 5, 3, -2, 0, 0 };
    ASSERT_EQ(c.n, 10u);
    for (size_t i = 0; i < c.n; i++)
        EXPECT_EQ(c.z[i], expected[i]) << i;
}

TEST(BanditBytes, ALevelGoesOnWhereItWas)
{
    Memory m;
    bandit_level *l = m.level();
    for (uint64_t t = 0; t < 100; t++) {
        struct bandit_context x = any_context(t);
        ASSERT_TRUE(bandit_learn(&l, 1, &x, uniform(t) < 0.2));
        std::string kept = bytes(l);
        bandit_level *read = bandit_level_read(&m.a, str_make(kept.data(), kept.size()));
        ASSERT_NE(read, nullptr);
        EXPECT_EQ(bytes(read), kept);
        l = read;
    }
    EXPECT_EQ(l->trials, 100u);
}

TEST(BanditBytes, WhatIsNoLevelIsRefused)
{
    Memory m;
    std::string good = bytes(m.level());
    for (size_t n = 0; n < good.size(); n++)
        EXPECT_EQ(bandit_level_read(&m.a, str_make(good.data(), n)), nullptr) << n;
    std::string longer = good + '\0', other = good, large = good, zero = good, nan = good;
    other[0] = 2;
    large[4] = BANDIT_CONTEXT_MAX + 1;
    double none = 0, not_a_number = std::numeric_limits<double>::quiet_NaN();
    zero.replace(good.size() - 8, 8, (const char *)&none, 8); // the last of the diagonal
    nan.replace(24, 8, (const char *)&not_a_number, 8);
    for (const std::string &bad : { longer, other, large, zero, nan })
        EXPECT_EQ(bandit_level_read(&m.a, str_make(bad.data(), bad.size())), nullptr);
}

// Four arms, each good for others; the last depends on its value's size, not its sign.
double truth(size_t arm, const struct bandit_context &x)
{
    double e = arm < 3 ? 1.2 * x.z[1 + 3 * arm] : 1.5 * std::fabs(x.z[1]) - 1.5;
    return logistic(e - 1.5);
}

double regret(bool learns)
{
    Memory m;
    bandit_level *arms[] = { m.level(), m.level(), m.level(), m.level() };
    struct arena_mark start = arena_mark(&m.a);
    double sum = 0;
    for (uint64_t t = 0; t < 4000; t++) {
        struct bandit_context x = any_context(t);
        std::vector<bandit_guess> guesses;
        for (bandit_level *l : arms)
            guesses.push_back(bandit_level_guess(l, &x));
        size_t arm = learns ? choose(m, guesses, ALONE, 0.02, t).chosen : mix64(t + 77) % 4;
        double best = 0;
        for (size_t a = 0; a < 4; a++)
            best = std::max(best, truth(a, x));
        sum += best - truth(arm, x);
        EXPECT_TRUE(bandit_learn(&arms[arm], 1, &x, uniform(t + 1000000) < truth(arm, x)));
        arena_rewind(&m.a, start);
    }
    return sum;
}

TEST(Bandit, LosesFarLessThanChance)
{
    double learning = regret(true), chance = regret(false);
    EXPECT_LT(learning, 0.25 * chance) << learning << " of " << chance;
}

} // namespace
