// What a channel's provider posts.
#include "agents/engage/channel/channel.h"
#include "agents/engage/send/signature.h"
#include "tests/unit/agents/engage/feedback.h"

using namespace fixture;

namespace
{

const char SECRET[] = "a secret of sixteen";

class Hook : public FeedbackRoom
{
  protected:
    Hook()
    {
        house.app.send = &limits;
        house.now_us = clock_wall_us(); // the second does not end between a signature and its check
        make_channel("mail", SECRET);
    }

    void make_channel(const char *id, const char *secret)
    {
        Channel ch = CHANNEL_INIT;
        SmtpSettings s = SMTP_SETTINGS_INIT;
        FeedbackSettings f = FEEDBACK_SETTINGS_INIT;
        CreateChannelRequest req = CREATE_CHANNEL_REQUEST_INIT;
        s.host = text("127.0.0.1");
        s.port = 25;
        s.security = SMTP_SETTINGS__SECURITY_NONE;
        s.from_address = text("news@us.example");
        f.signing_secret = text(secret ? secret : "");
        ch.medium = MEDIUM_EMAIL;
        ch.smtp = &s;
        ch.feedback = secret ? &f : nullptr;
        req.channel_id = text(id);
        req.channel = &ch;
        auto made = house.call(create_channel, req, &Channel_descriptor);
        ASSERT_TRUE(made.ok_()) << made.message();
    }

    struct Post {
        std::string body, channel = "channels/mail", secret = SECRET, workspace = "workspaces/default";
        int64_t age = 0;
    };
    std::string sign(const Post &p)
    {
        char hex[SIGNATURE_HEX];
        int64_t seconds = house.now_us / US_PER_SECOND - p.age;
        EXPECT_TRUE(
            signature_make(str_of(p.secret.c_str()), seconds, str_make(p.body.data(), p.body.size()), hex));
        return "t=" + std::to_string(seconds) + ",v1=" + hex;
    }
    Answer<ReceiveDeliveryEventsResponse> post(const Post &p, const std::string &signature)
    {
        ReceiveDeliveryEventsRequest req = RECEIVE_DELIVERY_EVENTS_REQUEST_INIT;
        std::string body = p.body;
        req.workspace = text(p.workspace);
        req.channel = text(p.channel);
        req.signature = text(signature);
        req.body.data = reinterpret_cast<uint8_t *>(body.data());
        req.body.len = body.size();
        return house.call(receive_delivery_events, req, &ReceiveDeliveryEventsResponse_descriptor);
    }
    Answer<ReceiveDeliveryEventsResponse> post(const Post &p)
    {
        return post(p, sign(p));
    }

    send_limits limits = { 400, "127.0.0.1", nullptr };
};

std::string opened(const std::string &message, const std::string &id = "o")
{
    return R"({"events": [{"event_id": ")" + id + R"(", "type": "TYPE_OPENED", "message": ")" + message +
           "\"}]}";
}

} // namespace

// Made with another program: printf '1700000000.{"events":[]}' | openssl dgst -sha256 -hmac 'a secret of
// sixteen'
TEST(Signature, IsWhatOthersMake)
{
    const char *right = "t=1700000000,v1=7678ffd98c44efa2708e2ea8c08762a7aac3ec5234dfaa64a54403091fc21ec3";
    const str secret = str_of(SECRET), body = STR("{\"events\":[]}");
    EXPECT_TRUE(signature_holds(secret, right, body, 1700000000, 300));
    EXPECT_TRUE(signature_holds(secret, right, body, 1700000300, 300));
    EXPECT_FALSE(signature_holds(secret, right, body, 1700000301, 300));
    EXPECT_FALSE(signature_holds(secret, right, body, 1699999699, 300));
    EXPECT_FALSE(signature_holds(STR("another secret of x"), right, body, 1700000000, 300));
    EXPECT_FALSE(signature_holds(secret, right, STR("{\"events\":[1]}"), 1700000000, 300));
    for (const char *text :
         { "", "t=1700000000", "t=1700000000,v1=", "v1=00,t=1700000000", "t=,v1=00", "t=x,v1=00",
           "t=1700000000,v1=00",
           "t=1700000000,v1=7678ffd98c44efa2708e2ea8c08762a7aac3ec5234dfaa64a54403091fc21ec3,v1=00",
           "t=1700000000,v0=7678ffd98c44efa2708e2ea8c08762a7aac3ec5234dfaa64a54403091fc21ec3" })
        EXPECT_FALSE(signature_holds(secret, text, body, 1700000000, 300)) << text;
}

