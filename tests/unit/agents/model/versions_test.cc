// Model versions: what is taken, what is refused, promotion and the way back.
#include "tests/unit/agents/model/trained.h"

namespace
{

using namespace harness;

const Key &signer()
{
    static const Key key;
    return key;
}

const std::string &good()
{
    static const std::string bytes = trained_model(1, 2.0, &signer());
    return bytes;
}

const std::string &weak()
{
    static const std::string bytes = trained_model(2, 0.2, &signer());
    return bytes;
}

Answer<ModelVersion> promote(ScoringHouse &h, const char *name, bool force = false)
{
    PromoteModelRequest req = PROMOTE_MODEL_REQUEST_INIT;
    req.name = const_cast<char *>(name);
    req.force = force;
    return h.call(promote_model, req, &ModelVersion_descriptor);
}

Answer<ModelVersion> get(ScoringHouse &h, const char *name)
{
    GetModelVersionRequest req = GET_MODEL_VERSION_REQUEST_INIT;
    req.name = const_cast<char *>(name);
    return h.call(get_model_version, req, &ModelVersion_descriptor);
}

Answer<RollbackModelResponse> rollback(ScoringHouse &h)
{
    RollbackModelRequest req = ROLLBACK_MODEL_REQUEST_INIT;
    return h.call(rollback_model, req, &RollbackModelResponse_descriptor);
}

std::string scored_by(ScoringHouse &h)
{
    auto a = h.triage({ { "visits", "12" } });
    EXPECT_TRUE(a.ok_()) << a.message();
    return a->decision->fit->model_version;
}

TEST(ImportModel, StoresADescribedVersion)
{
    ScoringHouse h(&signer());
    auto v = h.import(good(), "leads");
    ASSERT_TRUE(v.ok_()) << v.message();
    EXPECT_EQ(std::string(v->name), "models/leads/versions/" + std::string(v->digest).substr(0, 12));
    EXPECT_EQ(v->state, MODEL_VERSION__STATE_IMPORTED);
    EXPECT_EQ(v->file_bytes, static_cast<int64_t>(good().size()));
    EXPECT_EQ(v->training_rows, 600);
    EXPECT_EQ(std::string(v->signer), signer().hex());
    ASSERT_EQ(v->n_columns, 3u);
    EXPECT_STREQ(v->columns[0]->name, "visits");
    EXPECT_STREQ(v->columns[0]->type, "numeric");
    EXPECT_STREQ(v->columns[2]->type, "categorical");
    EXPECT_GT(v->metrics->roc_auc, 0.7);
    EXPECT_GT(v->metrics->coverage_positive, 0.8);
    EXPECT_GT(v->metrics->log_loss, 0);
    auto read = get(h, v->name);
    ASSERT_TRUE(read.ok_());
    EXPECT_STREQ(read->digest, v->digest);
    EXPECT_EQ(get(h, "models/leads/versions/none").reason(), "MODEL_NOT_FOUND");
    EXPECT_EQ(get(h, "models/leads").reason(), "FIELD_INVALID");
    EXPECT_EQ(get(h, "").reason(), "FIELD_REQUIRED");
}

TEST(ImportModel, RefusesWhatIsNotATrustedModel)
{
    ScoringHouse h(&signer());
    Key stranger;
    std::string flipped = good(), cut = good().substr(0, good().size() / 2), forged = good();
    flipped[flipped.size() / 2] ^= 1;
    forged[forged.size() - 1] ^= 1;
    EXPECT_EQ(h.import(flipped, "m").reason(), "MODEL_INVALID");
    EXPECT_EQ(h.import(cut, "m").reason(), "MODEL_INVALID");
    EXPECT_EQ(h.import("", "m").reason(), "MODEL_INVALID");
    EXPECT_EQ(h.import(std::string(5000, 'x'), "m").reason(), "MODEL_INVALID");
    EXPECT_EQ(h.import(forged, "m").reason(), "MODEL_UNSIGNED");
    EXPECT_EQ(h.import(trained_model(3, 1.0, nullptr), "m").reason(), "MODEL_UNSIGNED");
    EXPECT_EQ(h.import(trained_model(3, 1.0, &stranger), "m").reason(), "MODEL_UNSIGNED");
    EXPECT_EQ(h.import(good(), "").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(h.import(good(), "Bad id").reason(), "FIELD_INVALID");
    EXPECT_EQ(h.import(good(), "m", "Bad id").reason(), "FIELD_INVALID");
    EXPECT_EQ(h.import(std::string(3 << 20, 'x'), "m", "", false, 2 << 20).reason(), "FIELD_TOO_LONG");
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM model_version WHERE workspace = $1"), 0);
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM model_file WHERE workspace = $1"), 0);
}

// One stream of bytes that are no model.
class Upload
{
  public:
    explicit Upload(ScoringHouse &h) : house_(h)
    {
        arena_init(&memory_, 1 << 20);
        unit u = {};
        ctx c = h.make(&memory_, &u);
        EXPECT_EQ(import_model_open(&c, &state_).code, CODE_OK);
    }
    ~Upload()
    {
        arena_done(&memory_);
    }
    Upload(const Upload &) = delete;
    Upload &operator=(const Upload &) = delete;
    std::string send(size_t bytes)
    {
        std::string content(bytes, 'x');
        ImportModelRequest req = IMPORT_MODEL_REQUEST_INIT;
        req.model_id = const_cast<char *>(named_ ? "" : "m");
        req.content.data = reinterpret_cast<uint8_t *>(content.data());
        req.content.len = bytes;
        named_ = true;
        return house_.run([&](ctx *c) { return import_model_item(c, state_, &req); }).reason();
    }

  private:
    ScoringHouse &house_;
    arena memory_;
    model_import *state_ = nullptr;
    bool named_ = false;
};

TEST(ImportModel, FilesUnderWayShareOneBound)
{
    ScoringHouse h(&signer());
    const size_t chunk = 1 << 20;
    std::vector<std::unique_ptr<Upload>> uploads;
    for (int i = 0; i < 4; i++)
        uploads.push_back(std::make_unique<Upload>(h));
    for (size_t sent = 0; sent < SCORING_ROOM; sent += 4 * chunk)
        for (auto &u : uploads)
            ASSERT_EQ(u->send(chunk), "OK");
    EXPECT_EQ(uploads[0]->send(1), "OVERLOADED");
    Upload late(h);
    EXPECT_EQ(late.send(chunk), "OVERLOADED");
    EXPECT_EQ(late.send(0), "OK");
    uploads.pop_back();
    for (size_t sent = 0; sent < SCORING_ROOM / 4; sent += chunk)
        ASSERT_EQ(late.send(chunk), "OK");
    EXPECT_EQ(late.send(1), "OVERLOADED");
    uploads.clear();
    EXPECT_EQ(late.send(1), "OK");
}

TEST(ImportModel, AVersionIsImmutableAndAFileIsStoredOnce)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(good(), "m", "one").ok_());
    EXPECT_EQ(h.import(good(), "m", "one").reason(), "MODEL_ALREADY_EXISTS");
    EXPECT_TRUE(h.import(good(), "m", "two").ok_());
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM model_file WHERE workspace = $1"), 1);
    EXPECT_EQ(h.count("SELECT COUNT(*) FROM model_version WHERE workspace = $1"), 2);
}

