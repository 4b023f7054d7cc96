// Leads as all agents see them.
#include "agents/record/events.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"
#include "tests/unit/agents/harness.h"

namespace
{

using harness::House;

struct Given {
    std::string name, email, phone, external_id, company;
    std::vector<std::pair<std::string, std::string>> attributes;
};

Lead *make(arena *a, const Given &g)
{
    Lead *l = PB_NEW(a, Lead);
    l->name = pb_str(a, str_of(g.name.c_str()));
    l->email = pb_str(a, str_of(g.email.c_str()));
    l->phone = pb_str(a, str_of(g.phone.c_str()));
    l->external_id = pb_str(a, str_of(g.external_id.c_str()));
    l->company = pb_str(a, str_of(g.company.c_str()));
    l->attributes = ARENA_ARRAY(a, g.attributes.size() + 1, Lead__AttributesEntry *);
    for (const auto &[key, value] : g.attributes) {
        auto *e = PB_NEW(a, Lead__AttributesEntry);
        e->key = pb_str(a, str_of(key.c_str()));
        e->value = pb_str(a, str_of(value.c_str()));
        l->attributes[l->n_attributes++] = e;
    }
    return l;
}

class Leads : public testing::Test
{
  protected:
    House house{ { &leads_statements, &events_statements } };

    // Creates or updates; the lead's name or the reason of failure.
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
};

TEST_F(Leads, AreFoundByAnyIdentity)
{
    std::string a = upsert({ "", " Ada@Example.COM ", "", "", "Engines" });
    EXPECT_EQ(a.substr(0, 6), "leads/");
    EXPECT_EQ(upsert({ "", "ada@example.com", "+43 (1) 234-567", "", "" }), a);
    EXPECT_EQ(upsert({ "", "", "+431234567", "X-1", "" }), a);
    EXPECT_EQ(upsert({ "", "", "", "X-1", "" }), a);
    EXPECT_NE(upsert({ "", "", "", "x-1", "" }), a);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead WHERE workspace = $1"), 2);
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM lead_identity WHERE workspace = $1"), 4);
}

} // namespace