TEST_F(Hook, RecordsWhatIsSigned)
{
    std::string m = sent();
    auto a = post({ R"({"events": [
        {"event_id": "1", "message": ")" +
                    m + R"(", "type": "TYPE_CLICKED", "url": "https://shop.example/\u00fc",
         "event_time": "2026-01-02T03:04:05.5Z"},
        {"event_id": "2", "transport_id": ")" +
                    m.substr(9) + R"(@us.example", "type": "TYPE_BOUNCED",
         "bounce": "BOUNCE_HARD", "status": "5.1.1", "detail": "no such user"},
        {"event_id": "3", "message": "messages/none", "type": "TYPE_OPENED"}]})" });
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(a->recorded_count, 2);
    ASSERT_EQ(a->n_statuses, 3u);
    EXPECT_STREQ(a->statuses[2]->reason, "MESSAGE_NOT_FOUND");
    int64_t when = 0;
    ASSERT_TRUE(clock_parse(STR("2026-01-02T03:04:05.5Z"), &when));
    EXPECT_EQ(time_us(message(m)->click_time), when);
    EXPECT_EQ(suppressed("a@mail.example"), "1:1");
}

TEST_F(Hook, WhatIsPostedAgainIsADuplicate)
{
    Post p{ opened(sent()) };
    EXPECT_EQ(post(p)->recorded_count, 1);
    EXPECT_EQ(post(p)->duplicate_count, 1);
}

TEST_F(Hook, WhateverIsWrongWithTheSignatureTheAnswerIsTheSame)
{
    make_channel("deaf", nullptr);
    const std::string body = opened(sent());
    std::set<std::string> answers;
    for (const Post &p : std::vector<Post>{ { body, "channels/mail", "another secret of x" },
                                            { body, "channels/none" },
                                            { body, "channels/deaf" },
                                            { body, "channels/deaf", "" },
                                            { body, "mail" },
                                            { body, "channels/mail", SECRET, "workspaces/other" },
                                            { body, "channels/mail", SECRET, "default" },
                                            { body, "channels/mail", SECRET, "workspaces/default", 301 },
                                            { body, "channels/mail", SECRET, "workspaces/default", -301 } }) {
        auto a = post(p);
        answers.insert(a.reason() + " " + a.message());
    }
    answers.insert(post({ body }, "").reason() + " " + post({ body }, "").message());
    EXPECT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers.begin()->rfind("SIGNATURE_INVALID ", 0), 0u) << *answers.begin();
    EXPECT_EQ(events("message.opened"), 0);
}

TEST_F(Hook, AProviderTellsOfItsOwnMessagesAlone)
{
    make_channel("other", SECRET);
    std::string m = sent();
    auto a = post({ opened(m), "channels/other" });
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_STREQ(a->statuses[0]->reason, "MESSAGE_NOT_FOUND");
    EXPECT_EQ(message(m)->open_time, nullptr);
}

TEST_F(Hook, BodiesThatAreNoReportAreRefused)
{
    std::string m = sent();
    for (const char *body :
         { "", "{", "[]", "{}", "{\"events\": {}}", "{\"events\": []}", "{\"events\": [], \"x\": 1}",
           "{\"events\": [1]}", "{\"events\": [{\"event_id\": 1}]}", "{\"events\": [{\"evnt_id\": \"1\"}]}",
           "{\"events\": [{\"type\": \"OPENED\"}]}", "{\"events\": [{\"event_time\": \"today\"}]}",
           "{\"events\": [{\"detail\": \"\\u0000\"}]}", "{\"events\": [{\"status\": \"\xff\"}]}",
           "{\"events\": [{\"status\": \"1\", \"status\": \"2\"}]}", "{\"events\": []} x" }) {
        auto a = post({ body });
        EXPECT_EQ(a.status.code, CODE_INVALID_ARGUMENT) << body;
    }
    EXPECT_EQ(post({ std::string((1 << 20) + 1, ' ') }).reason(), "FIELD_TOO_LONG");
    auto a = post({ R"({"events": [{"event_id": "1"}, {"event_id": "2", "bounce": "HARD"}]})" });
    EXPECT_NE(a.message().find("events[1].bounce"), std::string::npos) << a.message();
}

TEST_F(Hook, TheSecretIsNeverShown)
{
    GetChannelRequest req = GET_CHANNEL_REQUEST_INIT;
    req.name = text("channels/mail");
    auto ch = house.call(get_channel, req, &Channel_descriptor);
    ASSERT_TRUE(ch.ok_());
    EXPECT_STREQ(ch->feedback->signing_secret, "");
    ASSERT_EQ(ch->n_secrets, 1u);
    EXPECT_STREQ(ch->secrets[0], "feedback.signing_secret");
    EXPECT_EQ(house.stored().find(SECRET), std::string::npos);
}
