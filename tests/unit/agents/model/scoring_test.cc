// Old models found again by digest: a few stay loaded, from any number of threads; and the file of trusted
// keys.
#include "tests/unit/agents/model/trained.h"

#include <atomic>
#include <thread>

namespace
{

using namespace harness;

const size_t many = 24; // more than are kept loaded

const Key &signer()
{
    static const Key key;
    return key;
}

double margin(model *m)
{
    float row[MODEL_FEATURES_MAX];
    model_score score;
    cell visits = { STR("visits"), STR("12") };
    model_row(m, &visits, 1, row);
    model_score_row(m, row, &score);
    return score.margin;
}

// Loads by digest and checks that it is the model asked for.
bool load(ScoringHouse &h, const std::string &digest, double expected)
{
    auto a = h.run([&](ctx * c) -> struct status {
        model *m;
        char is[2 * MODEL_DIGEST_BYTES + 1];
        TRY(scoring_model(c, digest.c_str(), &m));
        hex_text(model_digest(m), MODEL_DIGEST_BYTES, is);
        return is == digest && margin(m) == expected ? ok()
                                                     : fail(c->arena, REASON_INTERNAL, "another model");
    });
    EXPECT_TRUE(a.ok_()) << a.message();
    return a.ok_();
}

TEST(Scoring, KeepsTheRightModelsWhoeverAsks)
{
    ScoringHouse h(&signer());
    std::vector<std::string> digests;
    double expected = 0;
    for (const std::string &file : trained_models(many, 1, 2.0, &signer())) {
        auto v = h.import(file, "m");
        ASSERT_TRUE(v.ok_()) << v.message();
        digests.push_back(v->digest);
    }
    h.run([&](ctx * c) -> struct status {
        model *m;
        TRY(scoring_model(c, digests[0].c_str(), &m));
        expected = margin(m);
        return ok();
    });
    for (int round = 0; round < 2; round++)
        for (const std::string &digest : digests)
            ASSERT_TRUE(load(h, digest, expected));
    std::atomic<int> wrong{ 0 };
    std::vector<std::thread> threads;
    for (unsigned t = 0; t < 4; t++)
        threads.emplace_back([&, t] {
            std::mt19937 random(t);
            for (int i = 0; i < 60; i++)
                wrong += !load(h, digests[random() % many], expected);
        });
    for (std::thread &t : threads)
        t.join();
    EXPECT_EQ(wrong, 0);
}

TEST(Scoring, AFileIsItsWorkspacesAlone)
{
    ScoringHouse h(&signer());
    auto v = h.import(trained_model(1, 2.0, &signer()), "m", "one", true);
    ASSERT_TRUE(v.ok_());
    ASSERT_TRUE(h.triage({ { "visits", "1" } }).ok_()); // loaded and kept
    h.workspace = "other";
    auto theirs = h.run([&](ctx *c) {
        model *m;
        return scoring_model(c, v->digest, &m);
    });
    EXPECT_EQ(theirs.reason(), "MODEL_NOT_FOUND");
}

// What the file of keys may hold.
std::string open_keys(const std::string &text, bool exists = true)
{
    struct app app = {};
    arena a;
    arena_init(&a, 1 << 20);
    const char *tmp = std::getenv("TEST_TMPDIR");
    std::string path = std::string(tmp ? tmp : "/tmp") + "/keys";
    std::remove(path.c_str());
    if (exists)
        std::ofstream(path) << text;
    struct status s = model_trust_open(&app, path.c_str(), false, &a);
    std::string outcome = s.code ? reason_name(static_cast<reason>(s.reason))
                                 : std::to_string(scoring_trust(app.scoring)->n_keys);
    arena_done(&a);
    return outcome;
}

TEST(Scoring, ReadsTrustedKeys)
{
    const std::string a = Key().hex(), b = Key().hex();
    EXPECT_EQ(open_keys(""), "0");
    EXPECT_EQ(open_keys(a), "1");
    EXPECT_EQ(open_keys("# two keys\n\n  " + a + "\r\n" + b + "\n"), "2");
    EXPECT_EQ(open_keys(a.substr(1)), "FIELD_INVALID");
    EXPECT_EQ(open_keys(a + "0"), "FIELD_INVALID");
    EXPECT_EQ(open_keys("g" + a.substr(1)), "FIELD_INVALID");
    EXPECT_EQ(open_keys("", false), "FIELD_INVALID");
    EXPECT_EQ(open_keys(std::string(70000, '\n')), "FIELD_INVALID");
    std::string many_keys;
    for (int i = 0; i < 65; i++)
        many_keys += a + "\n";
    EXPECT_EQ(open_keys(many_keys), "FIELD_INVALID");
    EXPECT_EQ(open_keys(many_keys.substr(65)), "64");
}

} // namespace
