// Channels: settings that are checked, secrets that never come back, and what a test of one tells.
#include "agents/engage/channel/channel.h"
#include "tests/unit/agents/engage/sink.h"
#include "tests/unit/agents/lead/fixture.h"

#include <cmath>

using namespace fixture;

namespace
{

class Channels : public LeadRoom
{
  protected:
    Channels()
    {
        house.app.send = &limits;
    }
    Channel mail()
    {
        Channel ch = CHANNEL_INIT;
        SmtpSettings s = SMTP_SETTINGS_INIT;
        s.host = text("127.0.0.1");
        s.port = static_cast<int>(smtp.listener.port);
        s.security = SMTP_SETTINGS__SECURITY_NONE;
        s.from_address = text("news@us.example");
        settings = s;
        ch.medium = MEDIUM_EMAIL;
        ch.smtp = &settings;
        return ch;
    }
    Channel hook()
    {
        Channel ch = CHANNEL_INIT;
        WebhookSettings w = WEBHOOK_SETTINGS_INIT;
        w.url = text(http.url());
        w.signing_secret = text("a secret of sixteen");
        posted = w;
        ch.medium = MEDIUM_SMS;
        ch.webhook = &posted;
        return ch;
    }
    Answer<Channel> create(const std::string &id, Channel ch)
    {
        CreateChannelRequest req = CREATE_CHANNEL_REQUEST_INIT;
        req.channel_id = text(id);
        req.channel = &ch;
        return house.call(create_channel, req, &Channel_descriptor);
    }
    Answer<Channel> get(const std::string &id)
    {
        GetChannelRequest req = GET_CHANNEL_REQUEST_INIT;
        req.name = text("channels/" + id);
        return house.call(get_channel, req, &Channel_descriptor);
    }
    Answer<Channel> update(const std::string &id, Channel ch, std::vector<std::string> mask = {},
                           const std::string &etag = "")
    {
        UpdateChannelRequest req = UPDATE_CHANNEL_REQUEST_INIT;
        FieldMask fields = GOOGLE__PROTOBUF__FIELD_MASK__INIT;
        std::vector<char *> paths;
        for (auto &field : mask)
            paths.push_back(text(field));
        fields.paths = paths.data();
        fields.n_paths = paths.size();
        ch.name = text("channels/" + id);
        ch.etag = text(etag);
        req.channel = &ch;
        req.update_mask = &fields;
        return house.call(update_channel, req, &Channel_descriptor);
    }
    Answer<Empty> remove(const std::string &id, const std::string &etag = "")
    {
        DeleteChannelRequest req = DELETE_CHANNEL_REQUEST_INIT;
        req.name = text("channels/" + id);
        req.etag = text(etag);
        return house.call(delete_channel, req, &Empty_descriptor);
    }
    Answer<TestChannelResponse> attempt(const std::string &id, const std::string &to = "")
    {
        TestChannelRequest req = TEST_CHANNEL_REQUEST_INIT;
        req.name = text("channels/" + id);
        req.to_address = text(to);
        return house.call(test_channel, req, &TestChannelResponse_descriptor);
    }
    std::string secrets(const Channel *ch)
    {
        std::string all;
        for (size_t i = 0; i < ch->n_secrets; i++)
            all += (i ? " " : "") + std::string(ch->secrets[i]);
        return all;
    }
    // The secrets as the delivery sees them.
    std::string opened(const std::string &id)
    {
        std::string all;
        auto a = house.run([&](ctx *c) {
            channel_row row;
            Channel *s;
            TRY(channel_load(c, text("channels/" + id), &row));
            TRY(channel_secrets(c, &row, &s));
            all = s->smtp ? std::string(s->smtp->password) + "|" + s->smtp->dkim_private_key
                          : std::string(s->webhook->signing_secret);
            return ok();
        });
        return a.ok_() ? all : a.reason();
    }

