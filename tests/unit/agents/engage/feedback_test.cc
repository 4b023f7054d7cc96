// What became of messages, as it is reported.
#include "tests/unit/agents/engage/feedback.h"

#include "agents/record/contact.h"

using namespace fixture;

using Feedback = FeedbackRoom;

namespace
{
const std::string HARD_BOUNCE_OF_MAIL = "1:1", COMPLAINT = "2:0", COMPLAINT_AND_UNSUBSCRIBE = "2:0 3:0";
}

TEST_F(Feedback, EachEventIsRecordedOnce)
{
    std::string m = sent();
    const int64_t then = clock_wall_us() - US_PER_SECOND;
    std::vector<Report> all = { { DELIVERED, m, "d" }, { OPENED, m, "o", {}, "", then },
                                { OPENED, m, "o2" },   { CLICKED, m, "c", {}, "", 0, "https://us.example/x" },
                                { REPLIED, m, "r" },   { OPENED, m, "o" } };
    auto first = report(all);
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_EQ(first->recorded_count, 5);
    EXPECT_EQ(first->duplicate_count, 1);
    auto again = report(all);
    EXPECT_EQ(again->recorded_count, 0);
    EXPECT_EQ(again->duplicate_count, 6);

    auto stored = message(m);
    EXPECT_EQ(stored->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(time_us(stored->open_time), then);
    EXPECT_EQ(stored->open_count, 2);
    EXPECT_EQ(stored->click_count, 1);
    EXPECT_NE(stored->deliver_time, nullptr);
    EXPECT_NE(stored->click_time, nullptr);
    EXPECT_NE(stored->reply_time, nullptr);
    EXPECT_EQ(stored->bounce_time, nullptr);
    EXPECT_EQ(stored->complaint_time, nullptr);
    EXPECT_EQ(events("message.opened"), 2);
    EXPECT_EQ(events("message.clicked"), 1);
    EXPECT_EQ(events("lead.event_recorded"), 5);
    EXPECT_EQ(events_of("leads/a").size(), 5u);
    EXPECT_EQ(count("lead_event"), 5);
}

TEST_F(Feedback, ATimeIsThatOfTheFirstEvenWhereItIsToldLater)
{
    std::string m = sent();
    const int64_t now = clock_wall_us();
    report({ { OPENED, m, "", {}, "", now } });
    report({ { OPENED, m, "", {}, "", now - 5000 } });
    report({ { OPENED, m, "", {}, "", now - 1000 } });
    EXPECT_EQ(time_us(message(m)->open_time), now - 5000);
    EXPECT_EQ(message(m)->open_count, 3);
}

TEST_F(Feedback, OfTwoWhoReportTheSameAtOnceOneRecordsIt)
{
    std::string m = sent();
    bool done = false;
    house.before_commit = [&] {
        if (done)
            return;
        done = true;
        auto other = report({ { OPENED, m, "same" } });
        EXPECT_EQ(other->recorded_count, 1);
    };
    auto mine = report({ { OPENED, m, "same" } });
    ASSERT_TRUE(mine.ok_()) << mine.message();
    EXPECT_EQ(mine.attempts, 1);
    EXPECT_EQ(mine->duplicate_count, 1);
    EXPECT_EQ(message(m)->open_count, 1);
}

TEST_F(Feedback, BadRowsAreNamedAndSpareTheirNeighbours)
{
    std::string m = sent();
    const int64_t now = clock_wall_us();
    EXPECT_EQ(reasons({ { DELIVERED, m, "e\x01" },
                        { DELIVERED, m, std::string(129, 'e') },
                        { DELIVERY_EVENT__TYPE_UNSPECIFIED, m },
                        { DELIVERED, "" },
                        { DELIVERED, m, "", {}, "", now + 2 * US_PER_DAY },
                        { DELIVERED, m, "", HARD },
                        { BOUNCED, m },
                        { BOUNCED, m, "", {}, "2.1.5" },
                        { CLICKED, m, "", {}, "", 0, std::string(2049, 'u') },
                        { DELIVERED, "messages/none" },
                        { DELIVERED, "not a name" },
                        { DELIVERED, m } }),
              "FIELD_INVALID FIELD_INVALID FIELD_REQUIRED FIELD_REQUIRED FIELD_OUT_OF_RANGE "
              "FIELD_INVALID FIELD_REQUIRED FIELD_REQUIRED FIELD_TOO_LONG MESSAGE_NOT_FOUND "
              "MESSAGE_NOT_FOUND OK");
    EXPECT_EQ(reasons({}), "FIELD_REQUIRED");
    EXPECT_EQ(reasons(std::vector<Report>(1001, { DELIVERED, m })), "FIELD_TOO_LONG");
    EXPECT_EQ(events("message.delivered"), 1);
    EXPECT_EQ(events("message.bounced"), 0);
    EXPECT_EQ(suppressed("a@mail.example"), "");
}

TEST_F(Feedback, AMessageIsFoundByItsTransportIdAlone)
{
    std::string id = sent().substr(9);
    EXPECT_EQ(reasons({ { DELIVERED, "<" + id + "@us.example>" },
                        { DELIVERED, id + "@us.example" },
                        { DELIVERED, id + "@them.example" },
                        { DELIVERED, id },
                        { DELIVERED, "<>" } }),
              "OK OK MESSAGE_NOT_FOUND MESSAGE_NOT_FOUND MESSAGE_NOT_FOUND");
}

TEST_F(Feedback, WhatHasNotLeftCannotHaveArrived)
{
    std::string m = plan("leads/a");
    EXPECT_EQ(reasons({ { DELIVERED, m } }), "MESSAGE_STATE");
    EXPECT_EQ(message(m)->deliver_time, nullptr);
}

TEST_F(Feedback, TellsWhatBecameOfAMessageWhoseOutcomeWasNotKnown)
{
    struct Case {
        Message__State before;
        Report report;
        Message__State after;
    };
    const auto unknown = MESSAGE__STATE_UNKNOWN, sending = MESSAGE__STATE_SENDING,
               waiting = MESSAGE__STATE_SCHEDULED, good = MESSAGE__STATE_SENT, bad = MESSAGE__STATE_FAILED;
    for (const Case &c :
         std::vector<Case>{ { unknown, { OPENED, "" }, good },
                            { unknown, { BOUNCED, "", "", SOFT }, bad },
                            { sending, { DELIVERED, "" }, good },
                            { waiting, { CLICKED, "" }, good },
                            { good, { BOUNCED, "", "", SOFT }, good },
                            { bad, { DELIVERED, "" }, bad },
                            { MESSAGE__STATE_CANCELLED, { OPENED, "" }, MESSAGE__STATE_CANCELLED } }) {
        std::string name = sent("leads/a", "a@mail.example", c.before);
        Report r = c.report;
        r.message = name;
        EXPECT_EQ(reasons({ r }), "OK");
        auto m = message(name);
        EXPECT_EQ(m->state, c.after) << c.before;
        bool told = c.after != c.before;
        EXPECT_EQ(m->cause == MESSAGE__CAUSE_REPORTED, told) << c.before;
        EXPECT_EQ(m->sent_time != nullptr, told && c.after == good) << c.before;
        EXPECT_EQ(m->next_attempt_time == nullptr, told) << c.before;
    }
}

TEST_F(Feedback, AHardBounceForbidsTheAddressThatTheMessageWentTo)
{
    std::string m = sent("leads/a", "old@mail.example");
    EXPECT_EQ(reasons({ { BOUNCED, m, "", HARD } }), "OK");
    EXPECT_EQ(message(m)->bounce, HARD);
    EXPECT_EQ(suppressed("old@mail.example"), HARD_BOUNCE_OF_MAIL);
    EXPECT_EQ(suppressed("a@mail.example"), "");
    std::string sms = sent("leads/a", "+431234567", MESSAGE__STATE_SENT, MEDIUM_SMS);
    EXPECT_EQ(reasons({ { BOUNCED, sms, "", HARD } }), "OK");
    EXPECT_EQ(suppressed("+431234567"), "1:2");
}

TEST_F(Feedback, AStatusCodeSaysHowItBounced)
{
    const std::map<std::string, Message__Bounce> codes = {
        { "5.1.1", HARD }, { "5.1.10", HARD }, { "5.2.1", HARD }, { "5.0.0", HARD }, { "5.2.2", SOFT },
        { "5.7.1", SOFT }, { "5.3.4", SOFT },  { "4.4.7", SOFT }, { "4.1.1", SOFT }, { "5.6.0", SOFT },
    };
    for (const auto &[code, bounce] : codes) {
        std::string m = sent();
        EXPECT_EQ(reasons({ { BOUNCED, m, "", {}, code } }), "OK") << code;
        EXPECT_EQ(message(m)->bounce, bounce) << code;
    }
    std::string m = sent();
    for (const char *code :
         { "5", "5.1", "5.1.", "5.1.1x", "5.1.1.1", "x.1.1", "6.1.1", "5.1.1111", " 5.1.1" })
        EXPECT_NE(reasons({ { BOUNCED, m, "", HARD, code } }), "OK") << code;
}

TEST_F(Feedback, AComplaintUnsubscribes)
{
    UpdateConsentRequest yes = UPDATE_CONSENT_REQUEST_INIT;
    Consent said = CONSENT_INIT;
    yes.name = text("leads/a");
    said.purpose = text("marketing");
    said.state = CONSENT__STATE_GRANTED;
    yes.consent = &said;
    ASSERT_TRUE(house.call(update_consent, yes, &Consent_descriptor).ok_());
    std::string one = sent(), two = sent(), three = sent();
    EXPECT_EQ(
        reasons(
            { { BOUNCED, three, "", HARD }, { COMPLAINED, one }, { COMPLAINED, two }, { COMPLAINED, one } }),
        "OK OK OK OK");
    EXPECT_EQ(suppressed("a@mail.example"), HARD_BOUNCE_OF_MAIL + " " + COMPLAINT_AND_UNSUBSCRIBE);
    EXPECT_EQ(suppressed("+431234567"), "3:0");
    EXPECT_EQ(events("consent.withdrawn"), 1);
    EXPECT_EQ(events("address.unsubscribed"), 1);
    EXPECT_NE(message(one)->complaint_time, nullptr);
}

// A send that was decided on before names the version of the contact that it read.
TEST_F(Feedback, ABounceMovesTheContact)
{
    auto version = [&] { return house.count("SELECT version FROM contact WHERE workspace = $1"); };
    auto made = house.run([&](ctx *c) {
        contact_row row;
        TRY(contact_load(c, "a", &row));
        return contact_save(c, &row);
    });
    ASSERT_TRUE(made.ok_());
    int64_t before = version();
    std::string m = sent();
    report({ { OPENED, m } });
    EXPECT_EQ(version(), before);
    report({ { BOUNCED, m, "", HARD } });
    EXPECT_GT(version(), before);
}

TEST_F(Feedback, FiveSoftBouncesInARowAreAHardOne)
{
    for (int i = 0; i < 4; i++)
        report({ { BOUNCED, sent(), "", SOFT } });
    EXPECT_EQ(suppressed("a@mail.example"), "");
    report({ { DELIVERED, sent() } });
    report({ { BOUNCED, sent(), "", SOFT }, { BOUNCED, sent(), "", SOFT } });
    report({ { BOUNCED, sent("leads/a", "+431234567", MESSAGE__STATE_SENT, MEDIUM_SMS), "", SOFT } });
    report({ { BOUNCED, sent(), "", SOFT }, { BOUNCED, sent(), "", SOFT } });
    EXPECT_EQ(suppressed("a@mail.example"), "");
    report({ { BOUNCED, sent(), "", SOFT } });
    EXPECT_EQ(suppressed("a@mail.example"), HARD_BOUNCE_OF_MAIL);
    EXPECT_EQ(suppressed("+431234567"), "");
}

TEST_F(Feedback, SoftBouncesOfOneBatchAreCountedToo)
{
    std::vector<Report> all;
    for (int i = 0; i < 5; i++)
        all.push_back({ BOUNCED, sent(), "", SOFT });
    report(all);
    EXPECT_EQ(suppressed("a@mail.example"), HARD_BOUNCE_OF_MAIL);
}

TEST_F(Feedback, SoftBouncesOfLongAgoDoNotCount)
{
    const int64_t long_ago = clock_wall_us() - 31 * US_PER_DAY;
    for (int i = 0; i < 4; i++)
        report({ { BOUNCED, sent(), "", SOFT, "", long_ago + i } });
    report({ { BOUNCED, sent(), "", SOFT } });
    EXPECT_EQ(suppressed("a@mail.example"), "");
}

TEST_F(Feedback, WhatLeadsDoWithMessagesCountsForTheirEngagement)
{
    std::string m = sent();
    report({ { DELIVERED, m } });
    EXPECT_EQ(get("leads/a")->engagement->value, 0);
    report({ { CLICKED, m } });
    EXPECT_NEAR(get("leads/a")->engagement->value,
                engagement_weight(&engagement_axis_prior, STR("message.clicked")), 1e-6);
}

TEST_F(Feedback, OfAMergedLeadItIsTheOneThatLives)
{
    create({ { "email", "b@mail.example" } }, "b");
    std::string m = sent("leads/b", "b@mail.example");
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    EXPECT_EQ(reasons({ { OPENED, m } }), "OK");
    EXPECT_EQ(events_of("leads/a").size(), 1u);
}

TEST_F(Feedback, WhereTheLeadIsGoneOnlyItsAddressIsForbidden)
{
    std::string m = sent(), other = sent();
    ASSERT_TRUE(remove("leads/a").ok_());
    EXPECT_EQ(reasons({ { OPENED, m }, { BOUNCED, m, "", HARD }, { COMPLAINED, other } }), "OK OK OK");
    EXPECT_EQ(suppressed("a@mail.example"), HARD_BOUNCE_OF_MAIL + " " + COMPLAINT);
    EXPECT_EQ(message(m)->open_time, nullptr);
    EXPECT_EQ(count("lead_event"), 0);
}

TEST_F(Feedback, OfAnotherWorkspaceNothingIsKnown)
{
    std::string m = sent();
    house.workspace = "other";
    EXPECT_EQ(reasons({ { BOUNCED, m, "", HARD } }), "MESSAGE_NOT_FOUND");
    house.workspace = "default";
    EXPECT_EQ(suppressed("a@mail.example"), "");
}
