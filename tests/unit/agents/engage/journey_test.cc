// Leads in journeys: entering by events, moving by events and time, leaving; each move once.
#include "tests/unit/agents/engage/journey_room.h"

#include <thread>
#include <unistd.h>

using namespace fixture;

TEST_F(Journeys, ALeadEntersByItsEventAndIsWrittenTo)
{
    put("welcome", b.journey({ b.send("hello"), b.wait("day", 86400), b.send("again") }, "lead.created",
                             "country = \"AT\""));
    create({ { "email", "a@mail.example" }, { "country", "AT" } }, "a");
    create({ { "email", "b@mail.example" }, { "country", "DE" } }, "b");
    react();
    react();
    EXPECT_EQ(where("leads/a"), Places{ "a/day" });
    EXPECT_EQ(where("leads/b"), Places{});
    auto planned = messages("leads/a");
    ASSERT_EQ(planned.size(), 1u);
    auto m = message(planned[0]);
    EXPECT_STREQ(m->template_, "templates/welcome");
    EXPECT_NE(std::string(m->enrollment).find("journeys/welcome/enrollments/"), std::string::npos);
    EXPECT_EQ(events("journey.entered"), 1);
}

TEST_F(Journeys, TimeMovesALeadOnce)
{
    put("welcome", b.journey({ b.send("hello"), b.wait("day", 86400), b.send("again") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    pass(86000);
    EXPECT_EQ(messages("leads/a").size(), 1u);
    pass(1000);
    pass(1000);
    EXPECT_EQ(messages("leads/a").size(), 2u);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(events("journey.exited"), 1);
}

TEST_F(Journeys, ManyLeadsAreMovedInOneTick)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("again") }, "lead.created"));
    for (int i = 0; i < 150; i++)
        create({ { "email", "m" + std::to_string(i) + "@mail.example" } }, "m" + std::to_string(i));
    react();
    pass(90000);
    EXPECT_EQ(messages().size(), 150u);
    EXPECT_EQ(where("", "journeys/welcome", 40).size(), 150u);
}

TEST_F(Journeys, AnEventMovesWhoWaitsForIt)
{
    put("cart", b.journey({ b.wait("hour", 3600, "purchase", "thanks"), b.send("remind", "cart", "end"),
                            b.send("thanks", "thanks") },
                          "cart_filled"));
    create({ { "email", "a@mail.example" } }, "a");
    does("leads/a", "page_view");
    EXPECT_EQ(where("leads/a"), Places{});
    does("leads/a", "cart_filled");
    EXPECT_EQ(where("leads/a"), Places{ "a/hour" });
    does("leads/a", "purchase");
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    auto planned = messages("leads/a");
    ASSERT_EQ(planned.size(), 1u);
    EXPECT_STREQ(message(planned[0])->template_, "templates/thanks");
    pass(4000);
    EXPECT_EQ(messages("leads/a").size(), 1u);
}

TEST_F(Journeys, TwoEventsOfOneMomentEachCountOnce)
{
    put("steps", b.journey({ b.wait("one", 3600, "click"), b.wait("two", 3600, "click"),
                             b.wait("three", 3600, "click") },
                           "start"));
    create({ { "email", "a@mail.example" } }, "a");
    does("leads/a", "start");
    int64_t t = clock_wall_us() - US_PER_SECOND;
    auto a = ingest({ { "x", "leads/a", "", "", "click", t }, { "y", "leads/a", "", "", "click", t } });
    ASSERT_TRUE(a.ok_());
    for (int i = 0; i < 6; i++) // at first both in one commit, of which one loses
        EXPECT_EQ(house.run(orchestrator_react).reason(), "OK");
    EXPECT_EQ(where("leads/a"), Places{ "a/three" });
}

TEST_F(Journeys, ATypeThatReadsLikeAnActionIsNone)
{
    put("welcome", b.journey({ b.wait("day", 86400) }, "lead.triaged"));
    create({ { "email", "a@mail.example" } }, "a");
    does("leads/a", "lead.triaged");
    EXPECT_EQ(where("leads/a"), Places{});
}

