// Time zone files: what is read from them, and that bytes that are none are refused. tests/sendgate compares
// every zone of the machine.
#include "base/zone.h"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>

namespace
{

std::string read(const std::string &name)
{
    std::ifstream f("/usr/share/zoneinfo/" + name, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(f), {});
}

class Zone : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&arena_, 1 << 20);
    }
    void TearDown() override
    {
        arena_done(&arena_);
    }
    const struct zone *parse(const std::string &bytes)
    {
        return zone_parse(&arena_, str_make(bytes.data(), bytes.size()));
    }
    // A file with one type and no change, its footer as given.
    const struct zone *footer(const std::string &text)
    {
        std::string header = std::string("TZif2") + std::string(15, 0) + std::string(16, 0) +
                             std::string("\0\0\0\1\0\0\0\4", 8),
                    block = header + std::string(6, 0) + std::string("LMT\0", 4);
        return parse(block + block + "\n" + text + "\n");
    }
    struct arena arena_;
};

constexpr int64_t YEAR_2100 = 4102444800;

TEST_F(Zone, TheFooterHoldsForAllTimeToCome)
{
    const struct zone *z = parse(read("Europe/Vienna"));
    ASSERT_TRUE(z);
    EXPECT_EQ(zone_at(z, 0).offset, 3600);
    const int64_t march = 4109878800; // 2100-03-28 01:00 UTC
    EXPECT_EQ(zone_at(z, YEAR_2100).offset, 3600);
    EXPECT_EQ(zone_at(z, YEAR_2100).until, march);
    EXPECT_EQ(zone_at(z, march - 1).offset, 3600);
    EXPECT_EQ(zone_at(z, march).offset, 7200);
}

TEST_F(Zone, HalfAnHourOfSummer)
{
    const struct zone *z = parse(read("Australia/Lord_Howe"));
    ASSERT_TRUE(z);
    EXPECT_EQ(zone_at(z, YEAR_2100).offset, 11 * 3600);
    EXPECT_EQ(zone_at(z, YEAR_2100 + 180 * 86400).offset, 10 * 3600 + 1800);
}

TEST_F(Zone, EveryFormOfAFooter)
{
    struct {
        const char *text;
        int32_t in_january, in_july;
    } rows[] = {
        { "", 0, 0 },
        { "UTC0", 0, 0 },
        { "<+0545>-5:45", 20700, 20700 },
        { "<-0330>+3:30:15", -12615, -12615 },
        { "AAA0BBB,J60,J300", 0, 3600 },
        { "AAA0BBB-2,59/0,299/-167", 0, 7200 },
        { "AAA3BBB2,M10.1.0/0,M3.3.0/24", -7200, -10800 },
        { "XXX3EDT4,0/0,J365/23", -14400, -14400 }, // summer all year
    };
    for (const auto &r : rows) {
        const struct zone *z = footer(r.text);
        ASSERT_TRUE(z) << r.text;
        EXPECT_EQ(zone_at(z, YEAR_2100 + 15 * 86400).offset, r.in_january) << r.text;
        EXPECT_EQ(zone_at(z, YEAR_2100 + 190 * 86400).offset, r.in_july) << r.text;
    }
}

TEST_F(Zone, WhatIsNoFooter)
{
    for (const char *text :
         { "A0", "AAA", "AAA25", "AAA0x", "AAA0BBB", "AAA0BBB,M13.1.0,M3.1.0", "AAA0BBB,M1.6.0,M3.1.0",
           "AAA0BBB,M1.1.7,M3.1.0", "AAA0BBB,J0,J1", "AAA0BBB,J366,J1", "AAA0BBB,366,1", "AAA0BBB,J1/168,J2",
           "AAA0BBB,J1", "AAA0BBB,J1,J2,", "<AAA0", "AAA0BBB,J99999999999,J2" })
        EXPECT_FALSE(footer(text)) << text;
}

TEST_F(Zone, EveryCutFileIsRefused)
{
    std::string whole = read("America/New_York");
    ASSERT_TRUE(parse(whole));
    for (size_t n = 0; n < whole.size(); n++)
        ASSERT_FALSE(parse(whole.substr(0, n))) << n;
    EXPECT_FALSE(parse(whole + "x"));
}

TEST_F(Zone, FlippedBytesAreReadWithinBounds)
{
    std::string whole = read("Africa/Casablanca");
    for (size_t i = 0; i < whole.size(); i++) {
        std::string bad = whole;
        bad[i] = static_cast<char>(bad[i] ^ 0xff);
        struct arena_mark mark = arena_mark(&arena_);
        const struct zone *z = parse(bad);
        if (z) {
            struct zone_span s = zone_at(z, 1700000000);
            EXPECT_LT(std::abs(s.offset), 26 * 3600 + 3600) << i;
        }
        arena_rewind(&arena_, mark);
    }
}

TEST_F(Zone, LeapSecondsAreRefused)
{
    EXPECT_FALSE(parse(read("right/Europe/Vienna")));
}

TEST_F(Zone, NoMemoryIsNoZone)
{
    std::string whole = read("Europe/Vienna");
    for (size_t budget = 0; budget < 512; budget += 64) {
        struct arena small;
        arena_init(&small, budget);
        EXPECT_FALSE(zone_parse(&small, str_make(whole.data(), whole.size())));
        EXPECT_TRUE(small.overflow);
        arena_done(&small);
    }
}

TEST(ZoneUtc, IsAlwaysZero)
{
    EXPECT_EQ(zone_at(zone_utc, YEAR_2100).offset, 0);
    EXPECT_EQ(zone_at(zone_utc, YEAR_2100).until, ZONE_FOREVER);
}

} // namespace
