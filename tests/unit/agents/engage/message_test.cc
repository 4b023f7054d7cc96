// Messages as they are planned, listed, cancelled and erased.
#include "tests/unit/agents/engage/fixture.h"

#include <algorithm>

using namespace fixture;

using Messages = EngageRoom;
using Names = std::vector<std::string>;

TEST_F(Messages, AreScheduledWithAnEvent)
{
    create({ { "email", "a@mail.example" } }, "a");
    std::string name = plan("leads/a", 60);
    auto m = message(name);
    ASSERT_TRUE(m.ok_()) << m.message();
    EXPECT_EQ(m->state, MESSAGE__STATE_SCHEDULED);
    EXPECT_STREQ(m->lead, "leads/a");
    EXPECT_STREQ(m->template_, "templates/welcome");
    EXPECT_EQ(time_us(m->next_attempt_time), time_us(m->send_time));
    EXPECT_GT(time_us(m->send_time), time_us(m->create_time));
    EXPECT_EQ(events("message.scheduled"), 1);
}

TEST_F(Messages, AreListedByLeadAndStateAndInPages)
{
    create({ { "email", "a@mail.example" } }, "a");
    create({ { "email", "b@mail.example" } }, "b");
    Names all, of_a;
    for (int i = 0; i < 7; i++) {
        all.push_back(plan(i % 2 ? "leads/b" : "leads/a"));
        if (i % 2 == 0)
            of_a.push_back(all.back());
    }
    std::sort(all.begin(), all.end()); // those of one millisecond are in no order
    std::sort(of_a.begin(), of_a.end());
    EXPECT_EQ(messages(), all);
    EXPECT_EQ(messages("", 2), all);
    EXPECT_EQ(messages("leads/a", 1), of_a);
    ASSERT_TRUE(cancel(of_a[1]).ok_());
    EXPECT_EQ(messages("leads/a", 1, MESSAGE__STATE_CANCELLED), Names{ of_a[1] });
    EXPECT_EQ(messages("", 0, MESSAGE__STATE_SCHEDULED).size(), 6u);
    EXPECT_EQ(messages("leads/none"), Names{ "LEAD_NOT_FOUND" });
}

TEST_F(Messages, OfAMergedLeadAreListedUnderTheOneThatLives)
{
    create({ { "email", "a@mail.example" } }, "a");
    create({ { "email", "b@mail.example" } }, "b");
    Names both = { plan("leads/b"), plan("leads/a") };
    std::sort(both.begin(), both.end());
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    EXPECT_EQ(messages("leads/a"), both);
    EXPECT_EQ(messages("leads/b"), both);
}

TEST_F(Messages, AreCancelledOnce)
{
    create({ { "email", "a@mail.example" } }, "a");
    std::string name = plan("leads/a");
    auto first = cancel(name), again = cancel(name);
    ASSERT_TRUE(first.ok_() && again.ok_());
    EXPECT_EQ(first->state, MESSAGE__STATE_CANCELLED);
    EXPECT_EQ(first->cause, MESSAGE__CAUSE_CANCELLED);
    EXPECT_EQ(first->next_attempt_time, nullptr);
    EXPECT_EQ(again.writes, 0);
    EXPECT_EQ(events("message.cancelled"), 1);
    EXPECT_EQ(cancel("messages/none").reason(), "MESSAGE_NOT_FOUND");
    EXPECT_EQ(cancel("leads/a").reason(), "FIELD_INVALID");
}

TEST_F(Messages, OnTheirWayAreNotCancelled)
{
    create({ { "email", "a@mail.example" } }, "a");
    std::string name = plan("leads/a");
    auto a = house.run([&](ctx *c) {
        message_row row;
        TRY(message_load(c, name.c_str(), &row));
        row.message->state = MESSAGE__STATE_SENDING;
        return message_save(c, &row, c->now_us, STR("bytes"), "message.sending");
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(cancel(name).reason(), "MESSAGE_STATE");
    EXPECT_EQ(house.count("SELECT count(*) FROM message WHERE workspace = $1 AND length(frozen) = 5"), 1);
}

// Whoever read the message before another changed it does not save it.
TEST_F(Messages, AreSavedByWhoReadThemLast)
{
    create({ { "email", "a@mail.example" } }, "a");
    std::string name = plan("leads/a");
    bool once = true;
    house.before_commit = [&] {
        if (!once)
            return;
        once = false;
        EXPECT_TRUE(cancel(name).ok_());
    };
    auto a = house.run([&](ctx *c) {
        message_row row;
        TRY(message_load(c, name.c_str(), &row));
        if (row.message->state != MESSAGE__STATE_SCHEDULED)
            return fail(c->arena, REASON_MESSAGE_STATE, "it was cancelled");
        row.message->state = MESSAGE__STATE_SENDING;
        return message_save(c, &row, c->now_us, str_make(nullptr, 0), "message.sending");
    });
    house.before_commit = nullptr;
    EXPECT_EQ(a.reason(), "MESSAGE_STATE");
    EXPECT_EQ(a.attempts, 1);
    EXPECT_EQ(events("message.sending"), 0);
}

TEST_F(Messages, OfAnotherWorkspaceAreNotThere)
{
    create({ { "email", "a@mail.example" } }, "a");
    std::string name = plan("leads/a");
    house.workspace = "acme";
    EXPECT_EQ(message(name).reason(), "MESSAGE_NOT_FOUND");
    EXPECT_EQ(cancel(name).reason(), "MESSAGE_NOT_FOUND");
    EXPECT_EQ(messages(), Names{});
}
