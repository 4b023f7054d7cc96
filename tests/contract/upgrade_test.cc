// A database of every older schema, with rows in it that an older build wrote, is migrated by today's server
// and served.
#include "proto/names.h"
#include "server/house.h"
#include "server/rpc/rpc.h"
#include "store/migrate.h"
#include "tests/contract/db_fixture.h"
#include "tests/unit/server/client.h"

#include <deque>
#include <fstream>
#include <regex>

namespace
{

const char kRows[] = "tests/contract/testdata/rows_0003.sql";

// The schema since which there is a table; 0: there is none of that name.
int64_t since(const std::string &table)
{
    for (const struct migration *m = store_migrations; m->number; m++)
        if (strstr(m->sql, ("CREATE TABLE " + table + " (").c_str()))
            return m->number;
    return 0;
}

// Today's server in this process.
class Today
{
  public:
    explicit Today(const std::string &url)
    {
        setenv("DATABASE_URL", url.c_str(), 1);
        setenv("LISTEN", "127.0.0.1:0", 1);
        setenv("AUTH", "off", 1);
        memset(&house_, 0, sizeof house_);
        arena_init(&house_.arena, 64u << 20);
        struct status s = options_read(&house_.arena, 0, nullptr, &house_.options);
        if (is_ok(s))
            s = house_open(&house_);
        EXPECT_TRUE(is_ok(s)) << s.message;
        if (!is_ok(s))
            abort();
        channel_ = std::make_unique<test::Channel>("127.0.0.1:" + std::to_string(rpc_port(house_.rpc)));
    }
    ~Today()
    {
        channel_.reset();
        house_close(&house_);
        arena_done(&house_.arena);
    }
    Today(const Today &) = delete;
    Today &operator=(const Today &) = delete;

    // The answer; NULL (and the test failed) where there is none.
    template <typename Res, typename Req>
    std::shared_ptr<Res> call(const char *method, const Req &req, const ProtobufCMessageDescriptor &answers)
    {
        test::Outcome o = channel_->Unary(std::string("/marketing.v1.") + method, test::Pack(req));
        EXPECT_EQ(o.code, 0) << method << ": " << o.reason() << " " << o.message;
        reply = o.reply;
        return o.code ? nullptr : test::Unpack<Res>(answers, o.reply);
    }
    std::shared_ptr<Lead> lead(const char *name)
    {
        GetLeadRequest req = GET_LEAD_REQUEST_INIT;
        req.name = const_cast<char *>(name);
        return call<Lead>("LeadService/GetLead", req, Lead_descriptor);
    }

    std::string reply; // to the last call, as bytes

  private:
    struct house house_;
    std::unique_ptr<test::Channel> channel_;
};

class Upgrade : public DbTest
{
  protected:
    // A database as the build of that schema left it.
    void make_old(int64_t schema)
    {
        std::vector<struct migration> older(store_migrations, store_migrations + schema);
        older.push_back({ 0, nullptr, nullptr });
        open(older.data());
        std::ifstream file(kRows);
        std::string line;
        std::smatch table;
        int inserted = 0;
        while (std::getline(file, line)) {
            if (!std::regex_search(line, table, std::regex("^INSERT INTO (\\w+) ")) ||
                since(table[1]) > schema)
                continue;
            insert(line);
            inserted++;
        }
        EXPECT_GT(inserted, 20);
        close();
    }

    void check_leads(Today &today)
    {
        auto old = today.lead("leads/old"), alias = today.lead("leads/twin");
        ASSERT_TRUE(old && alias);
        EXPECT_STREQ(old->email, "old@build.example");
        EXPECT_EQ(old->engagement->event_count, 1);
        EXPECT_STREQ(alias->name, "leads/old");
    }

    // A request id of then gets the reply of then.
    void check_request_id(Today &today)
    {
        static const struct stmt stored = { "stored_reply", "",     "b", "SELECT response FROM idempotency",
                                            nullptr,        nullptr };
        Lead__AttributesEntry age = LEAD__ATTRIBUTES_ENTRY_INIT, job = LEAD__ATTRIBUTES_ENTRY_INIT;
        Lead__AttributesEntry *attributes[] = { &age, &job };
        Lead lead = LEAD_INIT;
        CreateLeadRequest req = CREATE_LEAD_REQUEST_INIT;
        age.key = const_cast<char *>("age"), age.value = const_cast<char *>("36");
        job.key = const_cast<char *>("job"), job.value = const_cast<char *>("admin.");
        lead.email = const_cast<char *>("old@build.example");
        lead.phone = const_cast<char *>("+43 1 234567");
        lead.company = const_cast<char *>("Engines");
        lead.country = const_cast<char *>("AT");
        lead.attributes = attributes;
        lead.n_attributes = 2;
        req.lead = &lead;
        req.lead_id = const_cast<char *>("old");
        req.request_id = const_cast<char *>("a-request-of-old");
        ASSERT_TRUE(today.call<Lead>("LeadService/CreateLead", req, Lead_descriptor));
        Memory m;
        struct db *reader = nullptr;
        ASSERT_TRUE(is_ok(try_open(nullptr, &reader, true)));
        db = reader;
        struct rows rows = query(&m.arena, &stored, {});
        ASSERT_EQ(rows.n, 1u);
        EXPECT_EQ(today.reply, std::string(rows.v[0].s.p, rows.v[0].s.n));
        close();
    }

