// Hostile model files: whatever is cut, flipped or exchanged, loading refuses or gives a model that can be
// used safely.
#include "ml/file.h"

#include "tests/unit/ml/fixtures.h"

namespace
{

// A hand-made model of three columns, a forest of two trees and a logistic member: about 700 bytes.
struct Small {
    Memory memory;
    struct model_parts p;
    Small()
    {
        memset(&p, 0, sizeof p);
        p.name = STR("small");
        p.xgboost_version = STR(BOOSTER_VERSION);
        p.report = STR("{}");
        p.data = STR("{}");
        p.train_rows = 100;
        p.train_positives = 30;
        p.calibration.a = p.calibration.b = 1;
        p.at90.in1_from = -1;
        p.at90.in0_to = 1;
        make_view();
        p.members = ARENA_ARRAY(&memory.a, 3, struct member);
        p.n_members = 2;
        make_forest(&p.members[0]);
        make_linear(&p.members[1]);
    }
    void make_view()
    {
        struct view *v = &p.view;
        v->n_columns = 3;
        v->columns = ARENA_ARRAY(&memory.a, 3, struct view_column);
        v->columns[0].name = STR("age");
        v->columns[0].kind = COLUMN_NUMERIC;
        v->columns[0].n_quantiles = 3;
        v->columns[0].quantiles = ARENA_ARRAY(&memory.a, 3, double);
        v->columns[0].quantiles[1] = 40;
        v->columns[0].quantiles[2] = 80;
        v->columns[1].name = STR("source");
        v->columns[1].kind = COLUMN_CATEGORICAL;
        v->columns[1].n_levels = 3;
        v->columns[1].levels = ARENA_ARRAY(&memory.a, 3, struct level);
        v->columns[1].levels[2].text = STR("web");
        v->columns[1].levels[2].count = 50;
        v->columns[2].name = STR("note");
        v->columns[2].kind = COLUMN_TEXT;
        const struct feature features[] = { { FEATURE_VALUE, 0, 0 },
                                            { FEATURE_MISSING, 0, 0 },
                                            { FEATURE_LEVEL, 1, 2 },
                                            { FEATURE_TARGET, 1, 0 },
                                            { FEATURE_LENGTH, 2, 0 } };
        v->features = ARENA_ARRAY(&memory.a, 5, struct feature);
        memcpy(v->features, features, sizeof features);
        v->n_features = 5;
        EXPECT_TRUE(view_finish(v, &memory.a));
    }
    void make_forest(struct member *m)
    {
        static const struct node nodes[] = { { 30.5f, 0 | NODE_DEFAULT_LEFT, 1, 100 },
                                             { 0.5f, 2, 3, 60 },
                                             { 0.25f, 0, 0, 40 },
                                             { -0.5f, 0, 0, 20 },
                                             { 0.75f, 0, 0, 40 },
                                             { 0.125f, 0, 0, 100 } };
        m->kind = MEMBER_FOREST;
        m->weight = 0.7;
        m->forest.n_trees = 2;
        m->forest.n_features = 5;
        m->forest.starts = ARENA_ARRAY(&memory.a, 3, uint32_t);
        m->forest.starts[1] = 5;
        m->forest.starts[2] = 6;
        m->forest.nodes = ARENA_ARRAY(&memory.a, 6, struct node);
        memcpy(m->forest.nodes, nodes, sizeof nodes);
    }
    void make_linear(struct member *m)
    {
        m->kind = MEMBER_LINEAR;
        m->weight = 0.3;
        m->linear.n = 5;
        m->linear.bias = 0.1;
        m->linear.terms = ARENA_ARRAY(&memory.a, 5, struct linear_term);
        m->linear.terms[0].hi = 80;
        m->linear.terms[0].mean = 40;
        m->linear.terms[0].weight = 0.01f;
    }
    std::string bytes(const unsigned char *secret = nullptr)
    {
        struct buf b;
        buf_init(&b, MODEL_FILE_MAX);
        EXPECT_TRUE(is_ok(file_write(&p, secret, &b)));
        std::string s = text_of(buf_str(&b));
        buf_done(&b);
        return s;
    }
};

// With the digest made right again, so that the reader behind it is reached.
std::string resealed(std::string bytes)
{
    if (bytes.size() < FILE_TRAILER)
        return bytes;
    size_t n = bytes.size() - FILE_TRAILER;
    sha256(str_make(bytes.data(), n), reinterpret_cast<unsigned char *>(&bytes[n]));
    return bytes;
}

// Everything a server does with a model.
void use(const struct model *m)
{
    Memory memory(64 << 20);
    std::vector<float> row(model_info(m)->n_features);
    const struct cell leads[][3] = {
        { { STR("age"), STR("31") }, { STR("source"), STR("Web") }, { STR("note"), STR("hello") } },
        { { STR("age"), STR("") }, { STR("source"), STR("radio") }, { STR("other"), STR("x") } },
    };
    for (const auto &lead : leads) {
        struct model_score score;
        struct model_explanation why;
        struct model_change change;
        struct model_goal goal = { 0.9, true, nullptr };
        model_row(m, lead, 3, row.data());
        model_score_row(m, row.data(), &score);
        EXPECT_TRUE(is_ok(model_explain_row(m, row.data(), &memory.a, &why)));
        EXPECT_TRUE(is_ok(model_smallest_change(m, lead, 3, &goal, &memory.a, &change)));
    }
}

TEST(File, RoundTrip)
{
    Small s;
    Model a(s.bytes());
    ASSERT_OK(a.status);
    const struct model_info *i = model_info(a.m);
    EXPECT_EQ(text_of(i->name), "small");
    EXPECT_EQ(i->n_columns, 3u);
    EXPECT_EQ(i->n_trees, 2u);
    EXPECT_EQ(i->base_rate, 0.3);
    const struct cell lead[] = { { STR("age"), STR("20") }, { STR("source"), STR("WEB") } };
    float row[5];
    struct model_score score;
    model_row(a.m, lead, 2, row);
    model_score_row(a.m, row, &score);
    // left at 30.5, right at 0.5: 0.75, and the bare leaf; the logistic member: 0.1 + (20 - 40) * 0.01
    EXPECT_NEAR(score.margin, 0.7 * (0.75 + 0.125) + 0.3 * (0.1 - 0.2), 1e-6);
    use(a.m);
}

TEST(File, EveryTruncationIsRefused)
{
    std::string good = Small().bytes();
    for (size_t n = 0; n < good.size(); n++) {
        EXPECT_EQ(Model(good.substr(0, n)).status.reason, REASON_MODEL_INVALID) << n;
        std::string cut = good.substr(0, n) + std::string(FILE_TRAILER, '\0');
        EXPECT_EQ(n == good.size() - FILE_TRAILER, is_ok(Model(resealed(cut)).status)) << n;
    }
}

TEST(File, EveryFlippedBitIsRefusedByTheDigest)
{
    std::string good = Small().bytes();
    for (size_t bit = 0; bit < (good.size() - 32 - 64) * 8; bit++) {
        std::string bad = good;
        bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
        EXPECT_FALSE(is_ok(Model(bad).status)) << bit;
    }
}

TEST(File, EveryFlippedBitBehindARightDigestIsSafe)
{
    std::string good = Small().bytes();
    size_t accepted = 0, refused = 0;
    for (size_t bit = 0; bit < (good.size() - FILE_TRAILER) * 8; bit++) {
        std::string bad = good;
        bad[bit / 8] = (char)(bad[bit / 8] ^ 1 << bit % 8);
        Model m(resealed(bad));
        if (is_ok(m.status)) {
            accepted++;
            use(m.m);
        } else {
            refused++;
            EXPECT_TRUE(m.status.reason == REASON_MODEL_INVALID ||
                        m.status.reason == REASON_REQUEST_TOO_LARGE);
        }
    }
    EXPECT_GT(accepted, 100u); // a changed leaf is another model, not a damaged one
    EXPECT_GT(refused, 1000u);
}

TEST(File, RandomMutantsAreSafe)
{
    std::string good = Small().bytes();
    for (uint64_t k = 0; k < 10000; k++) {
        std::string bad = good;
        size_t body = bad.size() - FILE_TRAILER;
        for (uint64_t e = 0; e <= mix64(k) % 4; e++) {
            uint64_t h = mix64(k * 16 + e);
            static const uint32_t values[] = { 0,          1,          0x7fffffff, 0x80000000,
                                               0xffffffff, 0x7fc00000, 0x7f800000 };
            memcpy(&bad[h % (body - 4)], &values[(h >> 40) % COUNT(values)], 1 + (h >> 50) % 4);
        }
        Model m(resealed(bad));
        if (is_ok(m.status))
            use(m.m);
    }
}

// Damage by name: what each check is for.
TEST(File, HostilePartsAreRefused)
{
    struct Hostile {
        const char *name;
        void (*spoil)(struct model_parts *);
    };
    const std::vector<Hostile> all = {
        { "feature out of range", [](struct model_parts *p) { p->members[0].forest.nodes[0].feature = 5; } },
        { "child out of range", [](struct model_parts *p) { p->members[0].forest.nodes[1].left = 77; } },
        { "child above itself", [](struct model_parts *p) { p->members[0].forest.nodes[1].left = 1; } },
        { "unreachable node", [](struct model_parts *p) { p->members[0].forest.nodes[1].left = 0; } },
        { "threshold not a number",
          [](struct model_parts *p) { p->members[0].forest.nodes[0].value = NAN; } },
        { "infinite leaf", [](struct model_parts *p) { p->members[0].forest.nodes[2].value = INFINITY; } },
        { "no cover", [](struct model_parts *p) { p->members[0].forest.nodes[2].cover = 0; } },
        { "negative weight", [](struct model_parts *p) { p->members[0].weight = -1; } },
        { "infinite bias", [](struct model_parts *p) { p->bias = INFINITY; } },
        { "inverting calibration", [](struct model_parts *p) { p->calibration.a = -1; } },
        { "narrower logistic member", [](struct model_parts *p) { p->members[1].linear.n = 4; } },
        { "clip range turned round", [](struct model_parts *p) { p->members[1].linear.terms[1].lo = 9; } },
        { "quantiles out of order", [](struct model_parts *p) { p->view.columns[0].quantiles[0] = 99; } },
        { "feature of no column", [](struct model_parts *p) { p->view.features[4].column = 3; } },
        { "level of no column", [](struct model_parts *p) { p->view.features[2].level = 3; } },
        { "feature twice", [](struct model_parts *p) { p->view.features[1].kind = FEATURE_VALUE; } },
        { "feature of another kind",
          [](struct model_parts *p) { p->view.features[4].kind = FEATURE_MONTH; } },
        { "foreign version", [](struct model_parts *p) { p->xgboost_version = STR("3.2.0"); } },
        { "more positives than rows", [](struct model_parts *p) { p->train_positives = 101; } },
        { "name not UTF-8", [](struct model_parts *p) { p->name = STR("\xff"); } },
    };
    for (const Hostile &h : all) {
        Small s;
        h.spoil(&s.p);
        EXPECT_EQ(Model(s.bytes()).status.reason, REASON_MODEL_INVALID) << h.name;
    }
}

TEST(File, XgboostMembersNeedXgboost)
{
    Small s;
    s.p.members[1].kind = MEMBER_FOREIGN;
    s.p.members[1].foreign_json = STR("{}");
    EXPECT_EQ(Model(s.bytes()).message(), "the model needs XGBoost to be served");
    struct model_trust t;
    memset(&t, 0, sizeof t);
    t.accept_unsigned = true;
    t.foreign = &booster_foreign;
    EXPECT_EQ(Model(s.bytes(), &t).status.reason, REASON_MODEL_INVALID);
}

// A dart booster, which the walker refuses, served by XGBoost inside a model.
TEST(File, XgboostMemberIsServed)
{
    Small s;
    Memory errors(1 << 20);
    struct matrix *m;
    struct booster *b;
    struct buf json;
    std::vector<float> x, y;
    for (size_t i = 0; i < 400; i++) {
        for (int j = 0; j < 5; j++)
            x.push_back((float)(mix64(i * 5 + (uint64_t)j) % 100));
        y.push_back(x[i * 5] > 50 ? 1.0f : 0.0f);
    }
    const struct booster_param params[] = { { "objective", "binary:logistic" },
                                            { "booster", "dart" },
                                            { nullptr, nullptr } };
    ASSERT_OK(matrix_new(x.data(), 400, 5, y.data(), nullptr, &errors.a, &m));
    ASSERT_OK(booster_new(m, nullptr, params, &errors.a, &b));
    for (int r = 0; r < 5; r++)
        ASSERT_OK(booster_round(b, r, &errors.a));
    buf_init(&json, 1 << 24);
    ASSERT_OK(booster_save(b, 0, &errors.a, &json));
    s.p.members[1].kind = MEMBER_FOREIGN;
    s.p.members[1].foreign_json = buf_str(&json);
    struct model_trust t;
    memset(&t, 0, sizeof t);
    t.accept_unsigned = true;
    t.foreign = &booster_foreign;
    Model loaded(s.bytes(), &t);
    ASSERT_OK(loaded.status);
    const float row[5] = { 77, 1, 2, 3, 4 };
    float reference, doubled[10];
    struct model_score score;
    struct model_explanation why;
    ASSERT_OK(booster_row_margin(b, row, 5, &reference));
    row_double(row, 5, doubled);
    ASSERT_TRUE(forest_finish(&s.p.members[0].forest, &s.memory.a));
    double own = (double)forest_margin(&s.p.members[0].forest, doubled);
    model_score_row(loaded.m, row, &score);
    EXPECT_NEAR(score.margin, 0.7 * own + 0.3 * (double)reference, 1e-6);
    ASSERT_OK(model_explain_row(loaded.m, row, &errors.a, &why));
    double sum = why.base;
    for (size_t i = 0; i < why.n; i++)
        sum += why.contributions[i].value;
    EXPECT_NEAR(sum, score.margin, 1e-5);
    booster_free(b);
    matrix_free(m);
    buf_done(&json);
}

TEST(File, Signatures)
{
    Small s;
    unsigned char secret[32], other_secret[32], keys[1][MODEL_KEY_BYTES], other[MODEL_KEY_BYTES];
    key_new(secret, keys[0]);
    key_new(other_secret, other);
    struct model_trust t;
    memset(&t, 0, sizeof t);
    t.keys = keys;
    t.n_keys = 1;
    Model good(s.bytes(secret), &t);
    ASSERT_OK(good.status);
    EXPECT_TRUE(model_info(good.m)->is_signed);
    EXPECT_EQ(Model(s.bytes(), &t).status.reason, REASON_MODEL_UNSIGNED);
    EXPECT_EQ(Model(s.bytes(other_secret), &t).status.reason, REASON_MODEL_UNSIGNED);
    std::string forged = s.bytes(other_secret);
    memcpy(&forged[forged.size() - 96], keys[0],
           MODEL_KEY_BYTES); // the trusted key's name, a stranger's signature
    EXPECT_EQ(Model(forged, &t).message(), "the model file's signature is wrong");
    t.accept_unsigned = true;
    EXPECT_EQ(Model(forged, &t).status.reason, REASON_MODEL_UNSIGNED);
    Model strange(s.bytes(other_secret), &t);
    ASSERT_OK(strange.status);
    EXPECT_FALSE(model_info(strange.m)->is_signed);
    std::string edited = s.bytes(secret); // signed, then changed and resealed
    edited[120] ^= 1;
    EXPECT_EQ(Model(resealed(edited), &t).message(), "the model file's signature is wrong");
}

} // namespace
