// Leads as all agents see them.
#include "tests/unit/agents/record/leads_fixture.h"

#include "agents/record/times.h"

#include <malloc.h>
#include <thread>

namespace
{

using namespace fixture;

// ---- checking ----

TEST_F(Leads, IdentitiesAreBroughtToTheirNormalForm)
{
    arena a;
    arena_init(&a, 1 << 20);
    Lead *l = nullptr;
    Given g = email(" \tAda.Lovelace@Example.COM\n");
    g.phone = " +43 (1) 234-56.78/9 ";
    g.external_id = " As It Is ";
    EXPECT_EQ(check(g, &l, &a), "");
    EXPECT_STREQ(l->email, "ada.lovelace@example.com");
    EXPECT_STREQ(l->phone, "+43123456789");
    EXPECT_STREQ(l->external_id, " As It Is ");
    arena_done(&a);
}

TEST_F(Leads, CountriesAreCodesInUpperCase)
{
    arena a;
    arena_init(&a, 1 << 20);
    Lead *l = nullptr;
    Given g;
    for (const char *good : { "AT", "at", "aT" }) {
        g.country = good;
        EXPECT_EQ(check(g, &l, &a), "") << good;
        EXPECT_STREQ(l->country, "AT");
    }
    for (const char *bad : { "A", "UK", "AUT", "Austria", " AT" }) {
        g.country = bad;
        EXPECT_EQ(check(g, &l, &a), "lead.country; ") << bad;
    }
    g.country = std::string(257, 'A');
    EXPECT_EQ(check(g, &l, &a), "lead.country; ") << "too long, told once";
    arena_done(&a);
}

TEST_F(Leads, AttributesAreSortedTheLastOfANameCountsAndEmptyOnesAreMissing)
{
    arena a;
    arena_init(&a, 1 << 20);
    Lead *l = nullptr;
    Given g;
    g.with("b", "1").with("a", "2").with("c", "3").with("b", "4").with("d", "5").with("d", "").with("a", "6");
    EXPECT_EQ(check(g, &l, &a), "");
    std::string all;
    for (size_t i = 0; i < l->n_attributes; i++)
        all += std::string(l->attributes[i]->key) + l->attributes[i]->value + " ";
    EXPECT_EQ(all, "a6 b4 c3 ");
    arena_done(&a);
}

TEST_F(Leads, EveryBadFieldIsNamed)
{
    arena a;
    arena_init(&a, 8 << 20);
    Lead *l = nullptr;
    Given g;
    g.name = "lead/x";
    g.email = "not an address";
    g.phone = "12-34";
    g.external_id = std::string(129, 'x');
    g.company = std::string(257, 'x');
    g.with("", "x").with(std::string(129, 'n').c_str(), "x").with("long", std::string(4097, 'v'));
    EXPECT_EQ(check(g, &l, &a),
              "lead.name; lead.email; lead.phone; lead.external_id; lead.company; lead.attributes; "
              "lead.attributes; lead.attributes; ");
    for (const char *bad : { "@x", "x@", "a b@x.at", "a@b\x7f.at" })
        EXPECT_EQ(check(email(bad), &l, &a), "lead.email; ") << bad;
    EXPECT_EQ(check(email(std::string(250, 'a') + "@b.at"), &l, &a), "lead.email; ");
    EXPECT_EQ(check(email(std::string(249, 'a') + "@b.at"), &l, &a), "");
    for (const char *bad : { "phone: 12345", "1234", "123456789012345678901", "12345+", "1+2345" }) {
        g = Given();
        g.phone = bad;
        EXPECT_EQ(check(g, &l, &a), "lead.phone; ") << bad;
    }
    g = Given();
    for (int i = 0; i <= LEAD_ATTRIBUTES_MAX; i++)
        g.with(("a" + std::to_string(i)).c_str(), "x");
    EXPECT_EQ(check(g, &l, &a), "lead.attributes; ");
    arena_done(&a);
}

// ---- resolving ----

TEST_F(Leads, AreFoundByAnyIdentity)
{
    std::string a = upsert(email(" Ada@Example.COM "));
    EXPECT_EQ(a.substr(0, 6), "leads/");
    Given g = email("ada@example.com");
    g.phone = "+43 (1) 234-567";
    EXPECT_EQ(upsert(g), a);
    g = Given();
    g.phone = "+431234567";
    g.external_id = "X-1";
    EXPECT_EQ(upsert(g), a);
    g = Given();
    g.external_id = "X-1";
    EXPECT_EQ(upsert(g), a);
    g.external_id = "x-1";
    EXPECT_NE(upsert(g), a);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead WHERE workspace = $1"), 2);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead_identity WHERE workspace = $1"), 4);
}

