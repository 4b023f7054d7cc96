// ListLeads.
#include "tests/unit/agents/lead/fixture.h"

namespace
{

using namespace fixture;

class Lists : public LeadRoom
{
  protected:
    Answer<ListLeadsResponse> page(const std::string &filter, int size = 0, const std::string &token = "")
    {
        ListLeadsRequest req = LIST_LEADS_REQUEST_INIT;
        req.filter = text(filter);
        req.page_size = size;
        req.page_token = text(token);
        return house.call(list_leads, req, &ListLeadsResponse_descriptor);
    }

    // The ids of all leads that match, over all pages; the reason where it fails.
    std::string all(const std::string &filter, int size = 0, int *pages = nullptr)
    {
        std::string ids, token;
        int n = 0;
        do {
            auto a = page(filter, size, token);
            if (!a.ok_())
                return a.reason();
            for (size_t i = 0; i < a->n_leads; i++)
                ids += (ids.empty() ? "" : " ") + std::string(a->leads[i]->name).substr(6);
            token = a->next_page_token;
            n++;
        } while (!token.empty());
        if (pages)
            *pages = n;
        return ids;
    }

    // Many leads in few commits, straight into the store.
    void fill(int n)
    {
        for (int i = 0; i < n;) {
            auto a = house.run([&](ctx *c) {
                for (int end = std::min(n, i + 2000); i < end; i++) {
                    char id[32];
                    snprintf(id, sizeof id, "l%06d", i);
                    lead_row row;
                    TRY(lead_new(c, lead({ { "attributes.n", std::to_string(i) } }), id, &row));
                    TRY(lead_save(c, &row, REASON_CONFLICT));
                }
                return ok();
            });
            ASSERT_EQ(a.reason(), "OK");
        }
    }
};

TEST_F(Lists, AreOrderedByIdAndPaged)
{
    EXPECT_EQ(all(""), "");
    for (const char *id : { "c", "a", "e", "b", "d" })
        create({ { "email", std::string(id) + "@x.at" } }, id);
    int pages = 0;
    EXPECT_EQ(all("", 0, &pages), "a b c d e");
    EXPECT_EQ(pages, 1);
    EXPECT_EQ(all("", 2, &pages), "a b c d e");
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(all("", 5, &pages), "a b c d e");
    EXPECT_EQ(pages, 1);
    house.workspace = "another";
    EXPECT_EQ(all(""), "");
}

// Leads so large that a step has no room to look into one of them: what it kept before is not kept again when
// it is tried with fewer rows.
TEST_F(Lists, AreWholeWhereAStepRunsOutOfMemory)
{
    static const std::string value(4096, 'x');
    Lead *large = PB_NEW(&memory, Lead);
    large->n_attributes = LEAD_ATTRIBUTES_MAX;
    large->attributes = ARENA_ARRAY(&memory, LEAD_ATTRIBUTES_MAX, Lead__AttributesEntry *);
    for (int i = 0; i < LEAD_ATTRIBUTES_MAX; i++) {
        auto *e = large->attributes[i] = PB_NEW(&memory, Lead__AttributesEntry);
        e->key = text("a" + std::to_string(1000 + i));
        e->value = const_cast<char *>(value.c_str());
    }
    for (const char *id : { "a", "b", "c" })
        create({ { "company", "small" }, { "email", std::string(id) + "@x.at" } }, id);
    for (int i = 0; i < 31; i++) {
        auto a = house.run([&](ctx *c) {
            lead_row row;
            TRY(lead_new(c, large, ("l" + std::to_string(10 + i)).c_str(), &row));
            return lead_save(c, &row, REASON_CONFLICT);
        });
        ASSERT_EQ(a.reason(), "OK");
    }
    create({ { "company", "small" }, { "email", "z@x.at" } }, "z");
    EXPECT_EQ(all("company = \"small\""), "a b c z");
}

TEST_F(Lists, CanBeFilteredByEveryDocumentedField)
{
    house.now_us = INT64_C(1767225600000000); // 2026-01-01
    create({ { "email", "a@x.at" },
             { "phone", "12345" },
             { "external_id", "E1" },
             { "full_name", "Ada L" },
             { "company", "Engines" },
             { "job_title", "Countess" },
             { "source", "webinar" },
             { "country", "AT" },
             { "time_zone", "Europe/Vienna" },
             { "attributes.age", "36" },
             { "attributes.emp.var.rate", "-1.8" } },
           "a");
    house.now_us += US_PER_DAY;
    create({ { "email", "b@x.at" } }, "b");
    auto r = house.run([&](ctx *c) {
        lead_row row;
        TRY(lead_load(c, "leads/b", "name", &row));
        row.lead->triage = PB_NEW(c->arena, LeadTriage);
        row.lead->triage->category = LEAD_CATEGORY_CAMPAIGN_QUALIFIED;
        row.lead->triage->destination = AGENT_TYPE_ENGAGE;
        row.lead->triage->priority = PRIORITY_HIGH;
        row.lead->triage->fit_score = 0.75;
        row.lead->triage->engagement_score = 0.25;
        return lead_save(c, &row, REASON_CONFLICT);
    });
    ASSERT_EQ(r.reason(), "OK");
    for (const char *filter :
         { "email = a@x.at", "phone:123", "external_id = \"E1\"", "full_name:ada", "company = Engines",
           "job_title:count", "source = webinar", "country = AT", "time_zone = \"Europe/Vienna\"",
           "create_time < 2026-01-02", "update_time = 2026-01-01", "attributes.age > 4",
           "attributes.emp.var.rate < 0", "-triage.category:*" })
        EXPECT_EQ(all(filter), "a") << filter;
    for (const char *filter :
         { "triage.category = CAMPAIGN_QUALIFIED", "triage.destination = AGENT_TYPE_ENGAGE",
           "triage.priority >= MEDIUM", "triage.fit_score > 0.5", "triage.engagement_score < 0.5",
           "NOT attributes.age:*" })
        EXPECT_EQ(all(filter), "b") << filter;
    EXPECT_EQ(all("name = x"), "FILTER_INVALID");
    EXPECT_EQ(all("triage.fit_score > high"), "FILTER_INVALID");
}

TEST_F(Lists, TokensBelongToTheirFilterMethodAndWorkspace)
{
    for (const char *id : { "a", "b", "c" })
        create({ { "email", std::string(id) + "@x.at" } }, id);
    std::string token = page("", 1)->next_page_token;
    EXPECT_EQ(page("", 1, token).reason(), "OK");
    EXPECT_EQ(page("", 2, token).reason(), "OK");
    EXPECT_EQ(page("email:x", 1, token).reason(), "PAGE_TOKEN_INVALID");
    house.method = "test/Other";
    EXPECT_EQ(page("", 1, token).reason(), "PAGE_TOKEN_INVALID");
    house.method = "test/Test";
    house.workspace = "another";
    EXPECT_EQ(page("", 1, token).reason(), "PAGE_TOKEN_INVALID");
    house.workspace = "default";
    for (size_t i = 0; i < token.size(); i++) {
        std::string bad = token;
        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(page("", 1, bad).reason(), "PAGE_TOKEN_INVALID") << i;
    }
    for (const std::string &bad : { std::string("x"), token + "A", token.substr(1), std::string(5000, 'A'),
                                    std::string("not base64!") })
        EXPECT_EQ(page("", 1, bad).reason(), "PAGE_TOKEN_INVALID");
    EXPECT_EQ(page("", -1).reason(), "FIELD_OUT_OF_RANGE");
    EXPECT_EQ(page("", 1001).reason(), "OK");
}

TEST_F(Lists, APageReadsAtMostTenThousandRows)
{
    fill(25001);
    auto first = page("attributes.n = 24000");
    ASSERT_EQ(first.reason(), "OK");
    EXPECT_EQ(first->n_leads, 0u);
    EXPECT_STRNE(first->next_page_token, "");
    int pages = 0;
    EXPECT_EQ(all("attributes.n = 24000", 0, &pages), "l024000");
    EXPECT_EQ(pages, 3);
    auto full = page("attributes.n >= 100", 1000);
    EXPECT_EQ(full->n_leads, 1000u);
    EXPECT_STREQ(full->leads[0]->name, "leads/l000100");
    EXPECT_STREQ(page("attributes.n >= 100", 1000, full->next_page_token)->leads[0]->name, "leads/l001100");
}

TEST_F(Lists, LargeLeadsMakeSmallerPages)
{
    Fields big;
    for (int i = 0; i < 200; i++)
        big["attributes.a" + std::to_string(i)] = std::string(4000, 'x');
    for (int i = 0; i < 12; i++) {
        big["email"] = std::to_string(i) + "@x.at";
        ASSERT_TRUE(create(big, "l" + std::to_string(10 + i)).ok_());
    }
    auto first = page("");
    EXPECT_EQ(first.reason(), "OK");
    EXPECT_GT(first->n_leads, 0u);
    EXPECT_LT(first->n_leads, 12u);
    EXPECT_EQ(all(""), "l10 l11 l12 l13 l14 l15 l16 l17 l18 l19 l20 l21");
}

} // namespace
