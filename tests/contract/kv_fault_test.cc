// What the key-value port must do when Redis dies, hangs, forgets, or is not the one that was meant.
#include "tests/contract/kv_fixture.h"

#include "base/clock.h"

#include <unistd.h>

namespace
{

class KvFault : public KvTest
{
  protected:
    // Waits until a call succeeds; false where it does not within a minute.
    bool comes_back(const std::string &key = "{w}back", const std::string &value = "x")
    {
        for (int64_t end = clock_mono_us() + 60 * US_PER_SECOND; clock_mono_us() < end; usleep(10000))
            if (is_ok(set(key, value)))
                return true;
        return false;
    }
    struct status take(double spent)
    {
        double left;
        return charge("{w}b", { 1, 10 }, spent, &left);
    }
    Redis server{ "plain" };
};

TEST_F(KvFault, DeadAndBackAgain)
{
    ASSERT_TRUE(is_ok(open(server.url)));
    ASSERT_TRUE(is_ok(take(1)));
    server.control("kill");
    EXPECT_EQ(take(1).reason, REASON_KV_UNAVAILABLE);
    for (int i = 0; i < 1000; i++)
        EXPECT_EQ(take(1).reason, REASON_KV_UNAVAILABLE);
    server.control("start");
    EXPECT_TRUE(comes_back());
    EXPECT_TRUE(is_ok(take(1))) << "the script was brought again";
}

TEST_F(KvFault, OpensWhileRedisIsAway)
{
    server.control("kill");
    ASSERT_TRUE(is_ok(open(server.url)));
    EXPECT_EQ(take(1).reason, REASON_KV_UNAVAILABLE);
    server.control("start");
    EXPECT_TRUE(comes_back());
}

TEST_F(KvFault, AnswersInTimeWhereRedisHangs)
{
    ASSERT_TRUE(is_ok(open(server.url, "", 200000)));
    EXPECT_TRUE(comes_back("{w}a", "1"));
    server.control("freeze");
    int64_t start = clock_mono_us();
    EXPECT_EQ(get("{w}a"), "KV_UNAVAILABLE");
    int64_t took = clock_mono_us() - start;
    EXPECT_GE(took, 200000);
    EXPECT_LT(took, 20 * US_PER_SECOND);
    for (int i = 0; i < 1000; i++)
        EXPECT_EQ(get("{w}a"), "KV_UNAVAILABLE");
    EXPECT_LT(clock_mono_us() - start, 60 * US_PER_SECOND) << "it is asked each time, for 200 s";
    server.control("thaw");
    EXPECT_TRUE(comes_back());
    std::string value;
    while ((value = get("{w}a")) == "KV_UNAVAILABLE" && clock_mono_us() - start < 120 * US_PER_SECOND)
        usleep(10000); /* a reply may come late again */
    EXPECT_EQ(value, "1") << "no late reply is taken for this one's";
}

TEST_F(KvFault, AForgottenScriptIsBroughtAgain)
{
    ASSERT_TRUE(is_ok(open(server.url)));
    ASSERT_TRUE(is_ok(take(1)));
    std::string port = server.url.substr(server.url.rfind(':') + 1);
    ASSERT_EQ(system(("REDISCLI_AUTH=redis-password-canary redis-cli -p " + port + " script flush >/dev/null")
                         .c_str()),
              0);
    EXPECT_EQ(take(1).reason, REASON_KV_UNAVAILABLE);
    EXPECT_TRUE(comes_back());
    EXPECT_TRUE(is_ok(take(1)));
}

TEST_F(KvFault, AWrongPasswordIsNotShown)
{
    std::string at = server.url.substr(server.url.rfind('@'));
    ASSERT_TRUE(is_ok(open("redis://:wr%6fng-password" + at)));
    struct status s = take(1);
    EXPECT_EQ(s.reason, REASON_KV_UNAVAILABLE);
    EXPECT_EQ(std::string(s.message).find("password"), std::string::npos) << s.message;
}

TEST_F(KvFault, TheUserOfTheUrlLogsIn)
{
    std::string at = server.url.substr(server.url.rfind('@'));
    ASSERT_TRUE(is_ok(open("redis://default:redis%2Dpassword%2dcanary" + at + "/3")));
    EXPECT_TRUE(is_ok(take(1)));
    EXPECT_TRUE(is_ok(set("{w}a", "in database 3")));
    kv_close(kv);
    ASSERT_TRUE(is_ok(open(server.url)));
    EXPECT_EQ(get("{w}a"), "(none)");
}

TEST_F(KvFault, BadUrlsAreRefused)
{
    for (const char *url :
         { "http://localhost", "redis://", "redis://:x@", "redis://h:port", "redis://h/name", "redis://[::1",
           "redis://h:1/2?x=1", "redis://a:%00@h", "redis://a:%4@h", "redis://[::1]x:3" }) {
        struct kv *none = nullptr;
        struct kv_options o = { url, "", 1, 1000, 1000 };
        struct status s = kv_open(&o, &arena, &none);
        EXPECT_EQ(s.reason, REASON_FIELD_INVALID) << url;
        kv_close(none);
    }
}

class KvTls : public KvTest
{
  protected:
    Redis server{ "tls" };
};

TEST_F(KvTls, AStrangersCertificateIsRefused)
{
    ASSERT_TRUE(is_ok(open(server.url)));
    double left;
    EXPECT_EQ(charge("{w}b", { 1, 10 }, 1, &left).reason, REASON_KV_UNAVAILABLE)
        << "the system knows no such authority";
}

TEST_F(KvTls, AnotherHostsCertificateIsRefused)
{
    std::string url = server.url;
    url.replace(url.find("localhost"), 9, "127.0.0.1");
    ASSERT_TRUE(is_ok(open(url, server.ca_file())));
    EXPECT_EQ(get("{w}a"), "KV_UNAVAILABLE") << "the certificate says localhost";
}

TEST_F(KvTls, PlainTextIsNotSpoken)
{
    std::string url = "redis" + server.url.substr(6);
    ASSERT_TRUE(is_ok(open(url)));
    EXPECT_EQ(get("{w}a"), "KV_UNAVAILABLE");
}

TEST_F(KvTls, AnAuthorityFileThatHoldsNoneIsRefused)
{
    EXPECT_EQ(open(server.url, "/dev/null").reason, REASON_FIELD_INVALID);
    kv = nullptr;
}

} // namespace