TEST_F(Leads, WhatIsGivenIsLaidOverWhatIsStored)
{
    Given g = email("a@b.at").with("age", "30").with("job", "cook");
    g.company = "Old";
    std::string name = upsert(g);
    g = email("a@b.at").with("age", "31").with("zip", "1010");
    EXPECT_EQ(upsert(g), name);
    auto l = get(name);
    EXPECT_STREQ(l->company, "Old");
    EXPECT_STREQ(lead_attribute(l.res, STR("age")), "31");
    EXPECT_STREQ(lead_attribute(l.res, STR("job")), "cook");
    EXPECT_STREQ(lead_attribute(l.res, STR("zip")), "1010");
    EXPECT_EQ(lead_attribute(l.res, STR("none")), nullptr);
}

TEST_F(Leads, SayingNothingNewWritesNothing)
{
    Given g = email("a@b.at").with("age", "30");
    std::string name = upsert(g);
    std::string etag = get(name)->etag;
    EXPECT_EQ(upsert(g), name);
    EXPECT_EQ(get(name)->etag, etag);
    EXPECT_EQ(upsert(g.with("age", "31")), name);
    EXPECT_NE(get(name)->etag, etag);
}

TEST_F(Leads, IdentifiersOfTwoLeadsAreAmbiguous)
{
    std::string a = upsert(email("a@b.at"));
    Given g;
    g.phone = "12345";
    std::string b = upsert(g);
    g.email = "a@b.at";
    EXPECT_EQ(upsert(g), "IDENTITY_AMBIGUOUS");
    g.email = "";
    g.name = a;
    EXPECT_EQ(upsert(g), "IDENTITY_AMBIGUOUS");
    g.name = b;
    EXPECT_EQ(upsert(g), b);
}

TEST_F(Leads, ANameMustExistAndAnEtagMustMatch)
{
    Given g = email("a@b.at");
    g.name = "leads/nobody";
    EXPECT_EQ(upsert(g), "LEAD_NOT_FOUND");
    g.name = "";
    g.etag = "0000000000000000";
    EXPECT_EQ(upsert(g), "ETAG_MISMATCH");
    g.etag = "";
    g.name = upsert(g);
    g.etag = get(g.name)->etag;
    g.with("age", "1");
    EXPECT_EQ(upsert(g), g.name);
    g.with("age", "2");
    EXPECT_EQ(upsert(g), "ETAG_MISMATCH");
}

TEST_F(Leads, AnIdentityGivenUpIsFree)
{
    Given g = email("old@b.at");
    g.external_id = "1";
    std::string a = upsert(g);
    g.email = "new@b.at";
    EXPECT_EQ(upsert(g), a);
    EXPECT_NE(upsert(email("old@b.at")), a);
    EXPECT_EQ(upsert(email("new@b.at")), a);
}

TEST_F(Leads, WorkspacesDoNotSeeEachOther)
{
    std::string a = upsert(email("a@b.at"));
    house.workspace = "another";
    EXPECT_EQ(get(a).reason(), "LEAD_NOT_FOUND");
    EXPECT_NE(upsert(email("a@b.at")), a);
}

TEST_F(Leads, OneOfTwoConcurrentChangesIsDecidedAgain)
{
    std::string a = upsert(email("a@b.at").with("n", "0"));
    bool other = false;
    house.before_commit = [&] {
        if (other)
            return;
        other = true;
        EXPECT_EQ(upsert(email("a@b.at").with("theirs", "1")), a);
    };
    EXPECT_EQ(upsert(email("a@b.at").with("ours", "1")), a);
    auto l = get(a);
    EXPECT_STREQ(lead_attribute(l.res, STR("theirs")), "1");
    EXPECT_STREQ(lead_attribute(l.res, STR("ours")), "1");
}

