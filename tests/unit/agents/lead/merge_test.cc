// MergeLeads, and random walks of merges and upserts against an oracle.
#include "tests/unit/agents/lead/fixture.h"

#include <random>
#include <set>

namespace
{

using namespace fixture;

class Merges : public LeadRoom
{
  protected:
    Answer<BatchCreateLeadsResponse> upsert(const Fields &fields)
    {
        BatchCreateLeadsRequest req = BATCH_CREATE_LEADS_REQUEST_INIT;
        Lead *one = lead(fields);
        req.leads = &one;
        req.n_leads = 1;
        return house.call(batch_create_leads, req, &BatchCreateLeadsResponse_descriptor);
    }
    // By a single resolve, as TriageLead does it: the lead's name, or the reason.
    std::string resolve(const Fields &fields)
    {
        std::string name;
        auto a = house.run([&](ctx *c) {
            lead_row row;
            Lead *given = lead(fields);
            TRY(lead_check(c, given, "lead"));
            TRY(lead_resolve(c, given, &row));
            name = row.lead->name;
            return lead_changed(&row) ? lead_save(c, &row, REASON_CONFLICT) : ok();
        });
        return a.ok_() ? name : a.reason();
    }
};

TEST_F(Merges, TheSurvivorGetsWhatItLacks)
{
    std::string a = create({ { "email", "a@x.at" }, { "company", "A" }, { "attributes.n", "1" } })->name;
    std::string b = create({ { "email", "b@x.at" },
                             { "phone", "12345" },
                             { "company", "B" },
                             { "job_title", "Boss" },
                             { "attributes.n", "2" },
                             { "attributes.m", "3" } })
                        ->name;
    auto m = merge(a, b);
    ASSERT_EQ(m.reason(), "OK") << m.message();
    EXPECT_EQ(m->name, a);
    auto l = get(b);
    EXPECT_EQ(l->name, a);
    EXPECT_STREQ(l->email, "a@x.at");
    EXPECT_STREQ(l->phone, "12345");
    EXPECT_STREQ(l->company, "A");
    EXPECT_STREQ(l->job_title, "Boss");
    EXPECT_EQ(attribute(l.res, "n"), "1");
    EXPECT_EQ(attribute(l.res, "m"), "3");
    EXPECT_EQ(count("lead"), 1);
    EXPECT_EQ(count("lead_identity"), 3);
    EXPECT_EQ(count("lead_identity_moved"), 1);
    EXPECT_EQ(events("lead.merged"), 1);
}

TEST_F(Merges, AllIdentitiesGoOnLeadingToTheSurvivor)
{
    std::string a = create({ { "email", "a@x.at" } })->name,
                b = create({ { "email", "b@x.at" }, { "phone", "12345" } })->name;
    std::string d = create({ { "email", "d@x.at" } })->name;
    ASSERT_TRUE(merge(b, d).ok_());
    ASSERT_TRUE(merge(a, b).ok_()); // what b had taken over goes along
    for (const char *email : { "a@x.at", "b@x.at", "d@x.at" }) {
        EXPECT_EQ(resolve({ { "email", email } }), a) << email;
        EXPECT_STREQ(upsert({ { "email", email }, { "company", email } })->results[0]->lead, a.c_str())
            << email;
    }
    EXPECT_EQ(resolve({ { "email", "d@x.at" }, { "phone", "12345" } }), a);
    EXPECT_STREQ(get(a)->email, "a@x.at"); // the others lead to it, and do not replace its own
    for (const auto &name : { b, d })
        EXPECT_EQ(get(name)->name, a);
    EXPECT_EQ(create({ { "email", "b@x.at" } }).reason(), "IDENTITY_TAKEN");
    EXPECT_EQ(create({ { "email", "new@x.at" } }, d.substr(6)).reason(), "LEAD_ALREADY_EXISTS");
}

TEST_F(Merges, AMovedIdentityMayBecomeTheLeadsOwn)
{
    std::string a = create({ { "email", "a@x.at" } })->name, b = create({ { "email", "b@x.at" } })->name;
    ASSERT_TRUE(merge(a, b).ok_());
    UpdateLeadRequest req = UPDATE_LEAD_REQUEST_INIT;
    req.lead = lead({ { "name", a }, { "email", "b@x.at" } });
    auto u = house.call(update_lead, req, &Lead_descriptor);
    ASSERT_EQ(u.reason(), "OK") << u.message();
    EXPECT_STREQ(get(a)->email, "b@x.at");
    EXPECT_EQ(count("lead_identity"), 1); // the old one was given up
    EXPECT_EQ(count("lead_identity_moved"), 0);
    EXPECT_EQ(resolve({ { "email", "b@x.at" } }), a);
    EXPECT_NE(resolve({ { "email", "a@x.at" } }), a);
}

TEST_F(Merges, EventsOutcomesAndActivityMove)
{
    std::string a = create({ { "email", "a@x.at" } })->name, b = create({ { "email", "b@x.at" } })->name;
    const int64_t now = clock_wall_us();
    ingest({ { "e1", a, "", "", "page_view", now - 3000 },
             { "e2", b, "", "", "page_view", now - 2000 },
             { "e3", b, "", "", "page_view", now - 1000 } });
    ASSERT_TRUE(merge(a, b).ok_());
    EXPECT_EQ(events_of(a), (std::vector<std::string>{ "e1", "e2", "e3" }));
    auto l = get(a);
    EXPECT_EQ(l->engagement->event_count, 3);
    EXPECT_EQ(time_us(l->engagement->as_of_time), now - 1000);
    EXPECT_NEAR(l->engagement->value, 3 * engagement_weight(&engagement_axis_prior, STR("page_view")), 1e-6);
}

TEST_F(Merges, AMergeIsCheckedAndMayBeRepeated)
{
    std::string a = create({ { "email", "a@x.at" } })->name, b = create({ { "email", "b@x.at" } })->name;
    EXPECT_EQ(merge(a, a).reason(), "FIELD_INVALID");
    EXPECT_EQ(merge(a, "leads/nobody").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(merge("leads/nobody", a).reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(merge("", a).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(merge(a, "").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(merge(a, b).reason(), "OK");
    auto again = merge(a, b);
    EXPECT_EQ(again.reason(), "OK");
    EXPECT_EQ(again.writes, 0);
}

TEST_F(Merges, AMergeBesideAnEventLosesNothing)
{
    std::string a = create({ { "email", "a@x.at" } })->name, b = create({ { "email", "b@x.at" } })->name;
    bool other = false;
    house.before_commit = [&] {
        if (!other) {
            other = true;
            EXPECT_TRUE(merge(a, b).ok_());
        }
    };
    auto r = ingest({ { "e1", b, "", "" } });
    EXPECT_EQ(r.reason(), "OK");
    EXPECT_EQ(r.attempts, 1);
    EXPECT_EQ(events_of(a), std::vector<std::string>{ "e1" });
}

TEST_F(Merges, AMergeBesideAnOutcomeLosesNothing)
{
    std::string a = create({ { "email", "a@x.at" } })->name, b = create({ { "email", "b@x.at" } })->name;
    bool other = false;
    house.before_commit = [&] {
        if (!other) {
            other = true;
            EXPECT_TRUE(merge(a, b).ok_());
        }
    };
    RecordOutcomeRequest req = RECORD_OUTCOME_REQUEST_INIT;
    req.parent = text(b);
    req.outcome = PB_NEW(&memory, Outcome);
    auto r = house.call(record_outcome, req, &Outcome_descriptor);
    EXPECT_EQ(r.reason(), "OK");
    EXPECT_EQ(r.attempts, 1);
    EXPECT_EQ(std::string(r->name).substr(0, a.size()), a);
}

// The rules again, over sets of identities.
struct Oracle {
    struct Entry {
        std::string primary[3];
        std::set<std::pair<int, std::string>> all;
        int merged_into = -1;
    };
    std::vector<Entry> leads;

    int living(int i) const
    {
        while (leads[i].merged_into >= 0)
            i = leads[i].merged_into;
        return i;
    }
    int owner(int kind, const std::string &value) const
    {
        for (size_t i = 0; i < leads.size(); i++)
            if (leads[i].merged_into < 0 && leads[i].all.count({ kind, value }))
                return static_cast<int>(i);
        return -1;
    }
    // The index of the lead, or -1: ambiguous.
    int upsert(const std::string (&given)[3])
    {
        int found = -1;
        for (int kind = 0; kind < 3; kind++) {
            int o = given[kind].empty() ? -1 : owner(kind, given[kind]);
            if (o >= 0 && found >= 0 && o != found)
                return -1;
            found = o >= 0 ? o : found;
        }
        if (found < 0) {
            found = static_cast<int>(leads.size());
            leads.emplace_back();
        }
        Entry &e = leads[found];
        for (int kind = 0; kind < 3; kind++) {
            if (given[kind].empty() || e.all.count({ kind, given[kind] }))
                continue;
            e.all.erase({ kind, e.primary[kind] });
            e.primary[kind] = given[kind];
            e.all.insert({ kind, given[kind] });
        }
        return found;
    }
    void merge(int to, int from)
    {
        for (int kind = 0; kind < 3; kind++)
            if (leads[to].primary[kind].empty())
                leads[to].primary[kind] = leads[from].primary[kind];
        leads[to].all.insert(leads[from].all.begin(), leads[from].all.end());
        leads[from].all.clear();
        leads[from].merged_into = to;
    }
};

class RandomMerges : public Merges, public testing::WithParamInterface<int>
{
};

TEST_P(RandomMerges, AgreeWithTheOracle)
{
    std::mt19937 random(GetParam());
    Oracle oracle;
    std::vector<std::string> names;
    auto some = [&](const char *start, const char *end) {
        return random() % 2 ? "" : start + std::to_string(random() % 15) + end;
    };
    for (int step = 0; step < 120; step++) {
        if (names.size() > 2 && random() % 5 == 0) {
            int to = oracle.living(random() % names.size()), from = oracle.living(random() % names.size());
            if (to == from)
                continue;
            ASSERT_EQ(merge(names[to], names[from]).reason(), "OK");
            oracle.merge(to, from);
            continue;
        }
        const std::string given[3] = { some("e", "@x.at"), some("1000", ""), some("X", "") };
        if (given[0].empty() && given[1].empty() && given[2].empty())
            continue;
        Fields fields = { { "email", given[0] }, { "phone", given[1] }, { "external_id", given[2] } };
        std::string got;
        if (random() % 2) {
            got = resolve(fields);
        } else {
            auto r = upsert(fields);
            got = *r->results[0]->lead ? r->results[0]->lead : r->results[0]->status->reason;
        }
        int wanted = oracle.upsert(given);
        if (wanted == static_cast<int>(names.size()))
            names.push_back(got);
        ASSERT_EQ(got, wanted < 0 ? "IDENTITY_AMBIGUOUS" : names[wanted]) << "step " << step;
    }
    size_t identities = 0;
    for (size_t i = 0; i < names.size(); i++) {
        const auto &e = oracle.leads[oracle.living(static_cast<int>(i))];
        auto l = get(names[i]);
        ASSERT_TRUE(l.ok_());
        EXPECT_EQ(l->name, names[oracle.living(static_cast<int>(i))]);
        for (int kind = 0; kind < 3; kind++)
            EXPECT_EQ(lead_text(l.res, kind), e.primary[kind]) << names[i];
        identities += oracle.leads[i].all.size();
    }
    EXPECT_EQ(count("lead_identity"), static_cast<int64_t>(identities));
    for (size_t i = 0; i < names.size(); i++)
        if (oracle.leads[i].merged_into < 0) {
            ASSERT_EQ(remove(names[i]).reason(), "OK");
        }
    for (const char *table : { "lead", "lead_identity", "lead_identity_moved", "lead_alias" })
        EXPECT_EQ(count(table), 0) << table;
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomMerges, testing::Range(1, 21));

} // namespace
