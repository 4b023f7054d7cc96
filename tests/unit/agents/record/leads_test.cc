// Leads as all agents see them.
#include "agents/record/events.h"
#include "agents/record/known.h"
#include "agents/record/lead_set.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "agents/record/times.h"
#include "tests/unit/agents/harness.h"

#include <cmath>
#include <map>
#include <random>

namespace
{

using harness::House;

struct Given {
    std::string name, email, phone, external_id, company, etag;
    std::vector<std::pair<std::string, std::string>> attributes;

    Given &with(const char *key, const std::string &value)
    {
        attributes.emplace_back(key, value);
        return *this;
    }
};

Given email(const std::string &s)
{
    Given g;
    g.email = s;
    return g;
}

Lead *make(arena *a, const Given &g)
{
    auto text = [&](const std::string &s) { return pb_str(a, str_make(s.data(), s.size())); };
    Lead *l = PB_NEW(a, Lead);
    l->name = text(g.name);
    l->email = text(g.email);
    l->phone = text(g.phone);
    l->external_id = text(g.external_id);
    l->company = text(g.company);
    l->etag = text(g.etag);
    l->attributes = ARENA_ARRAY(a, g.attributes.size() + 1, Lead__AttributesEntry *);
    for (const auto &[key, value] : g.attributes) {
        auto *e = PB_NEW(a, Lead__AttributesEntry);
        e->key = text(key);
        e->value = text(value);
        l->attributes[l->n_attributes++] = e;
    }
    return l;
}

class Leads : public testing::Test
{
  protected:
    House house{ { &leads_statements, &events_statements, &known_statements } };

    // Creates or updates one after the other in commits of their own: names, or reasons of failure.
    std::string upsert(const Given &g)
    {
        std::string name;
        auto a = house.run([&](ctx *c) {
            lead_row row;
            Lead *given = make(c->arena, g);
            TRY(lead_check(c, given, "lead"));
            TRY(lead_resolve(c, given, &row));
            if (lead_changed(&row))
                TRY(lead_save(c, &row, REASON_CONFLICT));
            name = row.lead->name;
            return ok();
        });
        return a.ok_() ? name : a.reason();
    }

    // The same in one commit.
    std::vector<std::string> upsert_together(const std::vector<Given> &all, bool prefetch)
    {
        std::vector<std::string> names;
        auto a = house.run([&](ctx *c) {
            names.clear();
            lead_set *set = lead_set_new(c, all.size());
            std::vector<Lead *> given;
            for (const auto &g : all)
                given.push_back(make(c->arena, g));
            for (Lead *l : given)
                TRY(lead_check(c, l, "lead"));
            if (prefetch)
                TRY(lead_set_prefetch(set, given.data(), given.size()));
            for (Lead *l : given) {
                lead_row *row = nullptr;
                struct status s = lead_set_resolve(set, l, "lead", &row);
                names.push_back(s.code ? reason_name(static_cast<enum reason>(s.reason)) : row->lead->name);
            }
            return lead_set_save(set);
        });
        EXPECT_EQ(a.reason(), "OK") << a.message();
        return names;
    }

    harness::Answer<Lead> get(const std::string &name)
    {
        return house.run<Lead>(
            [&](ctx *c, Lead *res) {
                lead_row row;
                TRY(lead_load(c, name.c_str(), "name", &row));
                *res = *row.lead;
                return ok();
            },
            &Lead_descriptor);
    }

    std::string check(const Given &g, Lead **ret, arena *a)
    {
        unit u = {};
        ctx c = house.make(a, &u);
        *ret = make(a, g);
        struct status s = lead_check(&c, *ret, "lead");
        std::string text;
        for (const violation *v = s.violations; v; v = v->next)
            text += std::string(v->field) + "; ";
        return text;
    }
};

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
        ASSERT_EQ(known_open(1000, &memory, &house.app.known).code, CODE_OK);
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
    Given together = email("b@b.at");
    together.external_id = "7";
    EXPECT_EQ(upsert_together({ together, email("b@b.at"), email("c@b.at") }, true)[1], name);
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

// ---- against an oracle ----

// The rules of lead.proto, in the simplest form: a list of leads, searched from the start.
struct Oracle {
    struct Entry {
        std::string identities[3];
        std::map<std::string, std::string> attributes;
    };
    std::vector<Entry> leads;