TEST_F(Leads, TwoConcurrentNewLeadsOfOneIdentityBecomeOne)
{
    std::string theirs;
    house.before_commit = [&] {
        if (theirs.empty()) {
            theirs = "-";
            theirs = upsert(email("a@b.at"));
        }
    };
    EXPECT_EQ(upsert(email("a@b.at").with("ours", "1")), theirs);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead WHERE workspace = $1"), 1);
}

// ---- identities known to be new ----

class KnownIdentities : public Leads
{
  protected:
    void SetUp() override
    {
        arena_init(&memory, 1 << 20);
        ASSERT_EQ(known_open(10000, &memory, &house.app.known).code, CODE_OK);
    }
    void TearDown() override
    {
        known_close(house.app.known);
        arena_done(&memory);
    }
    void fill()
    {
        auto a = house.run([](ctx *c) { return known_fill(c); });
        ASSERT_EQ(a.reason(), "OK");
    }
    // Whether finding this lead reads the store.
    bool reads(const Given &g)
    {
        arena a;
        arena_init(&a, 1 << 20);
        unit u = {};
        ctx c = house.make(&a, &u);
        lead_row row;
        EXPECT_EQ(lead_resolve(&c, make(&a, g), &row).code, CODE_OK);
        bool read = c.read != nullptr;
        db_read_done(&c);
        arena_done(&a);
        return read;
    }
    arena memory;
};

TEST_F(KnownIdentities, CostNoReadWhereTheyAreNew)
{
    std::string a = upsert(email("a@b.at"));
    EXPECT_TRUE(reads(email("new@b.at"))) << "not filled yet";
    fill();
    EXPECT_FALSE(reads(email("new@b.at")));
    EXPECT_TRUE(reads(email("a@b.at")));
    std::string b = upsert(email("b@b.at"));
    EXPECT_TRUE(reads(email("b@b.at")));
    EXPECT_EQ(upsert(email("a@b.at")), a);
    EXPECT_EQ(upsert(email("b@b.at")), b);
    house.workspace = "another";
    EXPECT_FALSE(reads(email("a@b.at")));
}

TEST_F(KnownIdentities, MayLagBehindAnotherReplica)
{
    fill();
    struct known *here = house.app.known;
    house.app.known = nullptr; // another process, which this one hears nothing of
    Given theirs = email("a@b.at");
    theirs.external_id = "7";
    std::string name = upsert(theirs);
    house.app.known = here;
    EXPECT_FALSE(reads(email("a@b.at")));
    EXPECT_EQ(upsert(email("a@b.at").with("ours", "1")), name); // the commit conflicts, the second run asks
    EXPECT_STREQ(lead_attribute(get(name).res, STR("ours")), "1");
    EXPECT_TRUE(reads(email("a@b.at"))) << "what was met is known";
    Given together = email("b@b.at");
    together.external_id = "7";
    EXPECT_EQ(upsert_together({ together, email("b@b.at"), email("c@b.at") }, true)[1], name);
}

TEST_F(KnownIdentities, AreNotBelievedWhereNoCommitChecksThem)
{
    fill();
    struct known *here = house.app.known;
    house.app.known = nullptr;
    Given theirs = email("a@b.at");
    std::string name = upsert(theirs);
    house.app.known = here;
    theirs.etag = get(name).res->etag;
    EXPECT_TRUE(reads(theirs));
}

// The longest identities there may be, more of them than a page, in the memory of a job.
TEST_F(KnownIdentities, AreFilledPageByPageInAJobsArena)
{
    static const struct stmt insert = {
        "test_identity",
        "tit",
        "",
        "INSERT INTO lead_identity (workspace, kind, value, lead_id) VALUES ($1, $2, $3, 'l')",
        nullptr,
        nullptr
    };
    auto a = house.run([](ctx *c) {
        for (int i = 0; i < 6000; i++)
            UNIT_ADD(c->unit, &insert, 1, REASON_CONFLICT, v_text(c->workspace), v_int(1),
                     v_text(arena_printf(c->arena, "%0254d", i)));
        return ok();
    });
    ASSERT_EQ(a.reason(), "OK");
    arena job;
    arena_init(&job, 8u << 20);
    for (int page = 0; page < 2; page++) {
        ASSERT_EQ(house.attempt([](ctx *c) { return known_fill(c); }, &job, 0).code, CODE_OK);
        arena_reset(&job);
    }
    arena_done(&job);
    EXPECT_FALSE(known_may_exist(house.app.known, house.workspace.c_str(), 1, "new")) << "all was read";
}

