// Streams that go ahead: items run while the one before is being committed, and it cannot be told from the
// outcome.
#include "tests/unit/server/calls.h"

#include <random>

namespace test
{
namespace
{

class Ahead : public ::testing::Test
{
  protected:
    // The sum that the stream answers, or the reason why not.
    std::string Finish(Call &call)
    {
        std::string message;
        call.WritesDone();
        if (!call.Read(&message))
            return call.Finish().reason();
        std::string sum = std::to_string(AddResponse(message)->total);
        EXPECT_EQ(call.Finish().code, 0);
        return sum;
    }

    static std::string ItemsBytes(const char *name, int64_t amount, int items)
    {
        Test__V1__AddRequest m = TEST__V1__ADD_REQUEST__INIT;
        m.name = const_cast<char *>(name);
        m.amount = amount;
        m.items = items;
        return Pack(m);
    }

    Server server_;
    Channel channel_{ server_.target() };
};

TEST_F(Ahead, ItemsRunDuringTheCommitBefore)
{
    int before = test_seen_now().went_ahead;
    Call call(channel_, kSum);
    for (int i = 0; i < 500; i++)
        ASSERT_TRUE(call.Write(AddBytes(i % 2 ? "a" : "b", 1)));
    EXPECT_EQ(Finish(call), "500");
    EXPECT_GT(test_seen_now().went_ahead, before);
    EXPECT_EQ(Total(channel_, "a"), 250);
    EXPECT_EQ(Total(channel_, "b"), 250);
}

TEST_F(Ahead, AMessageOfManyItemsIsDealtWithWhole)
{
    Call call(channel_, kSum);
    ASSERT_TRUE(call.Write(ItemsBytes("a", 3, 40)));
    ASSERT_TRUE(call.Write(ItemsBytes("b", 5, 1)));
    ASSERT_TRUE(call.Write(ItemsBytes("b", 7, 2)));
    EXPECT_EQ(Finish(call), "139");
    EXPECT_EQ(Total(channel_, "a"), 120);
    EXPECT_EQ(Total(channel_, "b"), 19);
}

// The caller waits for the item's effect before it sends another message.
TEST_F(Ahead, AnItemThatLostRunsAgainWithoutANewMessage)
{
    Call call(channel_, kSum);
    ASSERT_TRUE(call.Write(LoseBytes("a", 1)));
    EXPECT_TRUE(Eventually([&] { return Total(channel_, "a") == 1; }));
    ASSERT_TRUE(call.Write(LoseBytes("b", 1)));
    EXPECT_EQ(Finish(call), "2");
}

TEST_F(Ahead, WhatWasDecidedOnALostItemIsDecidedAgain)
{
    std::mt19937 random(5);
    const char *names[] = { "a", "b", "c" };
    int64_t totals[3] = {}, sum = 0;
    for (int stream = 0; stream < 20; stream++) {
        Call call(channel_, kSum);
        int64_t expected = 0;
        for (unsigned i = 0, n = random() % 40; i < n; i++) {
            unsigned k = random() % 3;
            int items = 1 + static_cast<int>(random() % 3);
            bool lose = random() % 3 == 0;
            ASSERT_TRUE(
                call.Write(lose ? LoseBytes(names[k], random() % 2) : ItemsBytes(names[k], 1, items)));
            totals[k] += lose ? 1 : items;
            expected += lose ? 1 : items;
        }
        ASSERT_EQ(Finish(call), std::to_string(expected)) << stream;
        sum += expected;
    }
    for (int k = 0; k < 3; k++)
        EXPECT_EQ(Total(channel_, names[k]), totals[k]);
    EXPECT_GT(sum, 0);
}

TEST_F(Ahead, OthersMayWriteTheSameMeanwhile)
{
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&] {
            Channel own(server_.target());
            Call call(own, kSum);
            for (int i = 0; i < 100; i++)
                ASSERT_TRUE(call.Write(AddBytes(i % 2 ? "a" : "b", 1)));
            EXPECT_EQ(Finish(call), "100");
        });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(Total(channel_, "a"), 200);
    EXPECT_EQ(Total(channel_, "b"), 200);
}

// The one before is committed all the same, and the refusal comes after that.
TEST_F(Ahead, ARefusalWaitsForTheItemBefore)
{
    for (int i = 0; i < 50; i++) {
        Call call(channel_, kSum);
        call.Write(AddBytes("a", 1));
        call.Write(AddBytes("b", 1, "", true));
        ASSERT_EQ(Finish(call), "FIELD_INVALID");
        ASSERT_EQ(Total(channel_, "a"), i + 1);
    }
    EXPECT_EQ(Total(channel_, "b"), 0);
}

TEST_F(Ahead, CallersMayHangUpAtAnyTime)
{
    std::mt19937 random(6);
    for (int i = 0; i < 100; i++) {
        Call call(channel_, kSum);
        for (unsigned k = 0, n = random() % 6; k < n; k++)
            call.Write(random() % 2 ? LoseBytes("a", 1) : ItemsBytes("b", 1, 3));
        if (random() % 2)
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % 3));
        call.Cancel();
        EXPECT_EQ(call.Finish().code, CODE_CANCELLED);
    }
    EXPECT_TRUE(Eventually([&] { return channel_.Unary(kEcho, EchoBytes("alive")).code == 0; }));
}

} // namespace
} // namespace test
