// Journeys that leads enter by what they are, not by what happens.
#include "tests/unit/agents/engage/journey_room.h"

using namespace fixture;

namespace
{

class Segments : public Journeys
{
  protected:
    Journey *segment(const std::string &filter)
    {
        Journey *j = b.journey({ b.wait("day", 86400), b.send("hello") });
        j->entry = PB_NEW(&memory, JourneyEntry);
        j->entry->filter = text(filter);
        return j;
    }
    // Leads m0, m1 ...: every second one of Austria.
    void many(int n)
    {
        for (int i = 0; i < n; i++)
            create({ { "email", "m" + std::to_string(i) + "@mail.example" },
                     { "country", i % 2 ? "AT" : "DE" } },
                   "m" + std::to_string(i));
    }
    void update(const std::string &name, Fields fields)
    {
        UpdateLeadRequest req = UPDATE_LEAD_REQUEST_INIT;
        fields["name"] = name;
        req.lead = lead(fields);
        ASSERT_EQ(house.call(update_lead, req, &Lead_descriptor).message(), "");
    }
    Answer<Enrollment> first(const std::string &lead)
    {
        return house.run<Enrollment>(
            [&](ctx *c, Enrollment *res) {
                ListEnrollmentsRequest req = LIST_ENROLLMENTS_REQUEST_INIT;
                ListEnrollmentsResponse all = LIST_ENROLLMENTS_RESPONSE_INIT;
                req.parent = text("journeys/-");
                req.lead = text(lead);
                TRY(list_enrollments(c, &req, &all));
                if (all.n_enrollments)
                    *res = *all.enrollments[0];
                return ok();
            },
            &Enrollment_descriptor);
    }
};

} // namespace

TEST_F(Segments, WhoIsThereAndWhoComesEnters)
{
    many(90);
    house.now_us = clock_wall_us(); // from here on only pass() moves it
    put("austria", segment("country = \"AT\""));
    pass(1);
    EXPECT_EQ(where("", "journeys/austria"), Places{}) << "other replicas may not know yet";
    EXPECT_FALSE(journey("austria")->backfill->done);
    pass(2);
    EXPECT_EQ(where("", "journeys/austria").size(), 45u);
    EXPECT_STREQ(first("leads/m1")->entry_event, "segment");
    auto j = journey("austria");
    ASSERT_TRUE(j->backfill->done);
    EXPECT_EQ(j->backfill->lead_count, 90);
    EXPECT_EQ(j->backfill->entered_count, 45);
    create({ { "email", "new@mail.example" }, { "country", "AT" } }, "new");
    react();
    EXPECT_STREQ(first("leads/new")->entry_event, "lead.created");
    create({ { "email", "moves@mail.example" }, { "country", "DE" } }, "moves");
    react();
    EXPECT_EQ(where("leads/moves"), Places{});
    update("leads/moves", { { "country", "AT" } });
    react();
    EXPECT_STREQ(first("leads/moves")->entry_event, "lead.updated");
    does("leads/m0", "page_view");
    pass(5);
    EXPECT_EQ(where("", "journeys/austria").size(), 47u);
}

// Each of them once, though the server ends in between and events bring the same leads along.
TEST_F(Segments, WhatIsHalfDoneGoesOn)
{
    many(300);
    react();
    put("austria", segment("country = \"AT\""));
    update("leads/m1", { { "company", "Acme" } });
    react();
    EXPECT_EQ(where("leads/m1"), Places{ "m1/day" });
    house.now_us = clock_wall_us() + 3 * US_PER_SECOND;
    int pieces = 0, left = 1;
    while (left && pieces < 100) {
        auto a = house.run([&](ctx *c) {
            rows due;
            db_reach_all(c);
            TRY(backfills_due(c, 1, &due));
            left = static_cast<int>(due.n);
            if (!left)
                return ok();
            db_reach_own(c);
            return backfill_go_on(c, row_at(&due, 0));
        });
        ASSERT_TRUE(a.ok_()) << a.message();
        house.reopen();
        ++pieces;
    }
    EXPECT_GE(pieces, 8) << "twenty enter at a time";
    EXPECT_EQ(where("", "journeys/austria").size(), 150u);
    EXPECT_EQ(journey("austria")->backfill->entered_count, 149);
}

TEST_F(Segments, APausedOneWaitsAndAnOlderOneEnds)
{
    many(10);
    put("austria", segment("country = \"AT\""));
    ASSERT_TRUE(pause("austria").ok_());
    pass(5);
    EXPECT_EQ(where("", "journeys/austria"), Places{});
    ASSERT_TRUE(resume("austria").ok_());
    pass(1);
    EXPECT_EQ(where("", "journeys/austria").size(), 5u);
    put("austria", b.journey({ b.wait("day", 86400) }, "visit"));
    EXPECT_EQ(journey("austria")->backfill, nullptr);
    EXPECT_EQ(draft("none", segment("")).fields(), "journey.entry.filter");
    house.workspace = "acme";
    many(4);
    put("germany", segment("country = \"DE\""));
    pass(5);
    EXPECT_EQ(where("", "journeys/germany").size(), 2u);
}