// Where the allocator is not the sanitizers': they do not count what is in use.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
size_t in_use()
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

TEST(Known, GivingUpFreesTheMemory)
{
    const int limit = 100000;
    arena a;
    known *k = nullptr;
    arena_init(&a, 1 << 20);
    size_t before = in_use();
    ASSERT_EQ(known_open(limit, &a, &k).code, CODE_OK);
    for (int i = 0; i < limit; i++)
        known_add(k, "w", 1, std::to_string(i).c_str());
    EXPECT_GT(in_use(), before + 8 * limit);
    EXPECT_LT(in_use(), before + 24 * limit);
    known_add(k, "w", 1, "0");
    EXPECT_GT(in_use(), before + 8 * limit) << "known already";
    known_add(k, "w", 1, "one more");
    EXPECT_LT(in_use(), before + 100000);
    known_add(k, "w", 1, "and another");
    EXPECT_TRUE(known_may_exist(k, "w", 1, "never seen"));
    known_close(k);
    arena_done(&a);
}
#endif

TEST(Known, IsGivenUpByManyThreadsAtOnce)
{
    arena a;
    known *k = nullptr;
    arena_init(&a, 1 << 20);
    ASSERT_EQ(known_open(3000, &a, &k).code, CODE_OK);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([=] {
            for (int i = 0; i < 1000; i++) {
                std::string value = std::to_string(t) + "-" + std::to_string(i);
                known_add(k, "w", 1, value.c_str());
                EXPECT_TRUE(known_may_exist(k, "w", 1, value.c_str()));
            }
        });
    for (std::thread &t : threads)
        t.join();
    EXPECT_TRUE(known_may_exist(k, "w", 1, "never seen"));
    known_close(k);
    arena_done(&a);
}

// ---- fields and engagement ----

TEST_F(Leads, FieldsAreSortedAndOwnOnesCount)
{
    Given g = email("ada@engines.example")
                  .with("company", "shadow")
                  .with("age", "36")
                  .with("zip", "9")
                  .with("source", "from attributes");
    g.company = "Engines";
    std::string all;
    auto r = house.run([&](ctx *c) {
        Lead *l = make(c->arena, g);
        const field *fields = nullptr;
        size_t n = 0;
        TRY(lead_check(c, l, "lead"));
        TRY(lead_fields(c, l, &fields, &n));
        for (size_t i = 0; i < n; i++)
            all += std::string(fields[i].name.p, fields[i].name.n) + "=" +
                   std::string(fields[i].text.p, fields[i].text.n) + "; ";
        return ok();
    });
    EXPECT_EQ(r.reason(), "OK");
    EXPECT_EQ(all, "age=36; company=Engines; email_domain=engines.example; has_phone=false; source=from "
                   "attributes; zip=9; ");
}

TEST_F(Leads, EngagementDecaysAndDoesNotDependOnTheOrderOfEvents)
{
    auto r = house.run([&](ctx *c) {
        Lead *a = PB_NEW(c->arena, Lead), *b = PB_NEW(c->arena, Lead);
        const double half_life = 100;
        TRY(lead_engage(c, a, 1000, 8, half_life));
        TRY(lead_engage(c, a, 1100, 1, half_life));
        TRY(lead_engage(c, a, 1300, 2, half_life));
        EXPECT_DOUBLE_EQ(a->engagement->value, 8 / 8.0 + 1 / 4.0 + 2);
        EXPECT_EQ(a->engagement->event_count, 3);
        EXPECT_EQ(time_us(a->engagement->as_of_time), 1300);
        TRY(lead_engage(c, b, 1300, 2, half_life));
        TRY(lead_engage(c, b, 1000, 8, half_life));
        TRY(lead_engage(c, b, 1100, 1, half_life));
        EXPECT_DOUBLE_EQ(b->engagement->value, a->engagement->value);
        EXPECT_EQ(time_us(b->engagement->as_of_time), 1300);
        return ok();
    });
    EXPECT_EQ(r.reason(), "OK");
}

} // namespace
