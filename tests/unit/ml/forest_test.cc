// The walker against XGBoost: margins equal to the bit, contributions within 1e-4, for every kind of numeric
// split.
#include "ml/booster.h"
#include "ml/forest.h"
#include "ml/shap.h"

#include "tests/unit/ml/fixtures.h"

namespace
{

constexpr uint32_t width = 12;
constexpr size_t rows = 3000;

// Values on a coarse grid, so that rows sit exactly on split points; every seventh cell is missing.
struct Rows {
    std::vector<float> x, y;
    Rows()
    {
        for (size_t i = 0; i < rows; i++) {
            double m = -0.5;
            for (uint32_t j = 0; j < width; j++) {
                uint64_t h = mix64(i * width + j);
                float v = (float)(h % 40) / 8.0f - 2.0f;
                bool missing = j % 3 != 2 && (h >> 20) % 7 == 0;
                x.push_back(missing ? NAN : v);
                m += missing ? 0.3 : (j % 4 == 0 ? (double)v * (double)(j % 3) : std::sin((double)v)) * 0.4;
            }
            y.push_back((double)(mix64(i + 99999) >> 11) * 0x1p-53 < 1 / (1 + std::exp(-m)) ? 1.0f : 0.0f);
        }
    }
};

using Params = std::vector<struct booster_param>;

struct Trained {
    Memory memory, errors{ 1 << 20 };
    Rows data;
    struct matrix *m = nullptr;
    struct booster *b = nullptr;
    struct forest f;
    struct status imported;
    Trained(Params extra, int rounds)
    {
        Params p = { { "objective", "binary:logistic" }, { "eta", "0.2" }, { "base_score", "0.5" } };
        p.insert(p.end(), extra.begin(), extra.end());
        p.push_back({ nullptr, nullptr });
        EXPECT_TRUE(is_ok(matrix_new(data.x.data(), rows, width, data.y.data(), nullptr, &errors.a, &m)));
        EXPECT_TRUE(is_ok(booster_new(m, nullptr, p.data(), &errors.a, &b)));
        for (int r = 0; r < rounds; r++)
            EXPECT_TRUE(is_ok(booster_round(b, r, &errors.a)));
        struct buf json;
        buf_init(&json, 1 << 28);
        EXPECT_TRUE(is_ok(booster_save(b, 0, &errors.a, &json)));
        imported = forest_import(buf_str(&json), &memory.a, &errors.a, &f);
        buf_done(&json);
    }
    ~Trained()
    {
        booster_free(b);
        matrix_free(m);
    }
};

struct Kind {
    const char *name;
    Params params;
    int rounds;
};

const std::vector<Kind> kinds = {
    { "hist", { { "tree_method", "hist" }, { "max_depth", "6" } }, 37 },
    { "hist, leaf-wise",
      { { "tree_method", "hist" },
        { "grow_policy", "lossguide" },
        { "max_leaves", "20" },
        { "max_depth", "8" } },
      20 },
    { "exact", { { "tree_method", "exact" }, { "max_depth", "5" } }, 20 },
    { "exact, pruned", { { "tree_method", "exact" }, { "max_depth", "6" }, { "gamma", "3" } }, 20 },
    { "approx", { { "tree_method", "approx" }, { "max_depth", "4" } }, 9 },
    { "stumps", { { "tree_method", "hist" }, { "max_depth", "1" } }, 50 },
    { "deepest", { { "tree_method", "hist" }, { "max_depth", "8" }, { "min_child_weight", "0.1" } }, 16 },
    { "forest",
      { { "tree_method", "hist" },
        { "num_parallel_tree", "30" },
        { "subsample", "0.6" },
        { "colsample_bynode", "0.4" },
        { "max_depth", "7" } },
      1 },
    { "base score", { { "tree_method", "hist" }, { "base_score", "0.2" } }, 5 },
    { "bare leaves", { { "tree_method", "hist" }, { "min_child_weight", "100000" } }, 3 },
    { "few bins", { { "tree_method", "hist" }, { "max_bin", "4" }, { "max_depth", "3" } }, 11 },
};

TEST(Forest, MarginsAreXgboostsToTheBit)
{
    for (const Kind &k : kinds) {
        Trained t(k.params, k.rounds);
        ASSERT_EQ(t.imported.code, CODE_OK) << k.name << ": " << t.imported.message;
        std::vector<float> reference(rows), doubled(2 * width);
        ASSERT_OK(booster_margins(t.b, t.m, 0, &t.errors.a, reference.data(), rows));
        size_t different = 0;
        for (size_t i = 0; i < rows; i++) {
            float single, own;
            row_double(&t.data.x[i * width], width, doubled.data());
            own = forest_margin(&t.f, doubled.data());
            different += memcmp(&own, &reference[i], sizeof own) != 0;
            if (i % 50 == 0) {
                ASSERT_OK(booster_row_margin(t.b, &t.data.x[i * width], width, &single));
                different += memcmp(&own, &single, sizeof own) != 0;
            }
        }
        EXPECT_EQ(different, 0u) << k.name;
    }
}

// Rows the booster never saw: every cell missing, infinite, huge, and each split's very threshold.
TEST(Forest, UnusualRowsToo)
{
    Trained t({ { "tree_method", "hist" }, { "max_depth", "6" } }, 40);
    ASSERT_OK(t.imported);
    std::vector<std::vector<float>> unusual;
    for (float v : { NAN, 0.0f, -0.0f, 1e30f, -1e30f, 1e-40f })
        unusual.push_back(std::vector<float>(width, v));
    for (uint32_t i = 0; i < std::min(t.f.starts[t.f.n_trees], 800u); i++) {
        const struct node &n = t.f.nodes[i];
        if (!n.left)
            continue;
        std::vector<float> row(width, NAN), below(width, NAN);
        row[n.feature & ~NODE_DEFAULT_LEFT] = n.value;
        below[n.feature & ~NODE_DEFAULT_LEFT] = std::nextafterf(n.value, -INFINITY);
        unusual.push_back(row);
        unusual.push_back(below);
    }
    std::vector<float> doubled(2 * width);
    for (const auto &row : unusual) {
        float reference, own;
        ASSERT_OK(booster_row_margin(t.b, row.data(), width, &reference));
        row_double(row.data(), width, doubled.data());
        own = forest_margin(&t.f, doubled.data());
        EXPECT_EQ(memcmp(&own, &reference, sizeof own), 0) << own << " " << reference;
    }
}

TEST(Forest, WhatItCannotServeIsRefusedNotMisread)
{
    const std::vector<Kind> foreign = {
        { "dart", { { "booster", "dart" }, { "rate_drop", "0.3" } }, 5 },
        { "linear", { { "booster", "gblinear" } }, 5 },
        { "too deep",
          { { "tree_method", "hist" }, { "max_depth", "12" }, { "min_child_weight", "0.01" } },
          5 },
        { "other objective", { { "objective", "reg:squarederror" } }, 5 },
    };
    for (const Kind &k : foreign) {
        Trained t(k.params, k.rounds);
        EXPECT_EQ(t.imported.reason, REASON_MODEL_STATE) << k.name;
    }
}

// One tree with a categorical split, as XGBoost 1.7 writes it: such a node tests membership, not `<`.
TEST(Forest, CategoricalSplitsAreRefused)
{
    Trained t({ { "tree_method", "hist" }, { "max_depth", "1" } }, 1);
    struct buf json;
    buf_init(&json, 1 << 24);
    ASSERT_OK(booster_save(t.b, 0, &t.errors.a, &json));
    std::string text = text_of(buf_str(&json));
    buf_done(&json);
    size_t at = text.find("\"split_type\":[0");
    ASSERT_NE(at, std::string::npos);
    text[at + 14] = '1';
    struct forest f;
    EXPECT_EQ(forest_import(view_of(text), &t.memory.a, &t.errors.a, &f).reason, REASON_MODEL_STATE);
}

TEST(Forest, DamagedJsonIsRefused)
{
    Trained t({ { "tree_method", "hist" }, { "max_depth", "3" } }, 2);
    struct buf json;
    buf_init(&json, 1 << 24);
    ASSERT_OK(booster_save(t.b, 0, &t.errors.a, &json));
    std::string text = text_of(buf_str(&json));
    buf_done(&json);
    const std::vector<std::pair<std::string, std::string>> edits = {
        { "\"left_children\":[1", "\"left_children\":[999" },
        { "\"left_children\":[1", "\"left_children\":[0" }, // a cycle
        { "\"split_indices\":[", "\"split_indices\":[77" },
        { "\"num_feature\":\"12\"", "\"num_feature\":\"1\"" },
        { "\"base_score\":\"5E-1\"", "\"base_score\":\"5\"" },
        { "\"trees\":[", "\"tree\":[" },
        { "\"sum_hessian\":[", "\"sum_hessian\":[-" },
    };
    for (const auto &e : edits) {
        std::string bad = text;
        size_t at = bad.rfind(e.first);
        ASSERT_NE(at, std::string::npos) << e.first;
        bad.replace(at, e.first.size(), e.second);
        struct forest f;
        struct status s = forest_import(view_of(bad), &t.memory.a, &t.errors.a, &f);
        EXPECT_EQ(s.reason, REASON_MODEL_INVALID) << e.second << ": " << (s.message ? s.message : "");
    }
}

TEST(Shap, EqualsXgboostAndSumsToTheMargin)
{
    for (const Kind &k : kinds) {
        Trained t(k.params, k.rounds);
        ASSERT_EQ(t.imported.code, CODE_OK) << k.name;
        std::vector<uint32_t> target(width);
        for (uint32_t j = 0; j < width; j++)
            target[j] = j;
        struct shap s;
        ASSERT_TRUE(shap_build(&t.f, target.data(), 1, &t.memory.a, &s));
        const size_t explained = 300;
        struct matrix *few;
        std::vector<float> reference(explained * (width + 1)), doubled(2 * width);
        ASSERT_OK(matrix_new(t.data.x.data(), explained, width, nullptr, nullptr, &t.errors.a, &few));
        ASSERT_OK(booster_contributions(t.b, few, &t.errors.a, reference.data(), reference.size()));
        matrix_free(few);
        double worst = 0, sum_error = 0;
        for (size_t i = 0; i < explained; i++) {
            shap_lanes phi[width];
            memset(phi, 0, sizeof phi);
            row_double(&t.data.x[i * width], width, doubled.data());
            shap_add(&s, doubled.data(), phi);
            double sum = s.base;
            for (uint32_t j = 0; j < width; j++) {
                sum += shap_sum(&phi[j]);
                worst =
                    std::max(worst, std::fabs(shap_sum(&phi[j]) - (double)reference[i * (width + 1) + j]));
            }
            sum_error = std::max(sum_error, std::fabs(sum - (double)forest_margin(&t.f, doubled.data())));
        }
        EXPECT_LT(worst, 1e-4) << k.name;
        EXPECT_LT(sum_error, 1e-5) << k.name;
    }
}

} // namespace
