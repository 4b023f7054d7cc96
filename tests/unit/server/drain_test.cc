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
    rpc_drain(server.get(), 60000);
    EXPECT_LT(NowMs() - start, 50000);
    caller.join();
    EXPECT_EQ(code, 0);
    EXPECT_EQ(channel.Unary(kEcho, EchoBytes("late"), 500).code == 0, false);
}

TEST(RpcDrain, WhatDoesNotEndIsToldToGo)
{
    rpc_options o = Server::Defaults();
    o.drain_evict_ms = 60000;
    Server server(o);
    Channel channel(server.target());
    Call chat(channel, kChat), watch(channel, kWatch);
    std::string message;
    chat.Write(AddBytes("d", 1));
    ASSERT_TRUE(chat.Read(&message));
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>("nothing");
    watch.Write(Pack(m));
    watch.WritesDone();
    ASSERT_EQ(channel.Unary(kEcho, EchoBytes("x")).code, 0);
    int64_t start = NowMs();
    rpc_drain(server.get(), 300);
    EXPECT_LT(NowMs() - start, 50000);
    EXPECT_FALSE(watch.Read(&message));
    EXPECT_EQ(watch.Finish().reason(), "DRAINING");
    EXPECT_FALSE(chat.Read(&message));
    EXPECT_EQ(chat.Finish().reason(), "DRAINING");
}

// Whoever does not read hears nothing: this drain waits for nobody else.
TEST(RpcDrain, WhatDoesNotGoIsCut)
{
    Server server;
    Channel channel(server.target());
    Call stalled(channel, kCount);
    std::string message;
    stalled.Write(CountBytes(1000, 1 << 20));
    stalled.WritesDone();
    ASSERT_TRUE(stalled.Read(&message));
    rpc_drain(server.get(), 300);
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
    EXPECT_TRUE(Eventually([&] { return acknowledged > 100; }));
    rpc_drain(server.get(), 60000);
    stop = true;
    for (auto &t : threads)
        t.join();
    server.Restart();
    Channel channel(server.target());
    int64_t total = 0;
    for (int t = 0; t < 4; t++)
        total += Total(channel, ("load" + std::to_string(t)).c_str());
    EXPECT_GE(total, acknowledged);
}

// The C-core would end calls that race its end with a bare CANCELLED.
TEST(RpcDrain, CallsThatRaceTheEndAreServedOrNeverBegan)
{
    std::map<int, int> ends;
    std::mutex lock;
    rpc_options o = Server::Defaults();
    o.drain_hold_ms = 5000; // so long that a machine that stands still makes no difference
    for (int round = 0; round < 3; round++) {
        Server server(o);
        std::atomic<int> served{ 0 };
        std::vector<std::thread> threads;
        for (int t = 0; t < 8; t++)
            threads.emplace_back([&, t] {
                Channel own(server.target());
                auto call = [&] {
                    return own.Unary(t % 2 ? kEcho : kAdd, t % 2 ? EchoBytes("x") : AddBytes("a", 1)).code;
                };
                int code;
                while ((code = call()) == CODE_OK)
                    served++;
                std::lock_guard<std::mutex> hold(lock);
                ends[code]++;
            });
        EXPECT_TRUE(Eventually([&] { return served > 100; }));
        rpc_drain(server.get(), 60000);
        for (auto &t : threads)
            t.join();
    }
    EXPECT_EQ(ends[CODE_UNAVAILABLE], 24) << "the transport's own: there is no server any more";
    EXPECT_EQ(ends.size(), 1u) << ends.begin()->first << " to " << ends.rbegin()->first;
}

} // namespace
} // namespace test
