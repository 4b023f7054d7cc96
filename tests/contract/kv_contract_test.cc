// What every implementation of the key-value port must do: in this process, over Redis, over Redis with TLS.
#include "tests/contract/kv_fixture.h"

#include "base/clock.h"

#include <memory>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

class KvContract : public KvTest, public testing::WithParamInterface<const char *>
{
  protected:
    void SetUp() override
    {
        std::string kind = GetParam();
        if (kind != "memory")
            server = std::make_unique<Redis>(kind == "redis" ? "plain" : "tls");
        struct status s = open(server ? server->url : "", server ? server->ca_file() : "");
        ASSERT_TRUE(is_ok(s)) << s.message;
        ASSERT_STREQ(kv->ops->name, server ? "redis" : "memory");
    }
    // Waits until there is no such value any more; false where it is there after a minute.
    bool ends(const std::string &key)
    {
        for (int64_t limit = clock_mono_us() + 60 * US_PER_SECOND; clock_mono_us() < limit; usleep(10000))
            if (get(key) == "(none)")
                return true;
        return false;
    }
    std::unique_ptr<Redis> server;
};

TEST_P(KvContract, GivesWhatWasSet)
{
    EXPECT_EQ(get("{w}a"), "(none)");
    ASSERT_TRUE(is_ok(set("{w}a", "one")));
    EXPECT_EQ(get("{w}a"), "one");
    ASSERT_TRUE(is_ok(set("{w}a", "another")));
    EXPECT_EQ(get("{w}a"), "another");
    EXPECT_EQ(get("{w}b"), "(none)");
    ASSERT_TRUE(is_ok(set("{w}b", "")));
    EXPECT_EQ(get("{w}b"), "");
}

TEST_P(KvContract, ValuesAreAnyBytes)
{
    std::string bytes;
    for (int i = 0; i < 1024; i++)
        bytes += static_cast<char>(i);
    ASSERT_TRUE(is_ok(set("{w}bytes", bytes)));
    EXPECT_EQ(get("{w}bytes"), bytes);
}

TEST_P(KvContract, ValuesEnd)
{
    ASSERT_TRUE(is_ok(set("{w}short", "x", 50)));
    ASSERT_TRUE(is_ok(set("{w}long", "x", 3600000)));
    EXPECT_TRUE(ends("{w}short"));
    EXPECT_EQ(get("{w}long"), "x");
}

TEST_P(KvContract, Adds)
{
    EXPECT_EQ(add("{w}n", 5), 5);
    EXPECT_EQ(add("{w}n", -7), -2);
    EXPECT_EQ(add("{w}n", 0), -2);
    EXPECT_EQ(get("{w}n"), "-2");
    EXPECT_EQ(add("{w}n", INT64_MAX), INT64_MAX - 2);
    EXPECT_EQ(add("{w}n", 3), INT64_MIN) << "an overflow is refused";
    EXPECT_EQ(get("{w}n"), "9223372036854775805");
}

TEST_P(KvContract, ANumberEndsAfterItsFirstChange)
{
    EXPECT_EQ(add("{w}n", 1, 5000), 1);
    EXPECT_EQ(add("{w}n", 1, 3600000), 2);
    EXPECT_TRUE(ends("{w}n"));
    EXPECT_EQ(add("{w}n", 1), 1);
}

TEST_P(KvContract, AKeyHoldsOneKind)
{
    const struct bucket_limit slow = { 0.001, 1 }; /* a full bucket is forgotten */
    double left;
    ASSERT_TRUE(is_ok(set("{w}text", "x")));
    EXPECT_EQ(add("{w}text", 1), INT64_MIN);
    EXPECT_EQ(charge("{w}text", slow, 0, &left).reason, REASON_INTERNAL);
    ASSERT_TRUE(is_ok(charge("{w}bucket", slow, 1, &left)));
    EXPECT_EQ(get("{w}bucket"), "INTERNAL");
    EXPECT_EQ(add("{w}bucket", 1), INT64_MIN);
    EXPECT_EQ(get("{w}text"), "x");
}

