// Messages that a process that died, or a database that was put back, left on their way.
#include "agents/engage/delivery/hands.h"
#include "base/ids.h"
#include "tests/unit/agents/engage/delivery.h"

#include <filesystem>
#include <sys/wait.h>

using namespace fixture;

namespace
{

class Delivery : public DeliveryRoom
{
  protected:
    int64_t version(const std::string &name)
    {
        int64_t now = 0;
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            now = row.version;
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return now;
    }
    // What would be found if the process that delivers were killed now: what a copy of its marks holds.
    size_t marks_now()
    {
        const char *place;
        EXPECT_EQ(house.app.db->ops->place(house.app.db, &memory, &place).code, CODE_OK);
        char name[64];
        snprintf(name, sizeof name, "/dev/shm/marketing-%016llx-",
                 (unsigned long long)hash64(str_of(place), 0));
        std::filesystem::copy_file(name + std::string("0"), name + std::string("1"));
        mark left[HANDS];
        size_t n = HANDS;
        marks_close(marks_open(place, HANDS, &memory, left, &n));
        return n;
    }
    // A process that was killed claimed these, and came to attempt none.
    void only_claimed(const std::vector<std::pair<std::string, int64_t>> &claims)
    {
        const char *place;
        ASSERT_EQ(house.app.db->ops->place(house.app.db, &memory, &place).code, CODE_OK);
        pid_t pid = fork();
        if (pid == 0) {
            mark left[HANDS];
            size_t n;
            marks *m = marks_open(place, HANDS, &memory, left, &n);
            for (size_t i = 0; i < claims.size(); i++)
                marks_set(m, i, house.workspace.c_str(), claims[i].first.c_str() + 9, claims[i].second);
            kill(getpid(), SIGKILL);
        }
        ASSERT_EQ(waitpid(pid, nullptr, 0), pid);
    }
};

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

// Of two that wanted a message the mark of the one that did not get it says nothing.
TEST_F(Delivery, WhatADeadProcessOnlyClaimedIsSent)
{
    mail_and_sms();
    for (const char *who : { "a", "b", "c" })
        person(who);
    std::string mine = order("a", MEDIUM_EMAIL, 600), theirs = order("b", MEDIUM_EMAIL, 600),
                done = order("c", MEDIUM_EMAIL, 600);
    abandon(mine, "a@mail.example\nMessage-ID: <mine@us.example>", "channels/mail", 80 * US_PER_SECOND);
    abandon(theirs, "b@mail.example\nbytes", "channels/mail");
    only_claimed({ { mine, version(mine) }, { theirs, version(theirs) + 1 }, { done, version(done) } });
    start();
    auto m = end_of(mine);
    EXPECT_EQ(m->state, MESSAGE__STATE_SENT) << m->detail;
    EXPECT_EQ(m->attempt_count, 1);
    EXPECT_EQ(end_of(theirs)->state, MESSAGE__STATE_UNKNOWN);
    EXPECT_EQ(message(done)->state, MESSAGE__STATE_SCHEDULED);
    ASSERT_EQ(smtp.mails().size(), 1u);
    EXPECT_EQ(id_of(smtp.mails()[0]), "mine@us.example");
}

TEST_F(Delivery, OfADatabaseThatWasPutBackNoMarksAreBelieved)
{
    mail_and_sms();
    person("a");
    std::string mail = order("a", MEDIUM_EMAIL, 600);
    abandon(mail, "a@mail.example\nbytes", "channels/mail");
    put_back();
    only_claimed({ { mail, version(mail) } });
    start();
    EXPECT_EQ(marks_now(), 0u) << "nor by who comes after this process";
    resume();
    EXPECT_EQ(end_of(mail)->state, MESSAGE__STATE_UNKNOWN);
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