TEST(ListModelVersions, PagesByModelOldestFirst)
{
    ScoringHouse h(&signer());
    int64_t now = clock_wall_us();
    for (const char *name : { "b", "a" })
        for (const char *version : { "z", "y", "x" }) {
            h.now_us = now += 1000;
            ASSERT_TRUE(h.import(good(), name, version).ok_());
        }
    const struct {
        const char *parent, *expected;
    } table[] = { { "models/-", "a/z a/y a/x b/z b/y b/x " },
                  { "models/b", "b/z b/y b/x " },
                  { "models/c", "" } };
    for (const auto &t : table) {
        std::string seen, token;
        do {
            ListModelVersionsRequest req = LIST_MODEL_VERSIONS_REQUEST_INIT;
            req.parent = const_cast<char *>(t.parent);
            req.page_size = 2;
            req.page_token = token.data();
            auto page = h.call(list_model_versions, req, &ListModelVersionsResponse_descriptor);
            ASSERT_TRUE(page.ok_()) << page.message();
            for (size_t i = 0; i < page->n_model_versions; i++) {
                std::string full = page->model_versions[i]->name;
                seen += full.substr(7, 1) + "/" + full.substr(full.size() - 1) + " ";
            }
            token = page->next_page_token;
        } while (!token.empty());
        EXPECT_EQ(seen, t.expected) << t.parent;
    }
    ListModelVersionsRequest bad = LIST_MODEL_VERSIONS_REQUEST_INIT;
    EXPECT_EQ(h.call(list_model_versions, bad, &ListModelVersionsResponse_descriptor).reason(),
              "FIELD_REQUIRED");
}

