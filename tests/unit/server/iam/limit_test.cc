#include "base/clock.h"
#include "server/iam/limit.h"

#include <gtest/gtest.h>

#include <string>

namespace
{

class Limit : public ::testing::Test
{
  protected:
    Limit()
    {
        EXPECT_EQ(limits_open(&limits_).code, CODE_OK);
    }
    ~Limit() override
    {
        limits_close(limits_);
    }
    int64_t take(limit_kind kind, const std::string &key, int64_t at)
    {
        return limit_take(limits_, kind, str_make(key.data(), key.size()), at);
    }
    struct limits *limits_ = nullptr;
};

const int64_t kStart = 1000 * US_PER_SECOND;

TEST_F(Limit, FiveAttemptsThenOneEveryTwelveSeconds)
{
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(take(LIMIT_ACCOUNT, "default/ann", kStart), 0) << i;
    EXPECT_NEAR(double(take(LIMIT_ACCOUNT, "default/ann", kStart)), 12e6, 2);
    EXPECT_NE(take(LIMIT_ACCOUNT, "default/ann", kStart + 11 * US_PER_SECOND), 0);
    EXPECT_EQ(take(LIMIT_ACCOUNT, "default/ann", kStart + 12 * US_PER_SECOND), 0);
    EXPECT_NE(take(LIMIT_ACCOUNT, "default/ann", kStart + 12 * US_PER_SECOND), 0);
    EXPECT_EQ(take(LIMIT_ACCOUNT, "default/bob", kStart), 0) << "another account";
    EXPECT_EQ(take(LIMIT_PEER, "default/ann", kStart), 0) << "another kind of key";
}

TEST_F(Limit, AnAttemptIsGivenBack)
{
    for (int i = 0; i < 1000; i++) {
        EXPECT_EQ(take(LIMIT_ACCOUNT, "default/ann", kStart), 0);
        limit_return(limits_, LIMIT_ACCOUNT, STR("default/ann"), kStart);
    }
    limit_return(limits_, LIMIT_ACCOUNT, STR("default/ann"), kStart);
    for (int i = 0; i < 5; i++)
        EXPECT_EQ(take(LIMIT_ACCOUNT, "default/ann", kStart), 0);
    EXPECT_NE(take(LIMIT_ACCOUNT, "default/ann", kStart), 0) << "never more than a full bucket";
}

// Ten thousand guesses at one account at 100 a second: what a minute and forty seconds allow.
TEST_F(Limit, TenThousandGuessesAreThirteen)
{
    int let = 0;
    for (int i = 0; i < 10000; i++)
        let += take(LIMIT_ACCOUNT, "default/admin", kStart + i * (US_PER_SECOND / 100)) == 0;
    EXPECT_EQ(let, 13);
}

// Many other names do not make the table forget the one that is being guessed at.
TEST_F(Limit, AFloodOfNamesDoesNotFreeTheVictim)
{
    for (int i = 0; i < 10; i++)
        take(LIMIT_ACCOUNT, "default/admin", kStart);
    for (int i = 0; i < 200000; i++)
        take(LIMIT_ACCOUNT, "default/u" + std::to_string(i), kStart);
    EXPECT_NE(take(LIMIT_ACCOUNT, "default/admin", kStart), 0);
}

TEST(PeerNetwork, WhoHasOneAddressOfANetworkHasThemAll)
{
    const struct {
        const char *address, *network;
    } cases[] = {
        { "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
        { "2001:db8:1:2::1", "2001:db8:1:2::/64" },
        { "2001:db8:1:3::1", "2001:db8:1:3::/64" },
        { "fe80::1%eth0", "fe80::/64" },
        { "::1", "::/64" },
        { "::ffff:192.0.2.7", "::ffff:192.0.2.7" },
        { "192.0.2.7", "192.0.2.7" },
        { "unix", "unix" },
        { "ipv6:%5B::1%5D", "ipv6:%5B::1%5D" },
        { "", "" },
    };
    struct arena a;
    arena_init(&a, 4096);
    for (const auto &c : cases)
        EXPECT_STREQ(peer_network(&a, c.address), c.network);
    arena_done(&a);
}

} // namespace