TEST_F(Journeys, ReEntryFollowsItsRule)
{
    put("once", b.journey({ b.send("hello") }, "visit"));
    Journey *again = b.journey({ b.wait("hour", 3600) }, "visit");
    again->re_entry = JOURNEY__RE_ENTRY_AFTER_EXIT;
    again->re_entry_delay = b.seconds(7200);
    put("again", again);
    create({ { "email", "a@mail.example" } }, "a");
    does("leads/a", "visit");
    does("leads/a", "visit");
    EXPECT_EQ(where("leads/a", "journeys/once"), Places{ "a!1" });
    EXPECT_EQ(where("leads/a", "journeys/again"), Places{ "a/hour" });
    pass(4000);
    does("leads/a", "visit");
    EXPECT_EQ(where("leads/a", "journeys/again"), Places{ "a!1" });
    pass(7200);
    does("leads/a", "visit");
    EXPECT_EQ(where("leads/a", "journeys/once"), Places{ "a!1" });
    EXPECT_EQ(where("leads/a", "journeys/again"), (Places{ "a!1", "a/hour" }));
}

TEST_F(Journeys, LeadsUnderWayFinishTheirVersion)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one", "one") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    put("welcome", b.journey({ b.wait("hour", 3600), b.send("two", "two") }, "lead.created"));
    create({ { "email", "b@mail.example" } }, "b");
    react();
    EXPECT_EQ(journey("welcome", 1)->state, JOURNEY__STATE_RETIRED);
    EXPECT_EQ(journey("welcome")->version, 2);
    pass(90000);
    EXPECT_STREQ(message(messages("leads/a").at(0))->template_, "templates/one");
    EXPECT_STREQ(message(messages("leads/b").at(0))->template_, "templates/two");
}

