// Journeys tried on past leads.
#include "agents/engage/journey/simulate.h"
#include "tests/unit/agents/engage/journey_room.h"

#include <memory>

using namespace fixture;

namespace
{

class Trials : public Journeys
{
  protected:
    // The last part of a simulation.
    Answer<SimulateJourneyResponse> simulate(const SimulateJourneyRequest &req, int *ret_parts = nullptr)
    {
        std::shared_ptr<arena> kept(new arena, [](arena *m) {
            arena_done(m);
            delete m;
        });
        arena_init(kept.get(), 1 << 20);
        kept_.push_back(kept); // what is told points at the plan
        struct simulation *s = nullptr;
        Answer<SimulateJourneyResponse> part;
        auto opened = house.run([&](ctx *c) {
            ctx own = *c;
            own.arena = kept.get();
            struct status st = simulate_journey_open(&own, &req, &s);
            c->read = own.read;
            return st;
        });
        part.status = opened.status;
        for (bool more = opened.ok_(); more && part.ok_();) {
            auto next = house.run<SimulateJourneyResponse>(
                [&](ctx *c, SimulateJourneyResponse *res) { return simulate_journey(c, s, res, &more); },
                &SimulateJourneyResponse_descriptor);
            if (more)
                part = next;
            if (more && ret_parts)
                ++*ret_parts;
        }
        return part;
    }

    std::vector<std::shared_ptr<arena>> kept_;
};

} // namespace

TEST_F(Trials, OneIsTriedOnPastLeads)
{
    speak("letter");
    create({ { "email", "a@mail.example" }, { "country", "AT" } }, "a");
    create({ { "email", "b@mail.example" }, { "country", "AT" } }, "b");
    create({ { "phone", "+43123456789" }, { "country", "AT" } }, "c");
    create({ { "email", "d@mail.example" }, { "country", "DE" } }, "d");
    does("leads/a", "purchase");
    SimulateJourneyRequest req = SIMULATE_JOURNEY_REQUEST_INIT;
    req.journey = text("journeys/-");
    req.draft = b.journey({ b.send("hello", "letter"), b.wait("day", 86400, "purchase"),
                            b.send("lost", "lost"), b.wait("week", 604800) },
                          "lead.created", "country = \"AT\"");
    house.now_us = clock_wall_us() + US_PER_SECOND;
    auto a = simulate(req);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_TRUE(a->done);
    EXPECT_EQ(a->lead_count, 4);
    EXPECT_EQ(a->entered_count, 3);
    ASSERT_EQ(a->n_paths, 3u);
    EXPECT_STREQ(a->paths[0]->lead, "leads/c"); // the newest id first
    EXPECT_EQ(a->paths[0]->moves[0]->decided_by, SEND_GATE_ADDRESS);
    EXPECT_STREQ(a->paths[2]->moves[3]->step, "week");
    EXPECT_EQ(a->paths[2]->moves[2]->verdict, SEND_VERDICT_REFUSE) << "there is no such template";
    ASSERT_EQ(a->n_steps, 4u);
    EXPECT_EQ(a->steps[0]->entered_count, 3);
    EXPECT_EQ(a->steps[0]->pass_count, 2);
    EXPECT_EQ(a->steps[0]->refuse_count, 1);
    EXPECT_EQ(a->steps[1]->waiting_count, 2);
    EXPECT_EQ(a->steps[1]->passed_count, 1);
    EXPECT_EQ(a->steps[3]->waiting_count, 1);
    EXPECT_EQ(messages().size(), 0u);
    EXPECT_EQ(where("leads/a"), Places{});
    house.now_us += 2 * US_PER_DAY; // nobody waits for the day any more
    a = simulate(req);
    EXPECT_EQ(a->steps[1]->waiting_count, 0);
    EXPECT_EQ(a->steps[3]->waiting_count, 3);
    req.filter = text("email = \"a@mail.example\"");
    EXPECT_EQ(simulate(req)->lead_count, 1);
    house.now_us += 40 * US_PER_DAY;
    EXPECT_EQ(simulate(req)->entered_count, 0) << "before the period";
}

TEST_F(Trials, ATrialReadsAllItsLeadsInParts)
{
    for (int i = 0; i < 120; i++)
        create({ { "email", "m" + std::to_string(i) + "@mail.example" } }, "m" + std::to_string(i));
    put("welcome", b.journey({ b.wait("day", 86400) }, "lead.created"));
    SimulateJourneyRequest req = SIMULATE_JOURNEY_REQUEST_INIT;
    req.journey = text("journeys/welcome");
    int parts = 0;
    auto a = simulate(req, &parts);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(parts, 3);
    EXPECT_EQ(a->lead_count, 120);
    EXPECT_EQ(a->entered_count, 120);
    req.sample_size = 70;
    EXPECT_EQ(simulate(req)->lead_count, 70);
    req.sample_size = 10001;
    EXPECT_EQ(simulate(req).fields(), "sample_size");
    req.sample_size = 0;
    Timestamp never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    never.seconds = INT64_MAX;
    req.end_time = &never;
    EXPECT_EQ(simulate(req).fields(), "end_time");
    req.start_time = req.end_time;
    EXPECT_EQ(simulate(req).fields(), "start_time");
    req.start_time = req.end_time = nullptr;
    req.journey = text("journeys/none");
    EXPECT_EQ(simulate(req).reason(), "JOURNEY_NOT_FOUND");
    req.journey = text("journeys/-");
    EXPECT_EQ(simulate(req).fields(), "draft");
    house.workspace = "acme";
    req.journey = text("journeys/welcome");
    EXPECT_EQ(simulate(req).reason(), "JOURNEY_NOT_FOUND");
}
