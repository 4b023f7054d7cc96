#include "agents/engage/delivery/pace.h"
#include "base/clock.h"

#include <gtest/gtest.h>

namespace
{

class Pace : public testing::Test
{
  protected:
    Pace()
    {
        arena_init(&memory, 1 << 20);
        EXPECT_EQ(pace_open(&memory, &pace).code, CODE_OK);
    }
    ~Pace() override
    {
        arena_done(&memory);
    }
    int64_t take(double rate, uint64_t key = 1)
    {
        pace_line line = { key, rate };
        return pace_take(pace, &line, 1, now);
    }

    arena memory;
    struct pace *pace = nullptr;
    int64_t now = 1700000000 * US_PER_SECOND;
};

} // namespace

TEST_F(Pace, ASecondsWorthMayGoAtOnceAndTheOthersOneAfterTheOther)
{
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(take(10), 0);
    int64_t last = 0;
    for (int i = 0; i < 10; i++) {
        int64_t wait = take(10);
        EXPECT_GT(wait, last);
        last = wait;
    }
    EXPECT_NEAR(last, US_PER_SECOND, 100);
    EXPECT_EQ(take(10, 2), 0) << "of another line";
    now += US_PER_SECOND / 10;
    EXPECT_EQ(take(10), 0);
}

TEST_F(Pace, NoPlaceIsLaterThanAnHour)
{
    EXPECT_EQ(take(0.001), 0);
    for (int i = 0; i < 10000; i++) {
        int64_t wait = take(0.001);
        ASSERT_GT(wait, 0);
        ASSERT_LE(wait, 3600 * US_PER_SECOND);
    }
    now += 1000 * US_PER_SECOND;
    EXPECT_EQ(take(0.001), 0);
}

TEST_F(Pace, NothingGoesBeforeAHoldIsOver)
{
    pace_hold(pace, 1, now + 5 * US_PER_SECOND);
    EXPECT_EQ(take(0), 5 * US_PER_SECOND);
    EXPECT_EQ(pace_held(pace, 1, now), 5 * US_PER_SECOND);
    EXPECT_EQ(pace_held(pace, 2, now), 0);
    now += 5 * US_PER_SECOND;
    EXPECT_EQ(take(0), 0);
}
