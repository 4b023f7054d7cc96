// A model trained on the sample data, in service.
#include "ml/metrics.h"
#include "ml/model.h"

#include "base/clock.h"
#include "tests/unit/ml/fixtures.h"

#include <thread>

namespace
{

const std::string &file()
{
    static const std::string bytes = trained_file(2500);
    return bytes;
}

// The leads after the training rows, as text.
struct Leads {
    Table t{ slurp("testdata/bank/leads.csv") };
    std::vector<struct cell> cells(size_t row) const
    {
        std::vector<struct cell> c;
        for (size_t i = 0; i < t.frame.n_columns; i++)
            c.push_back({ t.frame.names[i], frame_cell(&t.frame, row, i) });
        return c;
    }
};

struct Scored {
    std::vector<float> row;
    struct model_score score;
    Scored(const struct model *m, const std::vector<struct cell> &cells) : row(model_info(m)->n_features)
    {
        model_row(m, cells.data(), cells.size(), row.data());
        model_score_row(m, row.data(), &score);
    }
};

TEST(Model, SameSeedSameBytes)
{
    EXPECT_EQ(trained_file(600, nullptr, 7), trained_file(600, nullptr, 7));
}

TEST(Model, RanksLeadsItHasNotSeen)
{
    Model model(file());
    ASSERT_OK(model.status);
    Table t(slurp("testdata/bank/train.csv"));
    Memory memory;
    std::vector<double> p;
    std::vector<float> y;
    size_t label = frame_column(&t.frame, STR("y"));
    for (size_t i = 1; i < sample_rows; i += 3) { // trained on are 0, 3, 6, ...
        std::vector<struct cell> cells;
        for (size_t c = 0; c < t.frame.n_columns; c++)
            if (c != label)
                cells.push_back({ t.frame.names[c], frame_cell(&t.frame, i, c) });
        p.push_back(Scored(model.m, cells).score.probability);
        y.push_back(text_of(frame_cell(&t.frame, i, label)) == "1" ? 1.0f : 0.0f);
    }
    struct metrics m;
    ASSERT_OK(metrics_of(p.data(), y.data(), p.size(), &m));
    EXPECT_GT(m.auc, 0.74);
}

TEST(Model, ReasonsSumToTheMargin)
{
    Model model(file());
    Leads leads;
    for (size_t i = 0; i < 100; i++) {
        Memory memory(1 << 20);
        Scored s(model.m, leads.cells(i));
        struct model_explanation e;
        ASSERT_OK(model_explain_row(model.m, s.row.data(), &memory.a, &e));
        EXPECT_EQ(e.n, model_info(model.m)->n_columns);
        double sum = e.base;
        for (size_t k = 0; k < e.n; k++) {
            sum += e.contributions[k].value;
            if (k) {
                EXPECT_LE(std::fabs(e.contributions[k].value), std::fabs(e.contributions[k - 1].value));
            }
        }
        EXPECT_NEAR(sum, s.score.margin, 1e-5);
    }
}

TEST(Model, BoundRowsAreTheSameRows)
{
    Model model(file());
    Leads leads;
    std::vector<uint32_t> binding(leads.t.frame.n_columns);
    model_bind(model.m, leads.t.frame.names, leads.t.frame.n_columns, binding.data());
    EXPECT_EQ(binding[0], MODEL_UNBOUND); // external_id
    for (size_t i = 0; i < 50; i++) {
        Scored s(model.m, leads.cells(i));
        std::vector<float> row(s.row.size());
        model_row_bound(model.m, binding.data(), &leads.t.frame.cells[i * leads.t.frame.n_columns],
                        binding.size(), row.data());
        EXPECT_EQ(memcmp(row.data(), s.row.data(), row.size() * sizeof(float)), 0);
    }
}

TEST(Model, OddLeadsAreScored)
{
    Model model(file());
    const std::vector<std::vector<struct cell>> leads = {
        {},
        { { STR("age"), STR("not a number") }, { STR("job"), STR("astronaut") } },
        { { STR("no such field"), STR("1") }, { STR(""), STR("") } },
        { { STR("age"), STR("1e308") },
          { STR("euribor3m"), STR("-1e308") },
          { STR("pdays"), STR("99999999999999999999") } },
    };
    for (const auto &l : leads) {
        Scored s(model.m, l);
        EXPECT_GT(s.score.probability, 0);
        EXPECT_LT(s.score.probability, 1);
        EXPECT_TRUE(std::isfinite(s.score.margin));
    }
    const std::vector<struct cell> twice = { { STR("age"), STR("20") }, { STR("age"), STR("70") } },
                                   last = { { STR("age"), STR("70") } };
    EXPECT_EQ(Scored(model.m, twice).score.margin, Scored(model.m, last).score.margin);
}

TEST(Model, ConformalSetsNestAndFollowTheMargin)
{
    Model model(file());
    Leads leads;
    for (size_t i = 0; i < 300; i++) {
        struct model_score s = Scored(model.m, leads.cells(i)).score;
        EXPECT_TRUE(!s.in0_90 || s.in0_95); // a surer set is never smaller
        EXPECT_TRUE(!s.in1_90 || s.in1_95);
    }
}

TEST(Model, ManyThreadsOneModel)
{
    Model model(file());
    Leads leads;
    std::vector<double> expected;
    for (size_t i = 0; i < 200; i++)
        expected.push_back(Scored(model.m, leads.cells(i)).score.margin);
    std::vector<std::thread> threads;
    std::vector<int> wrong(4, 0);
    for (int k = 0; k < 4; k++)
        threads.emplace_back([&, k] {
            struct model *mine = model_ref(model.m);
            for (size_t i = 0; i < 200; i++)
                wrong[(size_t)k] += Scored(mine, leads.cells(i)).score.margin != expected[i];
            model_unref(mine);
        });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

// The cells with the changes made.
std::vector<struct cell> changed(const struct model *m, std::vector<struct cell> cells,
                                 const struct model_change &c)
{
    for (size_t k = 0; k < c.n; k++)
        for (auto &cell : cells)
            if (str_eq(cell.name, model_info(m)->columns[c.changes[k].column].name))
                cell.text = c.changes[k].to;
    return cells;
}

TEST(Change, CrossesTheThresholdByAllowedFieldsOnly)
{
    Model model(file());
    Leads leads;
    const struct model_info *info = model_info(model.m);
    std::vector<uint8_t> allowed(info->n_columns);
    for (size_t i = 0; i < info->n_columns; i++)
        allowed[i] = i % 2 == 0;
    size_t singles = 0, found = 0;
    for (size_t i = 0; i < 60; i++) {
        Memory memory(16 << 20);
        Scored s(model.m, leads.cells(i));
        struct model_goal goal = { 0.5, s.score.probability < 0.5,
                                   i % 2 ? reinterpret_cast<const bool *>(allowed.data()) : nullptr };
        struct model_change c;
        auto cells = leads.cells(i);
        ASSERT_OK(model_smallest_change(model.m, cells.data(), cells.size(), &goal, &memory.a, &c));
        if (!c.found)
            continue;
        found++;
        singles += c.n == 1;
        double after = Scored(model.m, changed(model.m, cells, c)).score.probability;
        EXPECT_EQ(after >= 0.5, goal.at_least);
        EXPECT_DOUBLE_EQ(after, c.probability);
        for (size_t k = 0; k < c.n && i % 2; k++)
            EXPECT_EQ(c.changes[k].column % 2, 0u);
    }
    EXPECT_GT(found, 20u);
    EXPECT_GT(singles, 3u);
}

// No level of any one categorical field crosses more cheaply than the single change found.
TEST(Change, IsTheCheapestSingle)
{
    Model model(file());
    Leads leads;
    const struct model_info *info = model_info(model.m);
    size_t compared = 0;
    for (size_t i = 0; i < 40; i++) {
        Memory memory(16 << 20);
        Scored s(model.m, leads.cells(i));
        struct model_goal goal = { 0.35, s.score.probability < 0.35, nullptr };
        struct model_change c;
        auto cells = leads.cells(i);
        ASSERT_OK(model_smallest_change(model.m, cells.data(), cells.size(), &goal, &memory.a, &c));
        if (!c.found || c.n != 1)
            continue;
        for (uint32_t column = 0; column < info->n_columns; column++) {
            const struct view_column *v = &model.m->parts.view.columns[column];
            for (uint32_t l = 2; l < v->n_levels; l++) {
                struct model_change other = { true, 1, { { column, v->levels[l].text }, {} }, 0, 0 };
                double cost = 1 - (double)v->levels[l].count / (double)info->train_rows;
                if (cost < c.cost) {
                    EXPECT_NE(Scored(model.m, changed(model.m, cells, other)).score.probability >= 0.35,
                              goal.at_least);
                }
            }
        }
        compared++;
    }
    EXPECT_GT(compared, 3u);
}

TEST(Change, GoalMetAlreadyChangesNothing)
{
    Model model(file());
    Leads leads;
    Memory memory;
    struct model_goal goal = { 1e-9, true, nullptr };
    struct model_change c;
    auto cells = leads.cells(0);
    ASSERT_OK(model_smallest_change(model.m, cells.data(), cells.size(), &goal, &memory.a, &c));
    EXPECT_FALSE(c.found);
    EXPECT_EQ(c.n, 0u);
}

// Loading is on the path of a hot swap; 50 ms is the promise on a quiet machine, so CPU time is what counts.
TEST(Model, LoadsInMilliseconds)
{
    std::string bytes = file();
    int64_t from = clock_thread_cpu_ns();
    Model model(bytes);
    ASSERT_OK(model.status);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__)
    EXPECT_LT(clock_thread_cpu_ns() - from, INT64_C(50000000));
#endif
    (void)from;
}

} // namespace
