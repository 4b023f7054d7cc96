// Messages on their way, against providers that take, refuse, slow down, fall silent and hang up: each takes
// effect once, and what became of it is told.
#include "tests/unit/agents/engage/delivery.h"

#include <algorithm>

using namespace fixture;

namespace
{

using Delivery = DeliveryRoom;

TEST_F(Delivery, MailsLeaveOnceWithAnIdOfTheirOwn)
{
    mail_and_sms();
    std::vector<std::string> names;
    for (int i = 0; i < 40; i++) {
        person("p" + std::to_string(i));
        names.push_back(order("p" + std::to_string(i)));
    }
    start();
    std::vector<std::string> told, seen;
    for (auto &name : names) {
        auto m = end_of(name);
        ASSERT_EQ(m->state, MESSAGE__STATE_SENT) << m->detail;
        EXPECT_STREQ(m->channel, "channels/mail");
        EXPECT_EQ(m->attempt_count, 1);
        EXPECT_EQ(m->template_version, 1);
        EXPECT_NE(m->sent_time, nullptr);
        told.push_back(m->transport_id);
    }
    stop();
    start();
    moments();
    for (auto &mail : smtp.mails())
        seen.push_back(id_of(mail));
    std::sort(told.begin(), told.end());
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, told);
    EXPECT_NE(smtp.mails()[0].find("\r\n\r\nHello Ann\r\n"), std::string::npos);
    EXPECT_EQ(events("message.sent"), 40);
}

TEST_F(Delivery, NothingLeavesBeforeItsTimeOrOnceItIsCancelled)
{
    mail_and_sms();
    person("a");
    std::string later = order("a", MEDIUM_EMAIL, 600), cancelled = order("a", MEDIUM_EMAIL, 0);
    ASSERT_TRUE(cancel(cancelled).ok_());
    start();
    moments();
    EXPECT_EQ(message(later)->state, MESSAGE__STATE_SCHEDULED);
    EXPECT_EQ(message(cancelled)->state, MESSAGE__STATE_CANCELLED);
    EXPECT_EQ(smtp.listener.connections, 0);
}

TEST_F(Delivery, WhatIsRefusedIsToldAndNotSentAgain)
{
    mail_and_sms();
    person("a");
    smtp.at("RCPT", "550 5.1.1 unknown");
    std::string name = order("a");
    start();
    auto m = end_of(name);
    EXPECT_EQ(m->state, MESSAGE__STATE_FAILED);
    EXPECT_EQ(m->cause, MESSAGE__CAUSE_PROVIDER_REFUSED);
    EXPECT_STREQ(m->detail, "5.1.1 unknown");
    EXPECT_EQ(m->attempt_count, 1);
}

TEST_F(Delivery, AKnownFailureIsTriedAgainSoManyTimes)
{
    mail_and_sms();
    person("a");
    smtp.at("END", "451 later");
    std::string name = order("a");
    start();
    auto m = end_of(name);
    EXPECT_EQ(m->state, MESSAGE__STATE_FAILED);
    EXPECT_EQ(m->attempt_count, 3);
    EXPECT_STREQ(m->detail, "later");
    EXPECT_TRUE(smtp.mails().empty());
}

TEST_F(Delivery, AnotherAttemptHasTheSameBytesAndKey)
{
    mail_and_sms();
    person("a");
    http.once("500 Oh\r\nContent-Length: 0\r\n\r\n");
    std::string name = order("a", MEDIUM_SMS);
    start();
    auto m = end_of(name);
    ASSERT_EQ(m->state, MESSAGE__STATE_SENT) << m->detail;
    EXPECT_EQ(m->attempt_count, 2);
    auto posts = http.posts();
    ASSERT_EQ(posts.size(), 2u);
    for (auto &p : posts) {
        EXPECT_EQ(p.body, posts[0].body);
        EXPECT_EQ(p.headers["idempotency-key"], m->transport_id);
    }
    EXPECT_NE(posts[0].body.find("\"text\":\"Hello Ann\""), std::string::npos) << posts[0].body;
    EXPECT_NE(posts[0].body.find("\"to\":\"+43660100000\""), std::string::npos) << posts[0].body;
}