TEST_F(Journeys, APausedOneHoldsEverybodyAndGoesOn)
{
    put("welcome", b.journey({ b.wait("day", 86400, "click"), b.send("one") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    EXPECT_EQ(pause("welcome")->state, JOURNEY__STATE_PAUSED);
    create({ { "email", "b@mail.example" } }, "b");
    react();
    does("leads/a", "click");
    pass(90000);
    pass(90000);
    EXPECT_EQ(where("leads/a"), Places{ "a/day" });
    EXPECT_EQ(where("leads/b"), Places{});
    EXPECT_EQ(enroll("welcome", "leads/b").reason(), "JOURNEY_STATE");
    EXPECT_EQ(resume("welcome")->state, JOURNEY__STATE_PUBLISHED);
    pass(1);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(messages("leads/a").size(), 1u);
}

TEST_F(Journeys, WhoDoesAnExitEventLeavesAPausedOneToo)
{
    Journey *j = b.journey({ b.wait("day", 86400, "click"), b.send("one") }, "lead.created");
    b.exits(j, { "purchase" });
    put("welcome", j);
    create({ { "email", "a@mail.example" } }, "a");
    create({ { "email", "b@mail.example" } }, "b");
    react();
    ASSERT_TRUE(pause("welcome").ok_());
    does("leads/a", "purchase");
    EXPECT_EQ(where("leads/a"), Places{ "a!3" });
    pass(90000); /* its wait is over, and it is held */
    does("leads/b", "purchase");
    EXPECT_EQ(where("leads/b"), Places{ "b!3" });
    ASSERT_TRUE(resume("welcome").ok_());
    pass(1);
    EXPECT_EQ(messages("leads/a").size() + messages("leads/b").size(), 0u);
}

// Whichever comes first, its time or the event; the first of two events.
TEST_F(Journeys, AWaitThatEndsByAnEventWhileItIsPausedGoesThatWay)
{
    put("welcome", b.journey({ b.wait("day", 86400, "click", "clicked"), b.send("silent", "one", "end"),
                               b.send("clicked", "two") },
                             "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    create({ { "email", "b@mail.example" } }, "b");
    react();
    ASSERT_TRUE(pause("welcome").ok_());
    does("leads/a", "click");
    pass(90000);
    does("leads/a", "click");
    does("leads/b", "click");
    EXPECT_EQ(where("leads/a"), Places{ "a/day" });
    ASSERT_TRUE(resume("welcome").ok_());
    pass(1);
    ASSERT_EQ(messages("leads/a").size(), 1u);
    EXPECT_STREQ(message(messages("leads/a")[0])->template_, "templates/two");
    ASSERT_EQ(messages("leads/b").size(), 1u);
    EXPECT_STREQ(message(messages("leads/b")[0])->template_, "templates/one") << "its time came first";
}

// What a lead did is not in the log, which outlives it.
TEST_F(Journeys, WhatEndedTheWaitOfWhoLeavesIsForgotten)
{
    put("welcome", b.journey({ b.wait("day", 86400, "click") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    create({ { "email", "b@mail.example" } }, "b");
    react();
    ASSERT_TRUE(pause("welcome").ok_());
    does("leads/a", "click");
    does("leads/b", "click");
    auto left = unenroll("welcome", "leads/a");
    ASSERT_TRUE(left.ok_()) << left.message();
    EXPECT_STREQ(left->arrived_event, "");
    ASSERT_TRUE(remove("leads/b").ok_());
    react();
    static const stmt exits = {
        "test_exits", "t",
        "b",          "SELECT payload FROM event WHERE workspace = $1 AND action = 'journey.exited'",
        nullptr,      nullptr
    };
    auto log = house.run([&](ctx *c) {
        rows told;
        TRY(DB_QUERY(c, &exits, &told, v_text(c->workspace)));
        EXPECT_EQ(told.n, 2u);
        for (size_t i = 0; i < told.n; i++)
            EXPECT_STREQ(PB_UNPACK(c->arena, Enrollment, row_at(&told, i)[0].s)->arrived_event, "");
        return ok();
    });
    EXPECT_TRUE(log.ok_()) << log.message();
}

TEST_F(Journeys, ARetiredOneIsFinishedAndNotEntered)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    EXPECT_EQ(retire("welcome")->state, JOURNEY__STATE_RETIRED);
    create({ { "email", "b@mail.example" } }, "b");
    react();
    pass(90000);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(where("leads/b"), Places{});
    EXPECT_EQ(retire("welcome").reason(), "JOURNEY_STATE");
    EXPECT_EQ(publish("welcome")->state, JOURNEY__STATE_PUBLISHED);
}

// Whoever publishes hears what would otherwise be found when the first message is due.
TEST_F(Journeys, WhatItsStepsSayMustBeThere)
{
    JourneyStep *sms = b.send("sms", "letter");
    sms->send->medium = MEDIUM_SMS;
    ASSERT_TRUE(draft("talk", b.journey({ b.send("none", "none"), sms, b.send("odd", "odd") })).ok_());
    speak("letter");
    speak("odd", "curious");
    auto a = publish("talk");
    EXPECT_EQ(a.reason(), "JOURNEY_TEMPLATE");
    EXPECT_EQ(a.fields(), "steps[0].send.template, steps[1].send.template, steps[2].send.template");
    EXPECT_EQ(journey("talk")->state, JOURNEY__STATE_DRAFT);
    speak("none", "marketing");
    speak("letter", "transactional", MEDIUM_SMS);
    speak("odd", "marketing");
    EXPECT_EQ(publish("talk")->state, JOURNEY__STATE_PUBLISHED);
}

// A retired version counts as long as somebody may be under way in it; what nobody waits for does not.
TEST_F(Journeys, OnlyEventsThatSomebodyWaitsForAreLookedAt)
{
    put("cart", b.journey({ b.wait("hour", 3600, "purchase") }, "cart_filled"));
    put("cart", b.journey({ b.wait("hour", 3600, "refund") }, "cart_filled"));
    auto cares = [&](const std::string &type) {
        bool yes = false;
        auto a = house.run([&](ctx *c) {
            const struct journeys *all;
            char mark[ID_TEXT];
            TRY(journeys_serving(c, &all));
            event_type_mark(str_of(type.c_str()), mark);
            yes = journeys_care(all, type.empty() ? "" : mark);
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return yes;
    };
    for (const char *type : { "cart_filled", "purchase", "refund", "" })
        EXPECT_TRUE(cares(type)) << type;
    EXPECT_FALSE(cares("page_view"));
    house.workspace = "acme";
    EXPECT_FALSE(cares("")) << "there is no journey";
}

TEST_F(Journeys, EnrollAndUnenroll)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one") }));
    create({ { "email", "a@mail.example" } }, "a");
    EXPECT_EQ(enroll("none", "leads/a").reason(), "JOURNEY_NOT_FOUND");
    EXPECT_EQ(enroll("welcome", "leads/none").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(unenroll("welcome", "leads/a").reason(), "ENROLLMENT_NOT_FOUND");
    ASSERT_TRUE(enroll("welcome", "leads/a", true).ok_());
    EXPECT_EQ(where("leads/a"), Places{});
    auto e = enroll("welcome", "leads/a");
    ASSERT_TRUE(e.ok_()) << e.message();
    EXPECT_STREQ(e->step, "day");
    EXPECT_STREQ(e->entry_event, "EnrollLead");
    EXPECT_EQ(enroll("welcome", "leads/a").reason(), "ENROLLMENT_EXISTS");
    EXPECT_EQ(unenroll("welcome", "leads/a")->exit_cause, ENROLLMENT__EXIT_CAUSE_UNENROLLED);
    pass(90000);
    EXPECT_EQ(messages("leads/a").size(), 0u);
    GetEnrollmentRequest req = GET_ENROLLMENT_REQUEST_INIT;
    req.name = text(e->name);
    auto got = house.call(get_enrollment, req, &Enrollment_descriptor);
    ASSERT_TRUE(got.ok_()) << got.message();
    EXPECT_EQ(got->state, ENROLLMENT__STATE_EXITED);
    req.name = text("journeys/other/enrollments/" + std::string(strrchr(e->name, '/') + 1));
    EXPECT_EQ(house.call(get_enrollment, req, &Enrollment_descriptor).reason(), "ENROLLMENT_NOT_FOUND");
}

TEST_F(Journeys, WhoIsDeletedLeaves)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    ASSERT_TRUE(remove("leads/a").ok_());
    react();
    EXPECT_EQ(where("", "journeys/welcome"), Places{ "a!5" });
    pass(90000);
    EXPECT_EQ(messages().size(), 0u);
}

TEST_F(Journeys, OfTwoThatAreMergedOneGoesOn)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one") }, "lead.created"));
    create({ { "email", "a@mail.example" } }, "a");
    react();
    usleep(2000); // the older one goes on; by their ids those of one millisecond are in no order
    create({ { "email", "b@mail.example" } }, "b");
    react();
    ASSERT_TRUE(merge("leads/b", "leads/a").ok_());
    react();
    EXPECT_EQ(where("leads/b"), (Places{ "a/day", "b!5" }));
    pass(90000);
    EXPECT_EQ(messages("leads/b").size(), 1u);
    EXPECT_EQ(enroll("welcome", "leads/b").reason(), "ENROLLMENT_EXISTS");
}

// Another replica's timer, or an event, was first.
TEST_F(Journeys, AMoveThatLosesIsNotMade)
{
    put("welcome", b.journey({ b.wait("day", 86400), b.send("one") }));
    create({ { "email", "a@mail.example" } }, "a");
    ASSERT_TRUE(enroll("welcome", "leads/a").ok_());
    house.now_us = clock_wall_us() + 90000 * US_PER_SECOND;
    std::vector<std::thread> replicas;
    for (int i = 0; i < 4; i++)
        replicas.emplace_back([&] {
            arena a;
            arena_init(&a, 1 << 20);
            (void)house.attempt([](ctx *c) { return journeys_on_time(c); }, &a, 0);
            arena_done(&a);
        });
    for (auto &r : replicas)
        r.join();
    EXPECT_EQ(messages("leads/a").size(), 1u);
    EXPECT_EQ(events("journey.exited"), 1);
}

TEST_F(Journeys, AreCheckedAndListed)
{
    EXPECT_EQ(draft("Bad", b.journey({ b.send("a") })).fields(), "journey_id");
    EXPECT_EQ(draft("bad", b.journey({ b.send("a", "x", "b") })).reason(), "JOURNEY_INVALID");
    ASSERT_TRUE(draft("try", b.journey({ b.send("a") }), true).ok_());
    EXPECT_EQ(journey("try").reason(), "JOURNEY_NOT_FOUND");
    EXPECT_EQ(publish("try").reason(), "JOURNEY_NOT_FOUND");
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(draft("one", b.journey({ b.send("a") })).ok_());
    ASSERT_TRUE(draft("two", b.journey({ b.send("a") })).ok_());
    std::string all;
    ListJourneysRequest req = LIST_JOURNEYS_REQUEST_INIT;
    req.page_size = 3;
    do {
        auto a = house.call(list_journeys, req, &ListJourneysResponse_descriptor);
        ASSERT_TRUE(a.ok_()) << a.message();
        for (size_t i = 0; i < a->n_journeys; i++)
            all += std::string(a->journeys[i]->name) + " " + std::to_string(a->journeys[i]->version) + ", ";
        req.page_token = text(a->next_page_token);
    } while (*req.page_token);
    EXPECT_EQ(all, "journeys/one 1, journeys/one 2, journeys/one 3, journeys/two 1, ");
}

TEST_F(Journeys, OfAnotherWorkspaceDoNotConcernALead)
{
    put("welcome", b.journey({ b.wait("day", 86400) }, "lead.created"));
    house.workspace = "acme";
    create({ { "email", "a@mail.example" } }, "a");
    react();
    EXPECT_EQ(where("leads/a"), Places{});
    EXPECT_EQ(journey("welcome").reason(), "JOURNEY_NOT_FOUND");
}
