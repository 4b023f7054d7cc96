// Random walks of upserts, alone and many in one commit, against an oracle.
#include "tests/unit/agents/record/leads_fixture.h"

#include <map>
#include <random>

namespace
{

using namespace fixture;

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
