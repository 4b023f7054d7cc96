// What the gate knows about a lead, and that a send and what forbids it never both win.
#include "agents/engage/contact/admit.h"
#include "tests/unit/agents/engage/fixture.h"

#include <atomic>
#include <thread>

using namespace fixture;

namespace
{

constexpr int64_t NOON = 1795694400 * US_PER_SECOND; // 2026-11-26 12:00 UTC

struct Said {
    const char *purpose = "marketing";
    Medium medium = MEDIUM_EMAIL;
    Consent__State state = CONSENT__STATE_GRANTED;
    int64_t pause_end_us = 0;
};

class Contacts : public EngageRoom
{
  protected:
    Contacts()
    {
        house.now_us = NOON;
        create({ { "email", "a@mail.example" }, { "phone", "+431234567" } }, "a");
    }

    static struct status say_in(ctx *c, const char *lead, const Said &s)
    {
        contact_row row;
        Consent *said = PB_NEW(c->arena, Consent);
        said->purpose = pb_str(c->arena, str_of(s.purpose));
        said->medium = s.medium;
        said->state = s.state;
        if (s.pause_end_us)
            said->pause_end_time = time_message(c->arena, s.pause_end_us);
        TRY(contact_load(c, lead, &row));
        TRY(contact_say(c, &row, said));
        return contact_save(c, &row);
    }
    void say(const Said &s, const char *lead = "a")
    {
        auto a = house.run([&](ctx *c) { return say_in(c, lead, s); });
        ASSERT_TRUE(a.ok_()) << a.message();
    }

    void suppress(Suppression__Cause cause = SUPPRESSION__CAUSE_UNSUBSCRIBE, const char *purpose = "",
                  Medium medium = MEDIUM_UNSPECIFIED)
    {
        auto a = house.run([&](ctx *c) { return suppress_in(c, "a", { cause, purpose, medium }); });
        ASSERT_TRUE(a.ok_()) << a.message();
    }