    // The bytes of the row.
    std::string stored(const std::string &id)
    {
        static const stmt read = {
            "test_channel", "tt",   "bb", "SELECT data, sealed FROM channel WHERE workspace = $1 AND id = $2",
            nullptr,        nullptr
        };
        std::string all;
        auto a = house.run([&](ctx *c) {
            rows r;
            TRY(DB_QUERY(c, &read, &r, v_text(c->workspace), v_text(id.c_str())));
            for (size_t i = 0; i < 2; i++)
                all.append(row_at(&r, 0)[i].s.p, row_at(&r, 0)[i].s.n);
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return all;
    }

    send_limits limits = { 30000, "127.0.0.1", nullptr };
    sink::Smtp smtp;
    sink::Http http;
    SmtpSettings settings;
    WebhookSettings posted;
};

TEST_F(Channels, AreMadeReadChangedListedAndDeleted)
{
    auto made = create("mail", mail());
    ASSERT_TRUE(made.ok_()) << made.message();
    EXPECT_STREQ(made->name, "channels/mail");
    EXPECT_EQ(create("mail", mail()).reason(), "CHANNEL_ALREADY_EXISTS");
    ASSERT_TRUE(create("hook", hook()).ok_());
    auto got = get("mail");
    EXPECT_STREQ(got->etag, made->etag);
    EXPECT_STREQ(got->smtp->from_address, "news@us.example");
    Channel change = CHANNEL_INIT;
    change.disabled = true;
    EXPECT_EQ(update("mail", change, { "disabled" }, "7").reason(), "ETAG_MISMATCH");
    auto changed = update("mail", change, { "disabled" }, got->etag);
    ASSERT_TRUE(changed.ok_()) << changed.message();
    EXPECT_TRUE(get("mail")->disabled);
    EXPECT_STREQ(get("mail")->smtp->from_address, "news@us.example");
    EXPECT_STREQ(get("mail")->etag, changed->etag);
    EXPECT_EQ(update("mail", change, { "medium" }).reason(), "UPDATE_MASK_INVALID");
    ListChannelsRequest req = LIST_CHANNELS_REQUEST_INIT;
    req.page_size = 1;
    auto page = house.call(list_channels, req, &ListChannelsResponse_descriptor);
    ASSERT_EQ(page->n_channels, 1u);
    EXPECT_STREQ(page->channels[0]->name, "channels/hook");
    req.page_token = text(page->next_page_token);
    page = house.call(list_channels, req, &ListChannelsResponse_descriptor);
    ASSERT_EQ(page->n_channels, 1u);
    EXPECT_STREQ(page->channels[0]->name, "channels/mail");
    EXPECT_STREQ(page->next_page_token, "");
    EXPECT_EQ(remove("mail", "7").reason(), "ETAG_MISMATCH");
    EXPECT_TRUE(remove("mail").ok_());
    EXPECT_EQ(get("mail").reason(), "CHANNEL_NOT_FOUND");
    EXPECT_EQ(house.count("SELECT count(*) FROM event WHERE workspace = $1 AND action LIKE 'channel.%'"), 4);
}

TEST_F(Channels, OfAnotherWorkspaceAreNotThere)
{
    ASSERT_TRUE(create("mail", mail()).ok_());
    house.workspace = "acme";
    EXPECT_EQ(get("mail").reason(), "CHANNEL_NOT_FOUND");
    EXPECT_EQ(update("mail", mail()).reason(), "CHANNEL_NOT_FOUND");
    EXPECT_EQ(remove("mail").reason(), "CHANNEL_NOT_FOUND");
    EXPECT_EQ(attempt("mail").reason(), "CHANNEL_NOT_FOUND");
}

TEST_F(Channels, AreCheckedAsAWhole)
{
    Channel ch = mail();
    settings.host = text("a b");
    settings.port = 0;
    settings.security = SMTP_SETTINGS__SECURITY_UNSPECIFIED;
    settings.username = text("x\r\ny");
    settings.from_address = text("nobody");
    settings.reply_to = text("a@b\r\n");
    settings.from_name = text("x\ny");
    settings.dkim_domain = text("us.example");
    ch.messages_per_second = -1;
    EXPECT_EQ(
        create("mail", ch).fields(),
        "channel.messages_per_second, channel.smtp.host, channel.smtp.port, channel.smtp.security, "
        "channel.smtp.username, channel.smtp.password, channel.smtp.from_address, channel.smtp.reply_to, "
        "channel.smtp.from_name, channel.smtp.dkim_selector, channel.smtp.dkim_private_key");
    for (double rate : { 1e-300, 0.0009, 100001.0, -0.001, HUGE_VAL, std::nan("") }) {
        ch = hook();
        ch.messages_per_second_per_domain = rate;
        EXPECT_EQ(create("hook", ch).fields(), "channel.messages_per_second_per_domain") << rate;
    }
    ch = hook();
    posted.signing_secret = text("short");
    posted.url = text("https://user@hooks.example/");
    EXPECT_EQ(create("hook", ch).fields(), "channel.webhook.url, channel.webhook.signing_secret");
    Channel none = CHANNEL_INIT;
    EXPECT_EQ(create("x", none).fields(), "channel.medium");
    none.medium = MEDIUM_EMAIL;
    EXPECT_EQ(create("x", none).fields(), "channel.webhook");
    none.medium = MEDIUM_IN_APP;
    EXPECT_TRUE(create("x", none).ok_());
    ch = mail();
    ch.medium = MEDIUM_SMS;
    EXPECT_EQ(create("y", ch).fields(), "channel.smtp");
    EXPECT_EQ(create("", hook()).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(create("No", hook()).reason(), "FIELD_INVALID");
}

// Plain HTTP goes only where the operator says so.
TEST_F(Channels, TakeHttpOnlyToListedHosts)
{
    Channel ch = hook();
    ASSERT_TRUE(create("a", ch).ok_());
    limits.private_hosts = "";
    EXPECT_EQ(create("b", ch).fields(), "channel.webhook.url");
    posted.url = text("https://hooks.example/x?y=z");
    EXPECT_TRUE(create("b", ch).ok_());
}

TEST_F(Channels, NeverGiveSecretsBack)
{
    Channel ch = mail();
    settings.security = SMTP_SETTINGS__SECURITY_TLS;
    settings.username = text("us");
    settings.password = text("pass-word-1");
    auto made = create("mail", ch);
    ASSERT_TRUE(made.ok_()) << made.message();
    EXPECT_STREQ(made->smtp->password, "");
    EXPECT_EQ(secrets(made.res), "smtp.password");
    EXPECT_STREQ(get("mail")->smtp->password, "");
    EXPECT_EQ(opened("mail"), "pass-word-1|");
    EXPECT_EQ(stored("mail").find("pass-word"), std::string::npos);
    EXPECT_NE(stored("mail").find("news@us.example"), std::string::npos);
    ASSERT_TRUE(create("hook", hook()).ok_());
    EXPECT_EQ(secrets(get("hook").res), "webhook.signing_secret");
    EXPECT_STREQ(get("hook")->webhook->signing_secret, "");
}

TEST_F(Channels, KeepSecretsThatAreNotGivenAgain)
{
    Channel ch = mail();
    settings.security = SMTP_SETTINGS__SECURITY_TLS;
    settings.username = text("us");
    settings.password = text("one");
    ASSERT_TRUE(create("mail", ch).ok_());
    settings.password = text("");
    settings.from_name = text("Us");
    ASSERT_TRUE(update("mail", ch).ok_());
    EXPECT_EQ(opened("mail"), "one|");
    Channel change = CHANNEL_INIT;
    ASSERT_TRUE(update("mail", change, { "disabled" }).ok_());
    EXPECT_EQ(opened("mail"), "one|");
    settings.password = text("two");
    ASSERT_TRUE(update("mail", ch, { "smtp" }).ok_());
    EXPECT_EQ(opened("mail"), "two|");
}

// Who may change a channel must not learn its password by sending it elsewhere.
TEST_F(Channels, GivePasswordsToNoOtherHost)
{
    Channel ch = mail();
    settings.security = SMTP_SETTINGS__SECURITY_TLS;
    settings.username = text("us");
    settings.password = text("one");
    ASSERT_TRUE(create("mail", ch).ok_());
    settings.password = text("");
    const SmtpSettings same = settings;
    settings.host = text("evil.example");
    EXPECT_EQ(update("mail", ch).fields(), "channel.smtp.password");
    settings = same;
    settings.port++;
    EXPECT_EQ(update("mail", ch).fields(), "channel.smtp.password");
    settings = same;
    settings.username = text("root");
    EXPECT_EQ(update("mail", ch).fields(), "channel.smtp.password");
    settings.password = text("new");
    EXPECT_TRUE(update("mail", ch).ok_());
    settings.security = SMTP_SETTINGS__SECURITY_NONE;
    EXPECT_EQ(update("mail", ch).fields(), "channel.smtp.security");
}

TEST_F(Channels, SayWhenTheirSecretsDoNotOpen)
{
    ASSERT_TRUE(create("hook", hook()).ok_());
    house.app.secret_key = STR("another secret of thirty-two bytes");
    EXPECT_EQ(attempt("hook").reason(), "CHANNEL_STATE");
    Channel ch = hook();
    posted.signing_secret = text("");
    EXPECT_EQ(update("hook", ch).fields(), "channel.webhook.signing_secret");
    EXPECT_TRUE(update("hook", hook()).ok_());
    EXPECT_EQ(opened("hook"), "a secret of sixteen");
}

TEST_F(Channels, AreTriedOut)
{
    ASSERT_TRUE(create("mail", mail()).ok_());
    auto tried = attempt("mail");
    ASSERT_TRUE(tried.ok_()) << tried.message();
    EXPECT_TRUE(tried->accepted);
    EXPECT_TRUE(smtp.mails().empty());
    tried = attempt("mail", "ann@mail.example");
    EXPECT_TRUE(tried->accepted) << tried->detail;
    EXPECT_EQ(tried->code, 250);
    ASSERT_EQ(smtp.mails().size(), 1u);
    EXPECT_NE(smtp.mails()[0].find("Subject: Test of channels/mail\r\n"), std::string::npos);
    smtp.at("RCPT", "550 unknown");
    tried = attempt("mail", "ann@mail.example");
    EXPECT_FALSE(tried->accepted);
    EXPECT_EQ(tried->code, 550);
    EXPECT_STREQ(tried->detail, "unknown");
    EXPECT_EQ(attempt("mail", "nobody").reason(), "FIELD_INVALID");
    ASSERT_TRUE(create("hook", hook()).ok_());
    EXPECT_TRUE(attempt("hook")->accepted);
    EXPECT_EQ(http.posts().at(0).body, "{\"type\":\"test\"}");
    http.answer("403 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(attempt("hook")->code, 403);
    EXPECT_EQ(attempt("hook", "ann@mail.example").reason(), "FIELD_INVALID");
}

TEST_F(Channels, AreChosenByMedium)
{
    auto chosen = [&](Medium medium) {
        std::string id;
        EXPECT_TRUE(house
                        .run([&](ctx *c) {
                            channel_row row;
                            TRY(channel_for(c, medium, &row));
                            id = row.channel ? row.id : "none";
                            return ok();
                        })
                        .ok_());
        return id;
    };
    EXPECT_EQ(chosen(MEDIUM_EMAIL), "none");
    ASSERT_TRUE(create("b", mail()).ok_());
    ASSERT_TRUE(create("a", mail()).ok_());
    EXPECT_EQ(chosen(MEDIUM_EMAIL), "a");
    EXPECT_EQ(chosen(MEDIUM_SMS), "none");
    Channel off = CHANNEL_INIT;
    off.disabled = true;
    ASSERT_TRUE(update("a", off, { "disabled" }).ok_());
    EXPECT_EQ(chosen(MEDIUM_EMAIL), "b");
}

} // namespace