// Its provider is faster with its reports than with its answer, which then changes nothing.
TEST_F(Delivery, WhatIsReportedToHaveArrivedIsSentWhateverItsAttemptTells)
{
    mail_and_sms();
    person("a");
    smtp.at("END", "HANG");
    http.answer("HANG");
    for (Medium medium : { MEDIUM_EMAIL, MEDIUM_SMS }) {
        std::string name = order("a", medium);
        start();
        while (smtp.mails().size() + http.posts().size() < (medium == MEDIUM_EMAIL ? 1 : 2))
            moments(1);
        arrives(name);
        smtp.listener.hang_up();
        http.listener.hang_up();
        stop(); // waits for the attempt and its outcome
        auto m = message(name);
        EXPECT_EQ(m->state, MESSAGE__STATE_SENT);
        EXPECT_EQ(m->cause, MESSAGE__CAUSE_REPORTED);
        EXPECT_NE(m->deliver_time, nullptr);
    }
    start();
    moments();
    EXPECT_EQ(smtp.mails().size(), 1u);
    EXPECT_EQ(http.posts().size(), 1u);
}

TEST_F(Delivery, AMailThatMayHaveBeenTakenIsUnknownAndStaysSo)
{
    mail_and_sms();
    limits.timeout_ms = 400;
    person("a");
    for (const char *how : { "CUT", "HANG" }) {
        smtp.at("END", how);
        size_t before = smtp.mails().size();
        std::string name = order("a");
        start();
        auto m = end_of(name);
        EXPECT_EQ(m->state, MESSAGE__STATE_UNKNOWN) << m->detail;
        EXPECT_EQ(m->cause, MESSAGE__CAUSE_INTERRUPTED);
        moments();
        EXPECT_EQ(smtp.mails().size(), before + 1);
        stop();
    }
}

