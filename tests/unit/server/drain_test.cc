// How the server stops.
#include "tests/unit/server/calls.h"

#include <map>
#include <mutex>

namespace test
{
namespace
{

TEST(RpcDrain, CallsUnderWayEndAndHealthTellsFirst)
{
    Server server;
    Channel channel(server.target());
    std::atomic<int> code{ -1 };
    int slept = test_seen_now().slept;
    std::thread caller([&] { code = Channel(server.target()).Unary(kSleep, SleepBytes(600)).code; });
    ASSERT_TRUE(Eventually([&] { return test_seen_now().slept > slept; }));
    int64_t start = NowMs();
    rpc_drain(server.get(), 5000);
    EXPECT_LT(NowMs() - start, 4000);
    caller.join();
    EXPECT_EQ(code, 0);
    EXPECT_EQ(channel.Unary(kEcho, EchoBytes("late"), 500).code == 0, false);
}

TEST(RpcDrain, WhatDoesNotEndIsCut)
{
    Server server;
    Channel channel(server.target());
    Call chat(channel, kChat), watch(channel, kWatch), stalled(channel, kCount);
    std::string message;
    chat.Write(AddBytes("d", 1));
    ASSERT_TRUE(chat.Read(&message));
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>("nothing");
    watch.Write(Pack(m));
    watch.WritesDone();
    stalled.Write(CountBytes(1000, 1 << 20));
    stalled.WritesDone();
    ASSERT_TRUE(stalled.Read(&message));
    int64_t start = NowMs();
    rpc_drain(server.get(), 300);
    EXPECT_LT(NowMs() - start, 3000);
    EXPECT_FALSE(watch.Read(&message));
    EXPECT_EQ(watch.Finish().reason(), "DRAINING");
    EXPECT_FALSE(chat.Read(&message));
    EXPECT_EQ(chat.Finish().reason(), "DRAINING");
    while (stalled.Read(&message))
        ;
    EXPECT_NE(stalled.Finish().code, 0);
}

TEST(RpcDrain, UnderLoadNothingIsLostThatWasAcknowledged)
{
    Server server;
    std::atomic<int> acknowledged{ 0 };
    std::atomic<bool> stop{ false };
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&, t] {
            Channel own(server.target());
            std::string name = "load" + std::to_string(t);
            while (!stop)
                acknowledged += own.Unary(kAdd, AddBytes(name.c_str(), 1), 2000).code == 0;
        });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    rpc_drain(server.get(), 5000);
    stop = true;
    for (auto &t : threads)
        t.join();
    server.Restart();
    Channel channel(server.target());
    int64_t total = 0;
    for (int t = 0; t < 4; t++)
        total += Total(channel, ("load" + std::to_string(t)).c_str());
    EXPECT_GE(total, acknowledged);
    EXPECT_GT(acknowledged, 0);
}

// The C-core would end calls that race its end with a bare CANCELLED.
TEST(RpcDrain, CallsThatRaceTheEndAreServedOrNeverBegan)
{
    std::map<int, int> ends;
    std::mutex lock;
    rpc_options o = Server::Defaults();
    o.drain_hold_ms = 1000; // so long that a busy machine makes no difference
    for (int round = 0; round < 5; round++) {
        Server server(o);
        std::atomic<bool> stop{ false };
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; t++)
            threads.emplace_back([&, t] {
                Channel own(server.target());
                while (!stop) {
                    int code =
                        own.Unary(t % 2 ? kEcho : kAdd, t % 2 ? EchoBytes("x") : AddBytes("a", 1)).code;
                    std::lock_guard<std::mutex> hold(lock);
                    ends[code]++;
                }
            });
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        rpc_drain(server.get(), 5000);
        stop = true;
        for (auto &t : threads)
            t.join();
    }
    EXPECT_GT(ends[CODE_OK], 0);
    EXPECT_GT(ends[CODE_UNAVAILABLE], 0) << "the transport's own: there is no server any more";
    EXPECT_EQ(ends.size(), 2u) << ends.begin()->first << " to " << ends.rbegin()->first;
}

} // namespace
} // namespace test