    // The index of the lead, or -1: ambiguous.
    int upsert(const Given &g, int named)
    {
        const std::string given[3] = { g.email, g.phone, g.external_id };
        int found = named;
        for (int kind = 0; kind < 3; kind++)
            for (size_t i = 0; i < leads.size() && !given[kind].empty(); i++)
                if (leads[i].identities[kind] == given[kind]) {
                    if (found >= 0 && found != static_cast<int>(i))
                        return -1;
                    found = static_cast<int>(i);
                }
        if (found < 0) {
            found = static_cast<int>(leads.size());
            leads.emplace_back();
        }
        for (int kind = 0; kind < 3; kind++)
            if (!given[kind].empty())
                leads[found].identities[kind] = given[kind];
        for (const auto &[key, value] : g.attributes)
            leads[found].attributes[key] = value;
        return found;
    }
};

struct Walk {
    std::mt19937 random;
    Oracle oracle;
    std::vector<std::string> names; // of the oracle's leads

    std::string some(const char *kind, const char *tail)
    {
        return random() % 2 ? "" : kind + std::to_string(random() % 12) + tail;
    }

    Given row(int *ret_named)
    {
        Given g;
        *ret_named = names.empty() || random() % 6 ? -1 : static_cast<int>(random() % names.size());
        g.name = *ret_named < 0 ? "" : names[*ret_named];
        g.email = some("e", "@x.at");
        g.phone = some("1000", "");
        g.external_id = some("X", "");
        return g.with(("k" + std::to_string(random() % 3)).c_str(), std::to_string(random() % 5));
    }

    void expect(const std::string &got, int wanted)
    {
        if (wanted < 0) {
            ASSERT_EQ(got, "IDENTITY_AMBIGUOUS");
        } else if (wanted == static_cast<int>(names.size())) {
            ASSERT_EQ(got.substr(0, 6), "leads/");
            names.push_back(got);
        } else {
            ASSERT_EQ(got, names[wanted]);
        }
    }
};

class RandomWalks : public Leads, public testing::WithParamInterface<int>
{
};

TEST_P(RandomWalks, AgreeWithTheOracle)
{
    Walk w = { std::mt19937(GetParam()), {}, {} };
    for (int step = 0; step < 60; step++) {
        size_t n = w.random() % 3 ? 1 : 2 + w.random() % 40; // alone, or many in one commit
        std::vector<Given> rows;
        std::vector<int> named(n), wanted;
        for (size_t i = 0; i < n; i++)
            rows.push_back(w.row(&named[i]));
        std::vector<std::string> got;
        if (n == 1)
            got.push_back(upsert(rows[0]));
        else
            got = upsert_together(rows, w.random() % 2);
        ASSERT_EQ(got.size(), n);
        for (size_t i = 0; i < n; i++) {
            w.expect(got[i], w.oracle.upsert(rows[i], named[i]));
            if (HasFatalFailure())
                return;
        }
    }
    int64_t identities = 0;
    for (size_t i = 0; i < w.names.size(); i++) {
        auto l = get(w.names[i]);
        ASSERT_TRUE(l.ok_());
        for (int kind = 0; kind < 3; kind++) {
            EXPECT_EQ(lead_text(l.res, kind), w.oracle.leads[i].identities[kind]);
            identities += !w.oracle.leads[i].identities[kind].empty();
        }
        EXPECT_EQ(l->n_attributes, w.oracle.leads[i].attributes.size());
        for (const auto &[key, value] : w.oracle.leads[i].attributes)
            EXPECT_EQ(value, lead_attribute(l.res, str_make(key.data(), key.size())));
    }
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead WHERE workspace = $1"),
              static_cast<int64_t>(w.names.size()));
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead_identity WHERE workspace = $1"), identities);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomWalks, testing::Range(1, 25));

} // namespace
