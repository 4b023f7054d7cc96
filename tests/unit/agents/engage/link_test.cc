// Links that stand in messages.
#include "agents/engage/link/link.h"
#include "tests/unit/agents/engage/feedback.h"

using namespace fixture;

namespace
{

class Links : public FeedbackRoom
{
  protected:
    Links()
    {
        house.app.public_url = "https://us.example";
    }

    // What stands behind the last slash of the link that `make` gives for the message.
    template <class Make> std::string token(const std::string &name, Make make)
    {
        std::string link;
        auto a = house.run([&](ctx *c) {
            message_row row;
            TRY(message_load(c, name.c_str(), &row));
            link = make(c, row.message);
            return ok();
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return link.substr(link.rfind('/') + 1);
    }
    std::string picture(const std::string &name)
    {
        std::string t = token(name, open_url);
        return t.substr(0, t.size() - 4); // .gif
    }
    std::string click(const std::string &name, const char *url)
    {
        return token(name, [&](ctx *c, const Message *m) { return click_url(c, m, str_of(url)); });
    }

    std::string resolve(const std::string &t)
    {
        ResolveMessageLinkRequest req = RESOLVE_MESSAGE_LINK_REQUEST_INIT;
        req.token = text(t);
        auto a = house.call(resolve_message_link, req, &ResolveMessageLinkResponse_descriptor);
        return a.ok_() ? a->url : a.reason();
    }
    std::string follow(const std::string &t)
    {
        RecordMessageLinkRequest req = RECORD_MESSAGE_LINK_REQUEST_INIT;
        req.token = text(t);
        return house.call(record_message_link, req, &RecordMessageLinkResponse_descriptor).reason();
    }
    std::string unsubscribe_by(const std::string &t)
    {
        UnsubscribeByLinkRequest req = UNSUBSCRIBE_BY_LINK_REQUEST_INIT;
        req.token = text(t);
        return house.call(unsubscribe_by_link, req, &UnsubscribeByLinkResponse_descriptor).reason();
    }
};

} // namespace

TEST_F(Links, LeadWhereTheyLedAndAreCountedOnce)
{
    std::string m = sent(), shop = click(m, "https://shop.example/?a=1"),
                news = click(m, "https://news.example/");
    EXPECT_EQ(resolve(shop), "https://shop.example/?a=1");
    EXPECT_EQ(message(m)->click_count, 0);
    for (int i = 0; i < 3; i++) {
        EXPECT_EQ(follow(shop), "OK");
        EXPECT_EQ(follow(picture(m)), "OK");
    }
    EXPECT_EQ(follow(news), "OK");
    EXPECT_EQ(message(m)->click_count, 2);
    EXPECT_EQ(message(m)->open_count, 1);
    EXPECT_EQ(events("message.clicked"), 2);
    EXPECT_EQ(events("message.opened"), 1);
}

TEST_F(Links, ThatWereAlteredLeadNowhere)
{
    std::string m = sent(), t = click(m, "https://shop.example/");
    EXPECT_EQ(resolve(picture(m)), "LINK_INVALID");
    for (size_t i = 0; i < t.size(); i += 7) {
        std::string other = t;
        other[i] = other[i] == 'A' ? 'B' : 'A';
        EXPECT_EQ(resolve(other), "LINK_INVALID") << i;
        EXPECT_EQ(follow(other), "LINK_INVALID") << i;
    }
    for (const std::string &other : { std::string(), t + "A", t.substr(1), std::string(5000, 'A') })
        EXPECT_EQ(resolve(other), "LINK_INVALID");
    EXPECT_EQ(count("lead_event"), 0);
}

TEST_F(Links, OfOneKindAreNoneOfAnother)
{
    std::string m = sent(), t = click(m, "https://shop.example/"), u = token(m, unsubscribe_url);
    EXPECT_EQ(unsubscribe_by(t), "LINK_INVALID");
    EXPECT_EQ(resolve(u), "LINK_INVALID");
    EXPECT_EQ(follow(u), "LINK_INVALID");
    EXPECT_EQ(unsubscribe_by(u), "OK");
}

TEST_F(Links, CountWhereTheyWereMadeWhoeverAsks)
{
    std::string m = sent(), t = picture(m);
    house.workspace = "other";
    EXPECT_EQ(follow(t), "OK");
    house.workspace = "default";
    EXPECT_EQ(message(m)->open_count, 1);
}

TEST_F(Links, OfLeadsThatAreGoneStillLeadOn)
{
    std::string m = sent(), t = click(m, "https://shop.example/");
    ASSERT_TRUE(remove("leads/a").ok_());
    EXPECT_EQ(follow(t), "OK");
    EXPECT_EQ(resolve(t), "https://shop.example/");
    EXPECT_EQ(message(m)->click_count, 0);
}
