// Arenas, buffers and messages in arenas.
#include "base/arena.h"
#include "base/buf.h"
#include "base/pb.h"
#include "proto/names.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace
{

class Arena : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&a, 1 << 20);
    }
    void TearDown() override
    {
        arena_done(&a);
    }
    struct arena a;
};

TEST_F(Arena, GivesAlignedZeroedMemory)
{
    for (size_t n : { 0, 1, 15, 16, 17, 5000, 40000 }) {
        auto *p = static_cast<unsigned char *>(arena_alloc(&a, n));
        ASSERT_NE(p, nullptr);
        EXPECT_EQ(reinterpret_cast<uintptr_t>(p) % 16, 0u);
        for (size_t i = 0; i < n; i++)
            ASSERT_EQ(p[i], 0);
        memset(p, 0xaa, n);
    }
}

TEST_F(Arena, KeepsToItsBudgetAndRemembers)
{
    struct arena small;
    arena_init(&small, 1000);
    EXPECT_NE(arena_alloc(&small, 900), nullptr);
    EXPECT_EQ(arena_alloc(&small, 200), nullptr);
    EXPECT_TRUE(small.overflow);
    EXPECT_EQ(arena_alloc(&small, 1), nullptr) << "the mark is sticky";
    arena_reset(&small);
    EXPECT_FALSE(small.overflow);
    EXPECT_NE(arena_alloc(&small, 900), nullptr);
    EXPECT_EQ(arena_array(&small, SIZE_MAX / 2, 3), nullptr);
    EXPECT_TRUE(small.overflow);
    arena_done(&small);
    arena_done(&small);
}

TEST_F(Arena, RunsHooksNewestFirstAtResetAndRewind)
{
    static std::string order;
    order.clear();
    auto hook = [](void *p) { order += static_cast<const char *>(p); };
    ASSERT_TRUE(arena_on_reset(&a, hook, const_cast<char *>("1")));
    struct arena_mark mark = arena_mark(&a);
    ASSERT_TRUE(arena_on_reset(&a, hook, const_cast<char *>("2")));
    ASSERT_TRUE(arena_on_reset(&a, hook, const_cast<char *>("3")));
    arena_rewind(&a, mark);
    EXPECT_EQ(order, "32");
    arena_reset(&a);
    EXPECT_EQ(order, "321");
}

TEST_F(Arena, RewindKeepsWhatWasThereBefore)
{
    char *kept = arena_dup(&a, STR("kept"));
    struct arena_mark mark = arena_mark(&a);
    size_t used = a.used;
    for (int i = 0; i < 100; i++)
        ASSERT_NE(arena_alloc(&a, 1000), nullptr);
    arena_rewind(&a, mark);
    EXPECT_EQ(a.used, used);
    EXPECT_STREQ(kept, "kept");
    memset(arena_alloc(&a, 1000), 1, 1000);
    EXPECT_STREQ(kept, "kept");
}

TEST_F(Arena, KeepsBlocksForWhatComesNextUpToABound)
{
    arena_keep(&a, 100000);
    for (int round = 0; round < 3; round++) {
        std::vector<char *> all;
        for (int i = 0; i < 300; i++) {
            auto *p = static_cast<char *>(arena_alloc(&a, 1000));
            ASSERT_NE(p, nullptr) << round << " " << i;
            memset(p, i, 1000);
            all.push_back(p);
        }
        for (int i = 0; i < 300; i++)
            ASSERT_EQ(all[i][999], static_cast<char>(i));
        EXPECT_NE(arena_alloc(&a, 50000), nullptr); // a block of its own is not kept
        arena_reset(&a);
        EXPECT_LE(a.kept, 100000u);
        EXPECT_EQ(a.used, 0u);
    }
    arena_keep(&a, 0);
    EXPECT_EQ(a.kept, 0u);
}

TEST_F(Arena, FormatsTexts)
{
    EXPECT_STREQ(arena_printf(&a, "%s-%d", std::string(5000, 'x').c_str(), 7),
                 (std::string(5000, 'x') + "-7").c_str());
    EXPECT_STREQ(arena_dup(&a, str_make("a\0b", 0)), "");
}

TEST(Buf, HoldsToItsLimitAndRemembers)
{
    buf b;
    buf_init(&b, 10);
    EXPECT_EQ(buf_str(&b).n, 0u);
    buf_puts(&b, "12345");
    buf_putc(&b, '6');
    EXPECT_STREQ(b.p, "123456");
    buf_puts(&b, "789ab");
    EXPECT_TRUE(b.overflow);
    buf_putc(&b, 'x');
    EXPECT_EQ(b.n, 6u);
    buf_clear(&b);
    buf_printf(&b, "%d", 1234567890);
    EXPECT_STREQ(b.p, "1234567890");
    EXPECT_FALSE(b.overflow);
    buf_printf(&b, "%d", 1);
    EXPECT_TRUE(b.overflow);
    buf_done(&b);
}

TEST(Buf, WritesJson)
{
    buf b;
    buf_init(&b, 1000);
    buf_json(&b, str_make("a\"\\\n\x01\xc3\xa4\xff/", 9));
    EXPECT_STREQ(b.p, "\"a\\\"\\\\\\u000a\\u0001\xc3\xa4\xef\xbf\xbd/\"");
    buf_done(&b);
}

TEST(Buf, NumbersReadBackAsThemselves)
{
    buf b;
    buf_init(&b, 1000);
    for (double v : { 0.0, 0.1, -2.5, 1e300, 5e-324, 1.0 / 3, 123456789012345678.0 }) {
        double back = 0;
        buf_clear(&b);
        buf_f64(&b, v);
        ASSERT_TRUE(str_to_f64(buf_str(&b), &back)) << b.p;
        EXPECT_EQ(back, v) << b.p;
    }
    buf_clear(&b);
    buf_f64(&b, 0.1);
    EXPECT_STREQ(b.p, "0.1");
    buf_clear(&b);
    buf_f64(&b, NAN);
    EXPECT_STREQ(b.p, "null");
    buf_done(&b);
}

TEST_F(Arena, HoldsMessages)
{
    Lead *l = PB_NEW(&a, Lead);
    l->email = pb_str(&a, STR("a@x.at"));
    l->full_name = pb_str(&a, str_make("", 0));
    str bytes = pb_pack(&a, l);
    ASSERT_NE(bytes.p, nullptr);
    Lead *back = PB_UNPACK(&a, Lead, bytes);
    ASSERT_NE(back, nullptr);
    EXPECT_STREQ(back->email, "a@x.at");
    EXPECT_STREQ(back->phone, "");
    EXPECT_EQ(PB_UNPACK(&a, Lead, str_make("\x0a\xff", 2)), nullptr);
    EXPECT_FALSE(a.overflow) << "malformed is not too large";
    struct arena tiny;
    arena_init(&tiny, 64);
    EXPECT_EQ(PB_UNPACK(&tiny, Lead, bytes), nullptr);
    EXPECT_TRUE(tiny.overflow);
    EXPECT_EQ(PB_NEW(&tiny, Lead), nullptr);
    arena_done(&tiny);
}

} // namespace
