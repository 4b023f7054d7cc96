#include "ml/stack.h"

#include "tests/unit/ml/fixtures.h"

namespace
{

double uniform(uint64_t i)
{
    return (double)(mix64(i) >> 11) * 0x1p-53;
}

double normal(uint64_t i)
{
    return std::sqrt(-2 * std::log(uniform(2 * i) + 1e-300)) *
           std::cos(6.283185307179586 * uniform(2 * i + 1));
}

// Outcomes from a known margin, and members that see it through noise.
struct Draws {
    size_t n;
    std::vector<double> truth, good, noise, inverted;
    std::vector<float> y, w;
    explicit Draws(size_t rows) : n(rows)
    {
        for (size_t i = 0; i < n; i++) {
            double m = 1.5 * normal(i) - 1;
            truth.push_back(m);
            good.push_back(m + 0.3 * normal(i + 1000000));
            noise.push_back(normal(i + 2000000));
            inverted.push_back(-m + 0.1 * normal(i + 3000000));
            y.push_back(uniform(i + 9000000) < 1 / (1 + std::exp(-m)) ? 1.0f : 0.0f);
            w.push_back(1.0f);
        }
    }
};

TEST(Stack, NeverInvertsAndFindsTheGoodMember)
{
    Draws d(5000);
    const double *z[] = { d.inverted.data(), d.good.data(), d.noise.data() };
    struct stack s;
    stack_fit(z, 3, d.n, d.y.data(), d.w.data(), nullptr, &s);
    EXPECT_DOUBLE_EQ(s.weights[0], 0);
    EXPECT_GT(s.weights[1], 0.6);
    EXPECT_LT(s.weights[2], 0.3);
    std::vector<double> m;
    for (size_t i = 0; i < d.n; i++)
        m.push_back(stack_margin(&s, z, i));
    EXPECT_LT(margin_loss(m.data(), d.n, d.y.data(), d.w.data()),
              margin_loss(d.truth.data(), d.n, d.y.data(), d.w.data()) + 0.02);
}

TEST(Stack, LeavesSkippedRowsOut)
{
    Draws d(4000), half(2000);
    std::vector<uint8_t> skip(4000, 0);
    std::fill(skip.begin() + 2000, skip.end(), 1);
    const double *z[] = { d.good.data(), d.noise.data() },
                 *z_half[] = { half.good.data(), half.noise.data() };
    struct stack a, b;
    stack_fit(z, 2, d.n, d.y.data(), d.w.data(), skip.data(), &a);
    stack_fit(z_half, 2, half.n, half.y.data(), half.w.data(), nullptr, &b);
    EXPECT_DOUBLE_EQ(a.weights[0], b.weights[0]);
    EXPECT_DOUBLE_EQ(a.bias, b.bias);
}

TEST(Calibration, LeavesGoodScoresAlone)
{
    Draws d(5000);
    std::vector<uint8_t> fold;
    for (size_t i = 0; i < d.n; i++)
        fold.push_back((uint8_t)(i % 5));
    struct calibration c;
    calibration_fit(d.truth.data(), d.n, d.y.data(), d.w.data(), fold.data(), 5, &c);
    EXPECT_EQ(c.a, 1);
    EXPECT_EQ(c.b, 1);
    EXPECT_EQ(c.c, 0);
    EXPECT_NEAR(calibration_apply(&c, 0.7), 1 / (1 + std::exp(-0.7)), 1e-12);
}

TEST(Calibration, MendsAndStaysMonotone)
{
    Draws d(5000);
    std::vector<double> wrong;
    std::vector<uint8_t> fold;
    for (size_t i = 0; i < d.n; i++) {
        wrong.push_back(3 * d.truth[i] + 1);
        fold.push_back((uint8_t)(i % 5));
    }
    struct calibration c;
    calibration_fit(wrong.data(), d.n, d.y.data(), d.w.data(), fold.data(), 5, &c);
    double before = 0;
    for (double m = -60; m <= 60; m += 0.5) {
        double p = calibration_apply(&c, m);
        EXPECT_GT(p, 0);
        EXPECT_LT(p, 1);
        EXPECT_GE(p, before);
        before = p;
    }
    EXPECT_NEAR(calibration_apply(&c, 1), 0.5, 0.06); // the true margin there is 0
}

TEST(Calibration, NeverInverts)
{
    Draws d(5000);
    std::vector<uint8_t> fold;
    for (size_t i = 0; i < d.n; i++)
        fold.push_back((uint8_t)(i % 5));
    struct calibration c;
    calibration_fit(d.inverted.data(), d.n, d.y.data(), d.w.data(), fold.data(), 5, &c);
    EXPECT_GE(c.a, 0);
    EXPECT_GE(c.b, 0);
    EXPECT_LE(calibration_apply(&c, -2), calibration_apply(&c, 2));
}

TEST(Conformal, CoversEachClassOnNewRows)
{
    Draws d(40000);
    size_t half = d.n / 2;
    struct conformal t;
    for (double alpha : { 0.10, 0.05 }) {
        ASSERT_OK(conformal_fit(d.good.data(), half, d.y.data(), d.w.data(), alpha, &t));
        double hit[2] = { 0, 0 }, rows[2] = { 0, 0 };
        for (size_t i = half; i < d.n; i++) {
            int y = d.y[i] > 0;
            rows[y]++;
            hit[y] += y ? d.good[i] >= t.in1_from : d.good[i] <= t.in0_to;
        }
        EXPECT_NEAR(hit[0] / rows[0], 1 - alpha, 0.012);
        EXPECT_NEAR(hit[1] / rows[1], 1 - alpha, 0.012);
    }
}

TEST(Conformal, TooFewRowsExcludeNothing)
{
    std::vector<double> m = { -1, 1, 0 };
    std::vector<float> y = { 0, 1, 1 }, w = { 1, 1, 1 };
    struct conformal t;
    ASSERT_OK(conformal_fit(m.data(), 3, y.data(), w.data(), 0.05, &t));
    EXPECT_LE(t.in1_from, 0);
    EXPECT_GE(t.in0_to, -1);
}

} // namespace