TEST_P(KvContract, ABucketStartsFullAndFills)
{
    const struct bucket_limit limit = { 100, 20 };
    double left = 0;
    ASSERT_TRUE(is_ok(charge("{w}b", limit, 0, &left)));
    EXPECT_DOUBLE_EQ(left, 20);
    int64_t before = clock_mono_us();
    ASSERT_TRUE(is_ok(charge("{w}b", limit, 20, &left)));
    EXPECT_DOUBLE_EQ(left, 0);
    usleep(50000);
    ASSERT_TRUE(is_ok(charge("{w}b", limit, 0, &left)));
    EXPECT_GE(left, 4.9);
    EXPECT_LE(left, static_cast<double>(clock_mono_us() - before) / 1e4 + 0.1);
    usleep(250000);
    ASSERT_TRUE(is_ok(charge("{w}b", limit, 0, &left)));
    EXPECT_DOUBLE_EQ(left, 20) << "never more than a burst";
}

TEST_P(KvContract, ADebtIsOneBurstAtMost)
{
    double left = 0;
    ASSERT_TRUE(is_ok(charge("{w}b", { 0.001, 5 }, 8, &left)));
    EXPECT_NEAR(left, -3, 0.01);
    ASSERT_TRUE(is_ok(charge("{w}b", { 0.001, 5 }, 80, &left)));
    EXPECT_NEAR(left, -5, 0.01);
}

TEST_P(KvContract, ChargesManyAtOnce)
{
    std::vector<std::string> keys;
    std::vector<struct kv_bucket> buckets;
    for (int i = 0; i < 1000; i++)
        keys.push_back("{w" + std::to_string(i % 7) + "}b" + std::to_string(i));
    for (int i = 0; i < 1000; i++)
        buckets.push_back(
            { keys[static_cast<size_t>(i)].c_str(), { 0.001, 1000 }, static_cast<double>(i), -1 });
    ASSERT_TRUE(is_ok(kv->ops->charge(kv, buckets.data(), buckets.size())));
    for (int i = 0; i < 1000; i++)
        EXPECT_NEAR(buckets[static_cast<size_t>(i)].left, 1000 - i, 0.01);
}

TEST_P(KvContract, ThreadsShareABucketExactly)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; t++)
        threads.emplace_back([this] {
            for (int i = 0; i < 100; i++) {
                double left;
                ASSERT_TRUE(is_ok(charge("{w}shared", { 1e-6, 1000 }, 1, &left)));
                ASSERT_NE(add("{w}sum", 1), INT64_MIN);
            }
        });
    for (auto &t : threads)
        t.join();
    double left = 0;
    ASSERT_TRUE(is_ok(charge("{w}shared", { 1e-6, 1000 }, 0, &left)));
    EXPECT_NEAR(left, 200, 0.01);
    EXPECT_EQ(get("{w}sum"), "800");
}

INSTANTIATE_TEST_SUITE_P(Kinds, KvContract, testing::Values("memory", "redis", "redis_tls"),
                         [](const auto &i) { return std::string(i.param); });

class LocalKv : public KvTest
{
};

TEST_F(LocalKv, MemoryIsBoundedAndTheLeastUsedGoFirst)
{
    const size_t memory = 1u << 20;
    ASSERT_TRUE(is_ok(open("", "", 20000000, memory)));
    ASSERT_TRUE(is_ok(set("{w}kept", "x")));
    size_t alive = 0;
    for (int i = 0; i < 20000; i++) {
        ASSERT_TRUE(is_ok(set("{w}" + std::to_string(i), std::string(200, 'v'))));
        ASSERT_EQ(get("{w}kept"), "x") << "used all the time";
        arena_reset(&arena);
    }
    for (int i = 0; i < 20000; i++)
        alive += get("{w}" + std::to_string(i)) != "(none)";
    EXPECT_GT(alive, memory / 2 / 300);
    EXPECT_LT(alive, memory / 200);
    EXPECT_EQ(get("{w}0"), "(none)");
    EXPECT_NE(get("{w}19999"), "(none)");
}

} // namespace