TEST(PromoteModel, SwapsWhatScoresAndRollsBack)
{
    ScoringHouse h(&signer());
    EXPECT_EQ(scored_by(h), "");
    EXPECT_EQ(rollback(h).reason(), "MODEL_STATE");
    ASSERT_TRUE(h.import(good(), "m", "one").ok_());
    ASSERT_TRUE(h.import(good(), "m", "two").ok_());
    EXPECT_EQ(scored_by(h), "");
    auto promoted = promote(h, "models/m/versions/one");
    ASSERT_TRUE(promoted.ok_()) << promoted.message();
    EXPECT_EQ(promoted->state, MODEL_VERSION__STATE_PROMOTED);
    EXPECT_EQ(scored_by(h), "models/m/versions/one");
    auto again = promote(h, "models/m/versions/one");
    EXPECT_TRUE(again.ok_());
    EXPECT_EQ(again.writes, 0);
    ASSERT_TRUE(promote(h, "models/m/versions/two").ok_());
    EXPECT_EQ(scored_by(h), "models/m/versions/two");
    EXPECT_EQ(get(h, "models/m/versions/one")->state, MODEL_VERSION__STATE_RETIRED);
    auto back = rollback(h);
    ASSERT_TRUE(back.ok_()) << back.message();
    EXPECT_STREQ(back->model_version->name, "models/m/versions/one");
    EXPECT_EQ(back->model_version->state, MODEL_VERSION__STATE_PROMOTED);
    EXPECT_EQ(scored_by(h), "models/m/versions/one");
    EXPECT_EQ(get(h, "models/m/versions/two")->state, MODEL_VERSION__STATE_RETIRED);
    auto prior = rollback(h);
    ASSERT_TRUE(prior.ok_());
    EXPECT_EQ(prior->model_version, nullptr);
    EXPECT_EQ(scored_by(h), "");
    EXPECT_EQ(promote(h, "models/m/versions/none").reason(), "MODEL_NOT_FOUND");
}

TEST(PromoteModel, GatesHoldBackAWorseModelUnlessForced)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(good(), "m", "good", true).ok_());
    EXPECT_EQ(scored_by(h), "models/m/versions/good");
    ASSERT_TRUE(h.import(weak(), "m", "weak").ok_());
    auto refused = promote(h, "models/m/versions/weak");
    EXPECT_EQ(refused.reason(), "MODEL_GATE_FAILED");
    EXPECT_NE(refused.message().find("models/m/versions/good"), std::string::npos) << refused.message();
    EXPECT_EQ(h.import(weak(), "m", "other", true).reason(), "MODEL_GATE_FAILED");
    EXPECT_EQ(get(h, "models/m/versions/other").reason(), "MODEL_NOT_FOUND");
    EXPECT_EQ(scored_by(h), "models/m/versions/good");
    ASSERT_TRUE(promote(h, "models/m/versions/weak", true).ok_());
    EXPECT_EQ(scored_by(h), "models/m/versions/weak");
}

TEST(PromoteModel, SurvivesARestart)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(good(), "m", "one", true).ok_());
    h.reopen();
    EXPECT_EQ(scored_by(h), "models/m/versions/one");
}

TEST(PromoteModel, WorkspacesDoNotShareModels)
{
    ScoringHouse h(&signer());
    ASSERT_TRUE(h.import(good(), "m", "one", true).ok_());
    h.workspace = "other";
    EXPECT_EQ(scored_by(h), "");
    EXPECT_EQ(get(h, "models/m/versions/one").reason(), "MODEL_NOT_FOUND");
    EXPECT_EQ(promote(h, "models/m/versions/one").reason(), "MODEL_NOT_FOUND");
}

} // namespace