TEST_F(Delivery, AWebhookThatMayHaveBeenTakenIsAskedAgain)
{
    mail_and_sms();
    person("a");
    person("b");
    http.answer("CUT");
    std::string lost = order("a", MEDIUM_SMS);
    start();
    auto m = end_of(lost);
    EXPECT_EQ(m->state, MESSAGE__STATE_UNKNOWN) << "every attempt told nothing";
    EXPECT_EQ(m->attempt_count, 3);
    http.once("CUT");
    http.answer("200 OK\r\nContent-Length: 0\r\n\r\n");
    std::string found = order("b", MEDIUM_SMS);
    m = end_of(found);
    EXPECT_EQ(m->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(m->attempt_count, 2);
}

TEST_F(Delivery, WhatIsUnknownIsResolvedByWhoKnows)
{
    mail_and_sms();
    auto resolve = [&](const std::string &name, ResolveUnknownMessageRequest__Resolution as) {
        ResolveUnknownMessageRequest req = RESOLVE_UNKNOWN_MESSAGE_REQUEST_INIT;
        req.name = text(name);
        req.resolution = as;
        return house.call(resolve_unknown_message, req, &Message_descriptor);
    };
    std::vector<std::string> names;
    smtp.at("END", "CUT");
    for (const char *id : { "a", "b", "c" }) {
        person(id);
        names.push_back(order(id));
    }
    start();
    for (auto &name : names)
        ASSERT_EQ(end_of(name)->state, MESSAGE__STATE_UNKNOWN);
    smtp.at("END", "");
    EXPECT_EQ(resolve(names[0], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_UNSPECIFIED).reason(),
              "FIELD_INVALID");
    EXPECT_EQ(resolve(names[0], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_SENT)->state,
              MESSAGE__STATE_SENT);
    EXPECT_EQ(resolve(names[1], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_FAILED)->state,
              MESSAGE__STATE_FAILED);
    EXPECT_EQ(resolve(names[1], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_FAILED).writes, 0);
    EXPECT_EQ(resolve(names[1], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_SENT).reason(), "MESSAGE_STATE");
    size_t before = smtp.mails().size();
    ASSERT_TRUE(resolve(names[2], RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_RESEND).ok_());
    auto m = end_of(names[2]);
    EXPECT_EQ(m->state, MESSAGE__STATE_SENT) << m->detail;
    auto mails = smtp.mails();
    ASSERT_EQ(mails.size(), before + 1);
    EXPECT_EQ(id_of(mails.back()), m->transport_id);
    EXPECT_EQ(std::count(mails.begin(), mails.end(), mails.back()), 2) << "the same bytes as before";
}

// The attempts do not count, and the whole channel waits.
TEST_F(Delivery, AProviderThatAsksToSlowDownIsLeftAlone)
{
    mail_and_sms();
    options.attempts = 1;
    options.threads = 1;
    for (const char *id : { "a", "b", "c" })
        person(id);
    http.once("429 Slow down\r\nRetry-After: 600\r\nContent-Length: 0\r\n\r\n");
    std::string first = order("a", MEDIUM_SMS);
    start();
    auto m = waits(first, MESSAGE__CAUSE_PROVIDER_BUSY);
    EXPECT_EQ(m->attempt_count, 0);
    std::string second = order("b", MEDIUM_SMS), third = order("c", MEDIUM_EMAIL);
    due_now(second);
    looked_at(second);
    EXPECT_EQ(end_of(third)->state, MESSAGE__STATE_SENT) << "another channel goes on";
    EXPECT_EQ(http.posts().size(), 1u);
    stop();
    due_now(first);
    due_now(second);
    start(); // which knows of no wait
    EXPECT_EQ(end_of(first)->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(end_of(second)->state, MESSAGE__STATE_SENT);
}

TEST_F(Delivery, AProviderIsAskedAgainWhenItSaid)
{
    mail_and_sms();
    options.attempts = 1;
    for (const char *id : { "a", "b" })
        person(id);
    http.once("429 Slow down\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n");
    std::string first = order("a", MEDIUM_SMS);
    start();
    EXPECT_EQ(end_of(first)->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(end_of(order("b", MEDIUM_SMS))->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(http.posts().size(), 3u);
}

// The same of a mail server, whose way to ask is an answer to the mail, or to whoever comes.
TEST_F(Delivery, AMailServerThatAsksToSlowDownLosesNothing)
{
    mail_and_sms();
    options.attempts = 1;
    for (const auto &[step, answer] : { std::pair<const char *, const char *>{ "END", "421 4.7.0 slow down" },
                                        { "END", "454 4.7.0 later" },
                                        { "GREETING", "421 busy" } }) {
        std::string id = std::string(step[0] == 'E' ? "e" : "g") + answer[2];
        person(id);
        person(id + "x");
        smtp.at(step, answer);
        size_t before = smtp.mails().size();
        std::string first = order(id);
        start();
        EXPECT_EQ(waits(first, MESSAGE__CAUSE_PROVIDER_BUSY)->attempt_count, 0) << answer;
        smtp.at(step, "");
        std::string second = order(id + "x");
        due_now(first);
        looked_at(first);
        EXPECT_EQ(smtp.mails().size(), before) << "the channel waits";
        stop();
        due_now(first);
        due_now(second);
        start(); // which knows of no wait
        for (auto &name : { first, second })
            EXPECT_EQ(end_of(name)->state, MESSAGE__STATE_SENT) << answer;
        EXPECT_EQ(message(first)->attempt_count, 1);
        EXPECT_EQ(smtp.mails().size(), before + 2);
        stop();
    }
}

TEST_F(Delivery, MessagesOfALeadLeaveInTheirOrder)
{
    mail_and_sms();
    options.threads = 6;
    std::vector<std::string> names;
    for (int l = 0; l < 5; l++)
        person("p" + std::to_string(l));
    for (int i = 0; i < 12; i++)
        for (int l = 0; l < 5; l++)
            names.push_back(order("p" + std::to_string(l), MEDIUM_SMS, -(i % 4))); // due in another one
    start();
    for (auto &name : names)
        ASSERT_EQ(end_of(name)->state, MESSAGE__STATE_SENT);
    // One that stood still may be put off once more; each by all before it would be twice as many.
    // The lower 20 bits of a version count the changes.
    EXPECT_LE(house.count("SELECT CAST(SUM(version % 1048576) AS BIGINT) FROM message WHERE workspace = $1"),
              6 * 60)
        << "put off in turn";
    std::vector<std::string> sent[5]; // of each lead
    for (auto &p : http.posts())
        sent[(std::find(names.begin(), names.end(), "messages/" + p.headers["idempotency-key"]) -
              names.begin()) %
             5]
            .push_back("messages/" + p.headers["idempotency-key"]);
    for (int l = 0; l < 5; l++) {
        ASSERT_EQ(sent[l].size(), 12u);
        for (int i = 0; i < 12; i++)
            EXPECT_EQ(sent[l][i], names[i * 5 + l]);
    }
}

// A message keeps the lead that it was planned for; of leads that are one now they leave in one order.
TEST_F(Delivery, MessagesOfMergedLeadsLeaveInOneOrder)
{
    mail_and_sms();
    options.threads = 6;
    person("a");
    person("b");
    std::vector<std::string> names;
    for (int i = 0; i < 12; i++)
        names.push_back(order(i % 2 ? "b" : "a", MEDIUM_SMS));
    ASSERT_TRUE(merge("leads/a", "leads/b").ok_());
    start_as_many(2);
    for (auto &name : names)
        ASSERT_EQ(end_of(name)->state, MESSAGE__STATE_SENT);
    auto posts = http.posts();
    ASSERT_EQ(posts.size(), names.size());
    for (size_t i = 0; i < posts.size(); i++)
        EXPECT_EQ("messages/" + posts[i].headers["idempotency-key"], names[i]);
}

// What was claimed when it is stopped is attempted, or handed back; also what became durable only then.
TEST_F(Delivery, ItEndsWheneverItIsStopped)
{
    mail_and_sms();
    person("a");
    for (int i = 0; i < 20; i++) {
        order("a");
        start();
        usleep(static_cast<useconds_t>(2000 * i));
        stop();
        ASSERT_EQ(house.count("SELECT count(*) FROM message WHERE workspace = $1 AND state = 2"), 0);
    }
}

// What waits behind a slow provider does not go on the strength of an old decision.
TEST_F(Delivery, AClaimDoesNotStandForLong)
{
    mail_and_sms();
    options.threads = 1;
    smtp.at("GREETING", "HANG");
    std::vector<std::string> names;
    for (const char *id : { "a", "b", "c" })
        person(id);
    names.push_back(order("a"));
    start();
    while (smtp.listener.connections == 0)
        moments(1);
    for (const char *id : { "b", "c" })
        names.push_back(order(id));
    for (auto &name : names)
        on_its_way(name);
    suppress("b");
    moments(30); // a claim stands for half a second
    smtp.at("GREETING", "");
    smtp.listener.hang_up();
    EXPECT_EQ(end_of(names[1])->state, MESSAGE__STATE_REFUSED);
    auto m = end_of(names[2]);
    EXPECT_EQ(m->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(m->attempt_count, 1) << "what was not attempted does not count";
    for (auto &mail : smtp.mails())
        EXPECT_EQ(mail.find("b@mail.example"), std::string::npos);
}

// While one is to be tried again, those planned after it wait.
TEST_F(Delivery, AMessageThatIsTriedAgainKeepsItsPlace)
{
    mail_and_sms();
    person("a");
    options.first_wait_us = 600000;
    http.once("500 Oh\r\nContent-Length: 0\r\n\r\n");
    std::string first = order("a", MEDIUM_SMS), second = order("a", MEDIUM_SMS);
    start();
    EXPECT_EQ(end_of(second)->state, MESSAGE__STATE_SENT);
    auto posts = http.posts();
    ASSERT_EQ(posts.size(), 3u);
    EXPECT_EQ("messages/" + posts[1].headers["idempotency-key"], first);
    EXPECT_EQ("messages/" + posts[2].headers["idempotency-key"], second);
}

TEST_F(Delivery, MessagesWithinTheProductAreStored)
{
    make_channel("inside", MEDIUM_IN_APP);
    person("a");
    std::string name = order("a", MEDIUM_IN_APP);
    start();
    EXPECT_EQ(end_of(name)->state, MESSAGE__STATE_SENT);
    EXPECT_EQ(smtp.listener.connections + http.listener.connections, 0);
}

// What cannot be read holds nothing else up.
TEST_F(Delivery, PoisonIsParked)
{
    mail_and_sms();
    person("a");
    person("b");
    static const stmt spoil = { "test_spoil", "btt",
                                "",           "UPDATE message SET data = $1 WHERE workspace = $2 AND id = $3",
                                nullptr,      nullptr };
    std::string bad = order("a"), good = order("b");
    auto a = house.run([&](ctx *c) {
        UNIT_ADD(c->unit, &spoil, 1, REASON_CONFLICT, v_bytes(STR("\xff\xff")), v_text(c->workspace),
                 v_text(bad.c_str() + strlen("messages/")));
        return ok();
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    start();
    EXPECT_EQ(end_of(good)->state, MESSAGE__STATE_SENT);
    const char *parked = "SELECT count(*) FROM message WHERE workspace = $1 AND state = 4";
    for (int i = 0; i < PATIENCE && house.count(parked) == 0; i++)
        moments(1);
    EXPECT_EQ(house.count(parked), 1);
}

// The threads of one; and three that run at once where more than one may.
TEST_F(Delivery, ManyShareTheWork)
{
    mail_and_sms();
    std::vector<std::string> names;
    for (int i = 0; i < 20; i++)
        person("p" + std::to_string(i));
    for (int i = 0; i < 200; i++)
        names.push_back(order("p" + std::to_string(i % 20), MEDIUM_SMS));
    start_as_many(3);
    for (auto &name : names)
        ASSERT_EQ(end_of(name)->state, MESSAGE__STATE_SENT);
    std::set<std::string> keys;
    for (auto &p : http.posts())
        EXPECT_TRUE(keys.insert(p.headers["idempotency-key"]).second);
    EXPECT_EQ(keys.size(), names.size());
}

} // namespace
