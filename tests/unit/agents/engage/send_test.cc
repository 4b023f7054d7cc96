// The drivers against providers that take, refuse, slow down, fall silent and hang up: what is told of the
// message is what became of it.
#include "agents/engage/send/address.h"
#include "agents/engage/send/send.h"
#include "base/clock.h"
#include "base/ids.h"
#include "tests/unit/agents/engage/sink.h"

namespace
{

constexpr char MAIL[] = "Subject: hello\r\n\r\n.dot\r\ntext\r\n";

class Send : public testing::Test
{
  protected:
    Send()
    {
        arena_init(&memory, 1 << 20);
        EXPECT_EQ(transfer_open(&memory, &transfer).code, CODE_OK);
    }
    ~Send() override
    {
        transfer_close(transfer);
        arena_done(&memory);
    }

    arena memory;
    struct transfer *transfer = nullptr;
    static const unsigned SOON = 500;   // where a machine that stands still changes nothing
    static const unsigned LATER = 5000; // where the provider must have been reached before
    send_limits limits = { 30000, "localhost, 127.0.0.1", nullptr };
};

class SendSmtp : public Send
{
  protected:
    sent send(const char *to = "ann@mail.example")
    {
        sent came;
        smtp_server server = { host, sink.listener.port, TRANSFER_PLAIN, user, "secret", "us.example" };
        smtp_send(transfer, &server, &limits, "news@us.example", to, str_of(MAIL), &came);
        return came;
    }

    const char *host = "127.0.0.1", *user = nullptr;
    sink::Smtp sink;
};

class SendWebhook : public Send
{
  protected:
    sent send(const std::string &url)
    {
        sent came;
        webhook w = { url.c_str(), STR("whsec") };
        webhook_send(transfer, &w, &limits, "key-1", STR("{\"a\":1}"), 1700000000 * US_PER_SECOND, &came);
        return came;
    }
    sent send()
    {
        return send(sink.url());
    }
    sent answered(const std::string &what)
    {
        sink.answer(what + "\r\nContent-Length: 0\r\n\r\n");
        return send();
    }

