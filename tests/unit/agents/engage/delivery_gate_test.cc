// Messages that may not leave, or not yet: the gate, words that cannot be rendered, channels that are not
// there.
#include "tests/unit/agents/engage/delivery.h"

using namespace fixture;

namespace
{

using Delivery = DeliveryRoom;

TEST_F(Delivery, NothingPassesTheGate)
{
    mail_and_sms();
    person("a");
    suppress("a");
    std::string name = order("a");
    start();
    auto m = end_of(name);
    EXPECT_EQ(m->state, MESSAGE__STATE_REFUSED);
    EXPECT_EQ(m->cause, MESSAGE__CAUSE_GATE);
    EXPECT_STREQ(m->detail, "the address is suppressed");
    EXPECT_EQ(smtp.listener.connections, 0);
}

// What the lead says between two attempts counts.
TEST_F(Delivery, TheGateIsAskedBeforeEveryAttempt)
{
    mail_and_sms();
    person("a");
    options.first_wait_us = 300000;
    options.attempts = 20; // more than there is time for
    smtp.at("END", "451 later");
    std::string name = order("a");
    start();
    waits(name, MESSAGE__CAUSE_PROVIDER_REFUSED);
    suppress("a");
    smtp.at("END", "");
    EXPECT_EQ(end_of(name)->state, MESSAGE__STATE_REFUSED);
    EXPECT_TRUE(smtp.mails().empty());
}

TEST_F(Delivery, WhatCannotBeSaidIsRefused)
{
    mail_and_sms();
    person("a", "");
    std::string name = order("a");
    start();
    auto m = end_of(name);
    EXPECT_EQ(m->state, MESSAGE__STATE_REFUSED);
    EXPECT_EQ(m->cause, MESSAGE__CAUSE_TEMPLATE);
    EXPECT_NE(std::string(m->detail).find("full_name"), std::string::npos) << m->detail;
}

TEST_F(Delivery, WaitsForAChannel)
{
    person("a");
    std::string name = order("a");
    start();
    waits(name, MESSAGE__CAUSE_NO_CHANNEL);
    EXPECT_EQ(message(name)->attempt_count, 0);
    EXPECT_EQ(message(name)->next_attempt_time, nullptr);
    for (int looks = 0; looks < 3; looks++) {
        due_now(name);
        looked_at(name);
    }
    EXPECT_EQ(events("message.deferred"), 1);
    make_channel("mail", MEDIUM_EMAIL);
    due_now(name);
    EXPECT_EQ(end_of(name)->state, MESSAGE__STATE_SENT);
}

// What was asked to leave by it, and was not made for it yet, leaves by another one.
TEST_F(Delivery, AChannelMayBeDeletedWhileMessagesWaitForIt)
{
    make_channel("one", MEDIUM_EMAIL);
    person("a");
    person("b");
    options.first_wait_us = 60 * US_PER_SECOND;
    smtp.at("END", "451 later");
    std::string tried = order("a");
    start();
    waits(tried, MESSAGE__CAUSE_PROVIDER_REFUSED);
    stop();
    smtp.at("END", "");
    std::string fresh = order("b");
    ask_for_channel(fresh, "channels/one");
    DeleteChannelRequest req = DELETE_CHANNEL_REQUEST_INIT;
    req.name = text("channels/one");
    ASSERT_TRUE(house.call(delete_channel, req, &Empty_descriptor).ok_());
    make_channel("two", MEDIUM_EMAIL);
    due_now(tried);
    start();
    EXPECT_EQ(end_of(fresh)->state, MESSAGE__STATE_SENT);
    EXPECT_STREQ(message(fresh)->channel, "channels/two");
    waits(tried, MESSAGE__CAUSE_NO_CHANNEL);
    EXPECT_EQ(smtp.mails().size(), 1u);
}

} // namespace