    struct Sent {
        std::string reason, entry;
        enum gate_answer answer;
        enum gate_name by;
        int64_t next_us;
        int attempts;
    };
    // Lets a message through, if the gate does.
    Sent send(const char *lead = "leads/a", Medium medium = MEDIUM_EMAIL, const char *purpose = "marketing")
    {
        Sent s = {};
        auto a = house.run([&](ctx *c) {
            auto *row = ARENA_NEW(c->arena, lead_row);
            gate_result *g;
            gate_request r = { purpose, medium, PRIORITY_MEDIUM, c->now_us, GATE_NEVER };
            TRY(lead_load(c, lead, "lead", row));
            TRY(gate_check(c, &r, row, &g));
            s.answer = g->decision.answer;
            s.by = g->decision.decided_by;
            s.next_us = g->decision.next_us;
            s.entry = g->consent_entry;
            return s.answer == GATE_PASS ? gate_admit(c, g) : ok();
        });
        s.reason = a.reason();
        s.attempts = a.attempts;
        return s;
    }
    int64_t rows(const char *sql)
    {
        return house.count(sql);
    }
};

#define EXPECT_SENT(s)                                                                                       \
    do {                                                                                                     \
        Sent s_ = (s);                                                                                       \
        EXPECT_EQ(s_.reason, "OK");                                                                          \
        EXPECT_EQ(s_.answer, GATE_PASS) << s_.by;                                                            \
    } while (0)
#define EXPECT_HELD(s, answer_, by_)                                                                         \
    do {                                                                                                     \
        Sent s_ = (s);                                                                                       \
        EXPECT_EQ(s_.reason, "OK");                                                                          \
        EXPECT_EQ(s_.answer, answer_);                                                                       \
        EXPECT_EQ(s_.by, by_);                                                                               \
    } while (0)

TEST_F(Contacts, NothingSaidIsNoConsentAndAnImportIsNone)
{
    EXPECT_HELD(send(), GATE_REFUSE, GATE_CONSENT);
    EXPECT_SENT(send("leads/a", MEDIUM_EMAIL, "transactional"));
    EXPECT_HELD(send("leads/a", MEDIUM_EMAIL, "unheard-of"), GATE_REFUSE, GATE_PURPOSE);
}

TEST_F(Contacts, AMessageNamesTheConsentThatItReliedOn)
{
    say({});
    Sent s = send();
    EXPECT_EQ(s.answer, GATE_PASS);
    EXPECT_EQ(s.entry.rfind("leads/a/consentEntries/", 0), 0u) << s.entry;
    EXPECT_EQ(send("leads/a", MEDIUM_SMS, "transactional").entry, "");
    EXPECT_EQ(events("consent.granted"), 1);
}

TEST_F(Contacts, TheLaterStatementCounts)
{
    say({});
    say({ "marketing", MEDIUM_UNSPECIFIED, CONSENT__STATE_WITHDRAWN });
    EXPECT_HELD(send(), GATE_REFUSE, GATE_CONSENT);
    say({});
    EXPECT_SENT(send());
    EXPECT_HELD(send("leads/a", MEDIUM_SMS), GATE_REFUSE, GATE_CONSENT);
    EXPECT_EQ(rows("SELECT count(*) FROM consent_entry WHERE workspace = $1"), 3);
}

TEST_F(Contacts, WhatWasSentCountsForTheCap)
{
    say({});
    EXPECT_SENT(send());
    Sent s = send();
    EXPECT_EQ(s.by, GATE_CAP);
    EXPECT_EQ(s.next_us, NOON + US_PER_DAY);
    EXPECT_SENT(send("leads/a", MEDIUM_EMAIL, "transactional")); // does not count
    house.now_us = NOON + US_PER_DAY;
    EXPECT_SENT(send());
}

TEST_F(Contacts, ACapHoldsAcrossManySendsOfOtherMedia)
{
    say({ "marketing", MEDIUM_UNSPECIFIED });
    for (int i = 0; i < 3; i++) {
        house.now_us = NOON + i * US_PER_DAY;
        EXPECT_SENT(send("leads/a", i % 2 ? MEDIUM_SMS : MEDIUM_EMAIL));
    }
    house.now_us = NOON + 3 * US_PER_DAY;
    Sent s = send();
    EXPECT_EQ(s.by, GATE_CAP);
    EXPECT_EQ(s.next_us, NOON + 7 * US_PER_DAY); // the third of a week
}

TEST_F(Contacts, AMoreImportantMessageThatWaitsGoesFirst)
{
    say({});
    auto a = house.run([&](ctx *c) {
        Message *m = PB_NEW(c->arena, Message);
        m->lead = text("leads/a");
        m->medium = MEDIUM_EMAIL;
        m->purpose = text("marketing");
        m->priority = PRIORITY_URGENT;
        m->send_time = time_message(c->arena, NOON + 3600 * US_PER_SECOND);
        return message_add(c, m);
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    Sent s = send();
    EXPECT_EQ(s.by, GATE_PRIORITY);
    EXPECT_EQ(s.next_us, NOON + 3600 * US_PER_SECOND + US_PER_DAY);
}

TEST_F(Contacts, ASuppressionBindsWhatItNames)
{
    say({ "marketing", MEDIUM_UNSPECIFIED });
    suppress(SUPPRESSION__CAUSE_COMPLAINT, "marketing", MEDIUM_SMS);
    EXPECT_HELD(send("leads/a", MEDIUM_SMS), GATE_REFUSE, GATE_SUPPRESSION);
    EXPECT_SENT(send("leads/a", MEDIUM_SMS, "transactional"));
    EXPECT_SENT(send());
    suppress(SUPPRESSION__CAUSE_HARD_BOUNCE, "", MEDIUM_EMAIL);
    EXPECT_HELD(send("leads/a", MEDIUM_EMAIL, "transactional"), GATE_REFUSE, GATE_SUPPRESSION);
}

TEST_F(Contacts, AnUnsubscribeIsLiftedByALaterConsentOnly)
{
    say({});
    suppress();
    EXPECT_HELD(send(), GATE_REFUSE, GATE_SUPPRESSION);
    house.now_us = NOON + US_PER_SECOND;
    say({});
    EXPECT_SENT(send());
}

// The gate let the message through; before its commit the lead unsubscribes.
TEST_F(Contacts, OfASendAndAnUnsubscribeTheLaterDoesNotWin)
{
    for (bool sent_before : { false, true }) {
        say({});
        house.now_us += 2 * US_PER_DAY;
        if (sent_before)
            EXPECT_SENT(send());
        house.now_us += 2 * US_PER_DAY;
        bool once = true;
        house.before_commit = [&] {
            if (once) {
                once = false;
                suppress();
            }
        };
        Sent s = send();
        house.before_commit = nullptr;
        EXPECT_EQ(s.attempts, 1) << sent_before;
        EXPECT_EQ(s.answer, GATE_REFUSE) << sent_before;
        EXPECT_EQ(s.by, GATE_SUPPRESSION) << sent_before;
        house.now_us += US_PER_SECOND;
    }
}

TEST_F(Contacts, OfTwoSendsForOneSlotOneWins)
{
    say({});
    bool once = true;
    house.before_commit = [&] {
        if (once) {
            once = false;
            EXPECT_SENT(send());
        }
    };
    EXPECT_HELD(send(), GATE_DEFER, GATE_CAP);
    house.before_commit = nullptr;
}

TEST_F(Contacts, ASendToALeadThatIsErasedOrDeletedMeanwhileDoesNotGo)
{
    bool once = true;
    house.before_commit = [&] {
        if (once) {
            once = false;
            EXPECT_TRUE(remove("leads/a").ok_());
        }
    };
    EXPECT_EQ(send("leads/a", MEDIUM_EMAIL, "transactional").reason, "LEAD_NOT_FOUND");
    house.before_commit = nullptr;
    EXPECT_EQ(rows("SELECT count(*) FROM contact WHERE workspace = $1"), 0);
}

// Many senders and one unsubscribe at once: whoever begins after it is answered sends nothing.
TEST_F(Contacts, NothingIsSentOnceAnUnsubscribeIsAnswered)
{
    say({});
    std::atomic<bool> answered{ false };
    std::atomic<int> late{ 0 }, refused{ 0 };
    std::vector<std::thread> senders;
    for (int i = 0; i < 4; i++)
        senders.emplace_back([&] {
            while (refused < 4) {
                bool before = answered;
                Sent s = send();
                late += before && s.answer == GATE_PASS;
                refused += before;
            }
        });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    suppress();
    answered = true;
    for (auto &t : senders)
        t.join();
    EXPECT_EQ(late, 0);
    EXPECT_LE(rows("SELECT version FROM contact WHERE workspace = $1"), 3); // consent, one send, unsubscribe
}

TEST_F(Contacts, MergedTheStricterWinsAndBothHistoriesStay)
{
    create({ { "email", "b@mail.example" } }, "b");
    say({ "marketing", MEDIUM_UNSPECIFIED, CONSENT__STATE_WITHDRAWN }, "b");
    say({});
    say({ "survey", MEDIUM_SMS, CONSENT__STATE_PAUSED, NOON + US_PER_DAY });
    say({ "survey", MEDIUM_SMS }, "b");
    EXPECT_SENT(send());
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    EXPECT_HELD(send(), GATE_REFUSE, GATE_CONSENT);
    EXPECT_EQ(rows("SELECT count(*) FROM contact WHERE workspace = $1"), 1);
    EXPECT_EQ(rows("SELECT count(*) FROM consent_entry WHERE workspace = $1 AND lead_id = 'a'"), 4);
    auto a = house.run([&](ctx *c) {
        contact_row row;
        TRY(contact_load(c, "a", &row));
        EXPECT_EQ(row.contact->n_sent, 1u);
        const Consent *survey = contact_consent(row.contact, "survey", MEDIUM_SMS);
        EXPECT_TRUE(survey && survey->state == CONSENT__STATE_PAUSED);
        return ok();
    });
    EXPECT_TRUE(a.ok_());
}

TEST_F(Contacts, OnlyTheNewestSendsOfEachMediumAreKept)
{
    auto a = house.run([&](ctx *c) {
        contact_row row;
        TRY(contact_load(c, "a", &row));
        TRY(contact_sent(c, &row, MEDIUM_SMS));
        for (int i = 1; i <= 120; i++) {
            c->now_us = NOON + i * US_PER_DAY / 2;
            TRY(contact_sent(c, &row, MEDIUM_EMAIL));
        }
        EXPECT_EQ(row.contact->n_sent, 1u + CONTACT_SENDS);
        EXPECT_EQ(row.contact->sent[0]->medium, MEDIUM_SMS);
        EXPECT_EQ(time_us(row.contact->sent[1]->time), NOON + 71 * US_PER_DAY / 2);
        c->now_us = NOON + 92 * US_PER_DAY;
        TRY(contact_sent(c, &row, MEDIUM_EMAIL));
        EXPECT_EQ(row.contact->sent[0]->medium, MEDIUM_EMAIL);
        return ok();
    });
    EXPECT_TRUE(a.ok_()) << a.message();
}

TEST_F(Contacts, ADeletedLeadThatComesBackIsStillSuppressed)
{
    say({});
    suppress(SUPPRESSION__CAUSE_COMPLAINT);
    ASSERT_TRUE(remove("leads/a").ok_());
    EXPECT_EQ(rows("SELECT count(*) FROM consent_entry WHERE workspace = $1"), 0);
    create({ { "email", "a@mail.example" } }, "again");
    say({}, "again");
    EXPECT_HELD(send("leads/again"), GATE_REFUSE, GATE_SUPPRESSION);
}

TEST_F(Contacts, ATouchOfNoLeadLeavesNothing)
{
    auto a = house.run([&](ctx *c) {
        contact_touch(c, "nobody");
        return ok();
    });
    EXPECT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(rows("SELECT count(*) FROM contact WHERE workspace = $1"), 0);
}

TEST_F(Contacts, OwnedByAPersonTheLeadHearsNothingButTransactions)
{
    say({});
    auto a = house.run([&](ctx *c) {
        contact_row row;
        TRY(contact_load(c, "a", &row));
        row.contact->owner = text("users/ann");
        return contact_save(c, &row);
    });
    ASSERT_TRUE(a.ok_());
    EXPECT_HELD(send(), GATE_DEFER, GATE_OWNER);
    EXPECT_SENT(send("leads/a", MEDIUM_EMAIL, "transactional"));
}

TEST_F(Contacts, AnEmailNeedsAnAddress)
{
    create({ { "external_id", "x-1" } }, "x");
    say({ "marketing", MEDIUM_UNSPECIFIED }, "x");
    EXPECT_HELD(send("leads/x"), GATE_REFUSE, GATE_ADDRESS);
    EXPECT_SENT(send("leads/x", MEDIUM_IN_APP));
}

} // namespace