    sink::Http sink;
};

TEST_F(SendSmtp, HandsOverWhatItWasGivenOverOneConnection)
{
    for (int i = 0; i < 3; i++) {
        sent came = send();
        ASSERT_EQ(came.outcome, SEND_SENT) << came.detail;
        EXPECT_EQ(came.code, 250);
        EXPECT_STREQ(came.detail, "taken");
    }
    EXPECT_EQ(sink.mails(), std::vector<std::string>(3, MAIL));
    EXPECT_EQ(sink.last_from, "MAIL FROM:<news@us.example>");
    EXPECT_EQ(sink.last_to, "RCPT TO:<ann@mail.example>");
    EXPECT_EQ(sink.listener.connections, 1);
}

TEST_F(SendSmtp, GoesOnOverANewConnectionWhereTheOldOneWasHungUp)
{
    ASSERT_EQ(send().outcome, SEND_SENT);
    sink.listener.hang_up();
    EXPECT_EQ(send().outcome, SEND_SENT);
    EXPECT_EQ(sink.listener.connections, 2);
}

// What a server says to the farewell that follows a refusal is none.
class SendSmtpFarewell : public SendSmtp, public testing::WithParamInterface<const char *>
{
};
INSTANTIATE_TEST_SUITE_P(, SendSmtpFarewell, testing::Values("", "421 closing", "250 bye", "500 what", "CUT"),
                         [](const auto &i) { return i.param[0] ? std::string(i.param, 3) : "221"; });

TEST_P(SendSmtpFarewell, TellsApartWhatWasAnswered)
{
    const char *quit = GetParam();
    static const struct {
        const char *step, *answer;
        send_outcome outcome;
        int code;
    } rows[] = {
        { "GREETING", "421 too many", SEND_BUSY, 421 },
        { "GREETING", "554 not you", SEND_BUSY, 554 },
        { "MAIL", "451 later", SEND_RETRY, 451 },
        { "MAIL", "421 slow down", SEND_BUSY, 421 },
        { "RCPT", "550 5.1.1 unknown", SEND_FAILED, 550 },
        { "RCPT", "450 grey", SEND_RETRY, 450 },
        { "DATA", "554 no", SEND_FAILED, 554 },
        { "END", "552 too large", SEND_FAILED, 552 },
        { "END", "451 later", SEND_RETRY, 451 },
        { "END", "421 slow down", SEND_BUSY, 421 },
    };
    sink.at("QUIT", quit);
    for (const auto &row : rows) {
        sink.at(row.step, row.answer);
        sent came = send();
        EXPECT_EQ(came.outcome, row.outcome) << row.step << ": " << row.answer << ": " << came.detail;
        EXPECT_EQ(came.code, row.code) << row.step << ": " << row.answer;
        EXPECT_STREQ(came.detail, row.answer + 4);
        sink.at(row.step, "");
    }
    EXPECT_TRUE(sink.mails().empty());
}

// Before the end of the mail nobody can have taken it; after it, only the answer tells.
TEST_F(SendSmtp, TellsApartWhereItWasCutOrFellSilent)
{
    limits.timeout_ms = SOON;
    for (const char *how : { "CUT", "HANG" }) {
        for (const char *step : { "GREETING", "MAIL", "RCPT", "DATA" }) {
            sink.at(step, how);
            EXPECT_EQ(send().outcome, SEND_RETRY) << step << " " << how;
            sink.at(step, "");
        }
        EXPECT_TRUE(sink.mails().empty()) << how;
    }
    limits.timeout_ms = LATER;
    for (const char *odd : { "354 go on", "150 wait", "OK", "600 what" }) {
        sink.at("END", odd);
        EXPECT_EQ(send().outcome, SEND_UNKNOWN) << odd;
    }
    sink.at("END", "");
    sink.at("BODY", "CUT");
    sent came = send();
    EXPECT_TRUE(came.outcome == SEND_RETRY || came.outcome == SEND_UNKNOWN);
    EXPECT_TRUE(sink.mails().empty());
    sink.at("BODY", "");
    for (const char *how : { "CUT", "HANG" }) {
        sink.at("END", how);
        came = send();
        EXPECT_EQ(came.outcome, SEND_UNKNOWN) << how;
        EXPECT_NE(came.detail[0], 0);
    }
    EXPECT_EQ(sink.mails().size(), 2u); // and in truth they were taken
}

// One that fell silent is not waited for when the connection goes.
TEST_F(SendSmtp, TakesNoLeaveOfWhoIsSilent)
{
    sink.at("END", "HANG");
    limits.timeout_ms = LATER;
    EXPECT_EQ(send().outcome, SEND_UNKNOWN);
    int64_t start = clock_mono_us();
    transfer_close(transfer);
    EXPECT_EQ(transfer_open(&memory, &transfer).code, CODE_OK);
    EXPECT_LT(clock_mono_us() - start, 60 * US_PER_SECOND) << "libcurl would wait for two minutes";
}

TEST_F(SendSmtp, LogsInAndWaitsWhereItIsNotLetIn)
{
    user = "us";
    ASSERT_EQ(send().outcome, SEND_SENT);
    EXPECT_EQ(sink.last_login, "AUTH PLAIN AHVzAHNlY3JldA==");
    sink.listener.hang_up();
    sink.at("AUTH", "535 wrong");
    EXPECT_EQ(send().outcome, SEND_BUSY);
    EXPECT_EQ(sink.mails().size(), 1u);
}

TEST_F(SendSmtp, ConnectsWithoutSending)
{
    EXPECT_EQ(send(nullptr).outcome, SEND_SENT);
    sink.listener.hang_up();
    sink.at("GREETING", "554 no");
    EXPECT_NE(send(nullptr).outcome, SEND_SENT);
    EXPECT_TRUE(sink.mails().empty());
}

TEST_F(SendSmtp, DoesNotGoWithoutTlsWhereTlsIsAskedFor)
{
    sent came;
    smtp_server server = { host, sink.listener.port, TRANSFER_STARTTLS, "us", "secret", "us.example" };
    smtp_send(transfer, &server, &limits, "news@us.example", "ann@mail.example", str_of(MAIL), &came);
    EXPECT_EQ(came.outcome, SEND_RETRY) << came.detail;
    EXPECT_EQ(sink.last_login, "");
    EXPECT_TRUE(sink.mails().empty());
}

TEST_F(SendSmtp, ReachesNoPrivateAddressThatIsNotListed)
{
    limits.private_hosts = "mail.us.example";
    EXPECT_EQ(send().outcome, SEND_FAILED);
    host = "localhost"; // a name, as one that was bound to another address meanwhile
    EXPECT_EQ(send().outcome, SEND_FAILED);
    EXPECT_EQ(sink.listener.connections, 0);
}

TEST_F(SendSmtp, FindsNobody)
{
    unsigned port = sink.listener.port;
    {
        sink::Listener gone([](int) {});
        port = gone.port;
    }
    sent came;
    smtp_server server = { host, port, TRANSFER_PLAIN, nullptr, nullptr, "" };
    smtp_send(transfer, &server, &limits, "news@us.example", "ann@mail.example", str_of(MAIL), &came);
    EXPECT_EQ(came.outcome, SEND_RETRY);
}

TEST_F(SendWebhook, PostsSignedWithItsKey)
{
    sent came = send();
    ASSERT_EQ(came.outcome, SEND_SENT) << came.detail;
    ASSERT_EQ(send().outcome, SEND_SENT);
    auto posts = sink.posts();
    ASSERT_EQ(posts.size(), 2u);
    EXPECT_EQ(posts[0].line, "POST /hook HTTP/1.1");
    EXPECT_EQ(posts[0].body, "{\"a\":1}");
    EXPECT_EQ(posts[0].headers["idempotency-key"], "key-1");
    EXPECT_EQ(posts[0].headers["content-type"], "application/json");
    // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac whsec
    EXPECT_EQ(posts[0].headers["marketing-signature"],
              "t=1700000000,v1=8ad37ba156048ae0e0a5533c75cdf26fee88b07f93cb57ee4c80adb053012032");
    EXPECT_EQ(sink.listener.connections, 1);
}

TEST_F(SendWebhook, TellsApartWhatWasAnswered)
{
    EXPECT_EQ(answered("204 No Content").outcome, SEND_SENT);
    EXPECT_EQ(answered("400 Bad").outcome, SEND_FAILED);
    EXPECT_EQ(answered("404 Gone").outcome, SEND_FAILED);
    EXPECT_EQ(answered("408 Slow").outcome, SEND_RETRY);
    EXPECT_EQ(answered("409 Under way").outcome, SEND_RETRY);
    EXPECT_EQ(answered("500 Oh").outcome, SEND_RETRY);
    EXPECT_EQ(answered("503 Later").outcome, SEND_BUSY);
    sent came = answered("429 Slow down\r\nRetry-After: 7");
    EXPECT_EQ(came.outcome, SEND_BUSY);
    EXPECT_EQ(came.retry_after_ms, 7000);
}

// What no provider means is no reason to ask again at once, or never.
TEST_F(SendWebhook, TakesFromARetryAfterNoMoreThanADay)
{
    for (const char *past : { "-1", "0", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT" })
        EXPECT_EQ(answered("429 Slow down\r\nRetry-After: " + std::string(past)).retry_after_ms, 0) << past;
    for (const char *far : { "86401", "9223372036854775807", "Fri, 31 Dec 9999 23:59:59 GMT" })
        EXPECT_EQ(answered("429 Slow down\r\nRetry-After: " + std::string(far)).retry_after_ms, 86400000)
            << far;
}

TEST_F(SendWebhook, MayHaveBeenTakenWhereTheAnswerWasLost)
{
    limits.timeout_ms = LATER;
    for (const char *how : { "CUT", "HANG" }) {
        sink.answer(how);
        EXPECT_EQ(send().outcome, SEND_UNKNOWN) << how;
    }
    EXPECT_GE(sink.posts().size(), 2u);
}

TEST_F(SendWebhook, FollowsNoRedirect)
{
    sink::Http other;
    EXPECT_EQ(answered("302 Found\r\nLocation: " + other.url()).outcome, SEND_FAILED);
    EXPECT_EQ(answered("307 Temporary\r\nLocation: " + other.url()).outcome, SEND_FAILED);
    EXPECT_EQ(other.listener.connections, 0);
}

// Whatever form the address has, and whatever the name pointed at before.
TEST_F(SendWebhook, ReachesNoPrivateAddressThatIsNotListed)
{
    std::string port = std::to_string(sink.listener.port);
    limits.private_hosts = "hooks.us.example";
    for (const char *host : { "127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0.0.0.0",
                              "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254" })
        EXPECT_EQ(send("http://" + std::string(host) + ":" + port + "/").outcome, SEND_FAILED) << host;
    EXPECT_EQ(sink.listener.connections, 0);
}

// A proxy of the environment would stand between us and the check.
TEST_F(SendWebhook, GoesThroughNoProxy)
{
    sink::Http proxy;
    setenv("http_proxy", proxy.url().c_str(), 1);
    setenv("all_proxy", proxy.url().c_str(), 1);
    EXPECT_EQ(send().outcome, SEND_SENT);
    EXPECT_EQ(proxy.listener.connections, 0);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

// What answers without end is not read to the end.
TEST_F(SendWebhook, ReadsOnlySoMuch)
{
    std::string endless(200000, 'x');
    sink.answer("200 OK\r\nContent-Length: 200000\r\n\r\n" + endless);
    sent came = send();
    EXPECT_EQ(came.outcome, SEND_SENT);
    EXPECT_EQ(strlen(came.detail), sizeof came.detail - 1);
}

TEST_F(Send, HostsOfUrls)
{
    static const struct {
        const char *url, *host;
    } rows[] = {
        { "https://hooks.example/a?b=c", "hooks.example" },
        { "https://hooks.example:8443", "hooks.example" },
        { "http://hooks.example/", nullptr },
        { "ftp://hooks.example/", nullptr },
        { "https://user@hooks.example/", nullptr },
        { "https://u:p@hooks.example/", nullptr },
        { "https://hooks.example/#x", nullptr },
        { "hooks.example", nullptr },
        { "", nullptr },
    };
    for (const auto &row : rows) {
        const char *host = transfer_host(&memory, row.url, "https smtps");
        if (row.host)
            EXPECT_STREQ(host, row.host) << row.url;
        else
            EXPECT_EQ(host, nullptr) << row.url;
    }
}

bool is_public(const char *text)
{
    sockaddr_in v4 = {};
    sockaddr_in6 v6 = {};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return address_public(reinterpret_cast<sockaddr *>(&v4));
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1) << text;
    return address_public(reinterpret_cast<sockaddr *>(&v6));
}

TEST(Address, PublicOrNot)
{
    for (const char *text : { "1.1.1.1",         "8.8.8.8",         "9.255.255.255",
                              "11.0.0.0",        "100.63.255.255",  "100.128.0.0",
                              "126.255.255.255", "128.0.0.0",       "169.253.255.255",
                              "169.255.0.0",     "172.15.255.255",  "172.32.0.0",
                              "192.167.255.255", "192.169.0.0",     "198.17.255.255",
                              "198.20.0.0",      "223.255.255.255", "2606:4700:4700::1111",
                              "2a00:1450::1",    "::ffff:8.8.8.8",  "2002:0808:0808::1",
                              "64:ff9b::8.8.8.8" })
        EXPECT_TRUE(is_public(text)) << text;
    for (const char *text : { "0.0.0.0",
                              "0.1.2.3",
                              "10.0.0.1",
                              "10.255.255.255",
                              "100.64.0.1",
                              "100.127.255.255",
                              "127.0.0.1",
                              "127.255.255.255",
                              "169.254.169.254",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.0.0.1",
                              "192.168.1.1",
                              "198.18.0.1",
                              "198.19.255.255",
                              "224.0.0.1",
                              "240.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "::127.0.0.1",
                              "::ffff:127.0.0.1",
                              "::ffff:169.254.169.254",
                              "fc00::1",
                              "fd00:ec2::254",
                              "fe80::1",
                              "fec0::1",
                              "ff02::1",
                              "2002:7f00:1::1",
                              "2002:a9fe:a9fe::1",
                              "64:ff9b::127.0.0.1",
                              "64:ff9b::a9fe:a9fe",
                              "64:ff9b:1::a00:1",
                              "2001::1",
                              "2001:db8::1",
                              "100::1" })
        EXPECT_FALSE(is_public(text)) << text;
    sockaddr other = {};
    other.sa_family = AF_UNIX;
    EXPECT_FALSE(address_public(&other));
}

} // namespace
