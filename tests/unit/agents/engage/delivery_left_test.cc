// Messages that a process that died, or a database that was put back, left on their way.
#include "tests/unit/agents/engage/delivery.h"

using namespace fixture;

namespace
{

using Delivery = DeliveryRoom;

// A process died while it had them in hand.
TEST_F(Delivery, WhatADeadProcessLeftIsUnknownOrAskedAgain)
{
    mail_and_sms();
    person("a");
    person("b");
    std::string mail = order("a", MEDIUM_EMAIL, 600), post = order("b", MEDIUM_SMS, 600);
    abandon(mail, "a@mail.example\nbytes", "channels/mail");
    abandon(post, "\n{\"as\":\"frozen\"}", "channels/sms");
    start();
    EXPECT_EQ(end_of(mail)->state, MESSAGE__STATE_UNKNOWN);
    auto m = end_of(post);
    EXPECT_EQ(m->state, MESSAGE__STATE_SENT) << m->detail;
    ASSERT_EQ(http.posts().size(), 1u);
    EXPECT_EQ(http.posts()[0].body, "{\"as\":\"frozen\"}");
    EXPECT_EQ(http.posts()[0].headers["idempotency-key"], "key-of-the-dead");
    EXPECT_EQ(smtp.listener.connections, 0);
}

// Where one process at a time writes, and where the database was put back, nobody has them. Elsewhere another
// replica may. Of two leads that were merged meanwhile they come one by one.
TEST_F(Delivery, NobodyWaitsForTheLeasesOfTheDead)
{
    const int64_t lease = 80 * US_PER_SECOND; // longer than end_of waits
    mail_and_sms();
    person("a");
    person("b");
    std::string mail = order("a", MEDIUM_EMAIL, 600), second = order("b", MEDIUM_EMAIL, 600);
    abandon(mail, "a@mail.example\nbytes", "channels/mail", lease);
    abandon(second, "b@mail.example\nbytes", "channels/mail", lease);
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    start();
    if (!house.app.db->ops->alone) {
        moments();
        EXPECT_EQ(message(mail)->state, MESSAGE__STATE_SENDING);
        stop();
        put_back();
        start();
        moments();
        EXPECT_EQ(message(mail)->state, MESSAGE__STATE_SENDING) << "nothing moves while it is held";
        resume();
    }
    EXPECT_EQ(end_of(mail)->state, MESSAGE__STATE_UNKNOWN);
    EXPECT_EQ(end_of(second)->state, MESSAGE__STATE_UNKNOWN);
    EXPECT_EQ(smtp.listener.connections, 0);
}

// What was read of it before the commit is not believed after it.
TEST_F(Delivery, WhatIsSaidOfADatabaseThatWasPutBackHoldsAtOnce)
{
    mail_and_sms();
    person("a");
    std::string mail = order("a");
    put_back();
    house.before_commit = [&] {
        house.before_commit = nullptr;
        EXPECT_TRUE(house.run(moved_refresh).ok_());
    };
    resume(); // it never left
    EXPECT_EQ(moved_hold_us(house.app.moved), 0);
    EXPECT_EQ(moved_until_us(house.app.moved), 0);
    start();
    EXPECT_EQ(end_of(mail)->state, MESSAGE__STATE_SENT);
}

} // namespace