    void check_decisions(Today &today)
    {
        ListDecisionsRequest list = LIST_DECISIONS_REQUEST_INIT;
        auto all = today.call<ListDecisionsResponse>("TriageService/ListDecisions", list,
                                                     ListDecisionsResponse_descriptor);
        ASSERT_TRUE(all);
        EXPECT_EQ(all->n_decisions, 3u);
        for (size_t i = 0; i < all->n_decisions; i++) {
            ReplayDecisionRequest req = REPLAY_DECISION_REQUEST_INIT;
            req.name = all->decisions[i]->name;
            auto replay = today.call<ReplayDecisionResponse>("TriageService/ReplayDecision", req,
                                                             ReplayDecisionResponse_descriptor);
            ASSERT_TRUE(replay);
            EXPECT_TRUE(replay->identical) << req.name;
        }
    }

    void check_import(Today &today)
    {
        ListLeadImportRejectsRequest req = LIST_LEAD_IMPORT_REJECTS_REQUEST_INIT;
        req.parent = const_cast<char *>("leadImports/old");
        auto rejects = today.call<ListLeadImportRejectsResponse>("LeadService/ListLeadImportRejects", req,
                                                                 ListLeadImportRejectsResponse_descriptor);
        ASSERT_TRUE(rejects);
        EXPECT_EQ(rejects->n_rejects, 1u);
    }

    // A template published then is rendered for a lead of then.
    void check_template(Today &today)
    {
        RenderTemplateRequest req = RENDER_TEMPLATE_REQUEST_INIT;
        req.name = const_cast<char *>("templates/old");
        req.lead = const_cast<char *>("leads/old");
        req.medium = MEDIUM_EMAIL;
        auto words = today.call<RenderTemplateResponse>("EngageService/RenderTemplate", req,
                                                        RenderTemplateResponse_descriptor);
        ASSERT_TRUE(words);
        EXPECT_STREQ(words->text, "36 https://example.com/unsubscribe");
    }

    void check_chooser(Today &today)
    {
        ListChooserLevelsRequest req = LIST_CHOOSER_LEVELS_REQUEST_INIT;
        auto all = today.call<ListChooserLevelsResponse>("EngageService/ListChooserLevels", req,
                                                         ListChooserLevelsResponse_descriptor);
        ASSERT_TRUE(all && all->n_levels == 1);
        EXPECT_STREQ(all->levels[0]->level, "old");
        EXPECT_EQ(all->levels[0]->trial_count, 1);
        EXPECT_GT(all->levels[0]->mean, 0);
    }

    // New work on what is old: the lead is found by its identity, and the policy of then routes it.
    void check_triage(Today &today)
    {
        Lead lead = LEAD_INIT;
        TriageLeadRequest req = TRIAGE_LEAD_REQUEST_INIT;
        lead.phone = const_cast<char *>("+431234567");
        req.lead = &lead;
        auto reply =
            today.call<TriageLeadResponse>("TriageService/TriageLead", req, TriageLeadResponse_descriptor);
        ASSERT_TRUE(reply);
        EXPECT_STREQ(reply->lead, "leads/old");
        EXPECT_STREQ(reply->decision->routing_policy, "routingPolicies/old");
        ReplayDecisionRequest replay =
            REPLAY_DECISION_REQUEST_INIT; // its inputs lie under a key, made just now
        replay.name = reply->decision->name;
        auto again = today.call<ReplayDecisionResponse>("TriageService/ReplayDecision", replay,
                                                        ReplayDecisionResponse_descriptor);
        ASSERT_TRUE(again);
        EXPECT_TRUE(again->identical);
    }

    // Whom an older build erased nobody may write to.
    void check_suppression()
    {
        static const struct stmt kept = {
            "suppressed_then", "", "i", "SELECT count(*) FROM suppression WHERE cause = 5", nullptr, nullptr
        };
        Memory m;
        struct db *reader = nullptr;
        ASSERT_TRUE(is_ok(try_open(nullptr, &reader, true)));
        db = reader;
        EXPECT_EQ(query(&m.arena, &kept, {}).v[0].i, 1);
        close();
    }

  private:
    void insert(std::string line)
    {
        line.erase(line.find_last_of(';'));
        if (!sqlite())
            line = std::regex_replace(line, std::regex("X'([0-9a-f]*)'"), "'\\x$1'");
        texts_.push_back(line);
        names_.push_back("row_" + std::to_string(names_.size()));
        stmts_.push_back({ names_.back().c_str(), "", "", texts_.back().c_str(), nullptr, nullptr });
        run(&stmts_.back(), {}, 1);
    }
    std::deque<std::string> texts_, names_;
    std::deque<struct stmt> stmts_;
};

TEST_P(Upgrade, EveryOlderSchemaIsMigratedAndServed)
{
    int64_t newest = 0;
    while (store_migrations[newest].number)
        newest++;
    ASSERT_GT(newest, 1);
    for (int64_t schema = 1; schema < newest; schema++) {
        SCOPED_TRACE("schema " + std::to_string(schema));
        make_old(schema);
        {
            Today today(url);
            check_leads(today);
            check_request_id(today);
            check_decisions(today);
            check_import(today);
            check_triage(today);
            if (since("template") <= schema)
                check_template(today);
            if (since("chooser_level") <= schema)
                check_chooser(today);
        }
        if (schema >= since("suppression"))
            check_suppression();
        TearDown();
        SetUp(); // another database
    }
}

INSTANTIATE_TEST_SUITE_P(Databases, Upgrade, testing::Values("sqlite", "postgresql"));

} // namespace
