// Calls of every shape, and every way a call can go wrong.
#include "tests/unit/server/client.h"
#include "tests/unit/server/test_service.h"
#include "tests/unit/server/testdata/test.pb-c.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace test
{
namespace
{

const char kEcho[] = "/test.v1.TestService/Echo", kSleep[] = "/test.v1.TestService/Sleep",
           kAdd[] = "/test.v1.TestService/Add", kGet[] = "/test.v1.TestService/Get",
           kCount[] = "/test.v1.TestService/Count", kWatch[] = "/test.v1.TestService/Watch",
           kSum[] = "/test.v1.TestService/Sum", kChat[] = "/test.v1.TestService/Chat";

std::string EchoBytes(const char *text)
{
    Test__V1__Everything m = TEST__V1__EVERYTHING__INIT;
    m.text = const_cast<char *>(text);
    return Pack(m);
}

std::string SleepBytes(int64_t ms)
{
    Test__V1__SleepRequest m = TEST__V1__SLEEP_REQUEST__INIT;
    m.ms = ms;
    return Pack(m);
}

std::string AddBytes(const char *name, int64_t amount, bool refuse = false, const char *request_id = "")
{
    Test__V1__AddRequest m = TEST__V1__ADD_REQUEST__INIT;
    m.name = const_cast<char *>(name);
    m.amount = amount;
    m.refuse = refuse;
    m.request_id = const_cast<char *>(request_id);
    return Pack(m);
}

std::string CountBytes(int count, int bytes)
{
    Test__V1__CountRequest m = TEST__V1__COUNT_REQUEST__INIT;
    m.count = count;
    m.bytes = bytes;
    return Pack(m);
}

std::shared_ptr<Test__V1__AddResponse> AddResponse(const std::string &bytes)
{
    return Unpack<Test__V1__AddResponse>(test__v1__add_response__descriptor, bytes);
}

int64_t Total(const Channel &c, const char *name)
{
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>(name);
    Outcome o = c.Unary(kGet, Pack(m));
    EXPECT_EQ(o.code, 0) << o.message;
    return AddResponse(o.reply)->total;
}

int64_t NowMs()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

template <typename F> bool Eventually(F f)
{
    for (int i = 0; i < 5000; i++, std::this_thread::sleep_for(std::chrono::milliseconds(2)))
        if (f())
            return true;
    return false;
}

class Rpc : public ::testing::Test
{
  protected:
    // What was cancelled may still be under way: then the server says so, but it never hangs.
    void ExpectAlive()
    {
        Outcome o;
        EXPECT_TRUE(Eventually([&] {
            o = channel_.Unary(kEcho, EchoBytes("alive"));
            return o.reason() != "OVERLOADED";
        }));
        EXPECT_EQ(o.code, 0) << o.message << " " << o.reason();
    }
    Server server_;
    Channel channel_{ server_.target() };
};

TEST_F(Rpc, UnaryEchoes)
{
    Outcome o = channel_.Unary(kEcho, EchoBytes("hello"));
    EXPECT_EQ(o.code, 0) << o.message;
    EXPECT_EQ(o.reply, EchoBytes("hello"));
    EXPECT_EQ(o.details, "");
}

TEST_F(Rpc, EmptyMessagesPass)
{
    Outcome o = channel_.Unary(kEcho, "");
    EXPECT_EQ(o.code, 0) << o.message;
    EXPECT_EQ(o.reply, "");
}

TEST_F(Rpc, UnaryStoresBeforeItAnswers)
{
    Outcome o = channel_.Unary(kAdd, AddBytes("a", 5));
    ASSERT_EQ(o.code, 0) << o.message;
    EXPECT_EQ(AddResponse(o.reply)->total, 5);
    EXPECT_EQ(Total(channel_, "a"), 5);
}

TEST_F(Rpc, AFailedHandlerStoresNothing)
{
    Outcome o = channel_.Unary(kAdd, AddBytes("a", 5, true));
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT);
    EXPECT_EQ(o.reason(), "FIELD_INVALID");
    ASSERT_EQ(o.violations().size(), 1u);
    EXPECT_EQ(o.violations()[0].first, "refuse");
    EXPECT_EQ(Total(channel_, "a"), 0);
}

TEST_F(Rpc, ErrorsCarryTheTraceOfTheCaller)
{
    Outcome o =
        channel_.Unary(kAdd, AddBytes("", 5), 5000,
                       { { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" } });
    EXPECT_EQ(o.reason(), "FIELD_REQUIRED");
    EXPECT_EQ(o.trace_id(), "0af7651916cd43dd8448eb211c80319c");
    std::string own = channel_.Unary(kAdd, AddBytes("", 5)).trace_id();
    EXPECT_EQ(own.size(), 32u);
    EXPECT_NE(own, channel_.Unary(kAdd, AddBytes("", 5)).trace_id());
}

TEST_F(Rpc, DamagedRequestsNameTheirField)
{
    Outcome o = channel_.Unary(kEcho, std::string("\x0a\x03\x61\x00\x62", 5));
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT);
    EXPECT_EQ(o.reason(), "EMBEDDED_NUL");
    ASSERT_EQ(o.violations().size(), 1u);
    EXPECT_EQ(o.violations()[0].first, "text");
    EXPECT_EQ(channel_.Unary(kEcho, "\x0a\x01\xff").reason(), "INVALID_UTF8");
    EXPECT_EQ(channel_.Unary(kEcho, "\x0a\x7f").reason(), "MALFORMED_MESSAGE");
    EXPECT_EQ(channel_.Unary(kEcho, "\x50\x63").reason(), "FIELD_INVALID");
}

TEST_F(Rpc, UnknownMethodsAreAnsweredAtOnce)
{
    int64_t start = NowMs();
    Outcome o = channel_.Unary("/test.v1.TestService/Nothing", "", 10000);
    EXPECT_EQ(o.code, CODE_UNIMPLEMENTED);
    EXPECT_EQ(o.reason(), "METHOD_UNKNOWN");
    EXPECT_EQ(channel_.Unary("/Other/Thing", "x").code, CODE_UNIMPLEMENTED);
    EXPECT_LT(NowMs() - start, 2000);
    for (int i = 0; i < 50; i++)
        EXPECT_EQ(channel_.Unary("/no/" + std::to_string(i), "").code, CODE_UNIMPLEMENTED);
}

TEST_F(Rpc, OversizedMessagesAreRefusedAndTheConnectionLives)
{
    Test__V1__Everything m = TEST__V1__EVERYTHING__INIT;
    std::string big((4u << 20) + 1, 'x');
    m.text = &big[0];
    Outcome o = channel_.Unary(kEcho, Pack(m));
    EXPECT_EQ(o.code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_EQ(o.reason(), "REQUEST_TOO_LARGE");
    big.assign(8u << 20, 'x');
    m.text = &big[0];
    EXPECT_EQ(channel_.Unary(kEcho, Pack(m)).code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_EQ(channel_.Unary(kEcho, EchoBytes("after")).code, 0);
}

TEST_F(Rpc, TheMethodsBudgetBoundsTheRequest)
{
    std::string text(100000, 'x'); // under 4 MB, over the 64 kB of the row
    Outcome o = channel_.Unary(kEcho, EchoBytes(text.c_str()));
    EXPECT_EQ(o.code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_EQ(o.reason(), "REQUEST_TOO_LARGE");
}

TEST_F(Rpc, ServerStreamSendsAll)
{
    Call call(channel_, kCount);
    call.Write(CountBytes(1000, 100));
    call.WritesDone();
    std::string message;
    int n = 0;
    for (; call.Read(&message); n++) {
        auto m = Unpack<Test__V1__CountResponse>(test__v1__count_response__descriptor, message);
        ASSERT_EQ(m->index, n);
        ASSERT_EQ(m->data.len, 100u);
    }
    EXPECT_EQ(n, 1000);
    EXPECT_EQ(call.Finish().code, 0);
}

TEST_F(Rpc, LongStreamsDoNotEatTheirBudget)
{
    Call call(channel_, kCount);
    call.Write(CountBytes(40, 1 << 20)); // 40 MB through a budget of 2
    call.WritesDone();
    std::string message;
    int n = 0;
    while (call.Read(&message))
        n++;
    EXPECT_EQ(n, 40);
    EXPECT_EQ(call.Finish().code, 0);
}

TEST_F(Rpc, AStreamMayFailToOpen)
{
    Call call(channel_, kCount);
    call.Write(CountBytes(-1, 0));
    call.WritesDone();
    std::string message;
    EXPECT_FALSE(call.Read(&message));
    Outcome o = call.Finish();
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT);
    EXPECT_EQ(o.violations().at(0).first, "count");
}

TEST_F(Rpc, WatchWakesWhenThereIsNews)
{
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>("w");
    Call call(channel_, kWatch);
    call.Write(Pack(m));
    call.WritesDone();
    for (int i = 1; i <= 3; i++) {
        ASSERT_EQ(channel_.Unary(kAdd, AddBytes("w", 1)).code, 0);
        rpc_wake(server_.get());
        std::string message;
        ASSERT_TRUE(call.Read(&message));
        EXPECT_EQ(AddResponse(message)->total, i);
    }
    call.Cancel();
    EXPECT_EQ(call.Finish().code, CODE_CANCELLED);
}

TEST_F(Rpc, ClientStreamCommitsEachItem)
{
    int before = test_seen_now().committed;
    Call call(channel_, kSum);
    for (int i = 1; i <= 100; i++)
        ASSERT_TRUE(call.Write(AddBytes("s", i)));
    call.WritesDone();
    std::string message;
    ASSERT_TRUE(call.Read(&message));
    EXPECT_EQ(AddResponse(message)->total, 5050);
    EXPECT_EQ(call.Finish().code, 0);
    EXPECT_EQ(Total(channel_, "s"), 5050);
    EXPECT_EQ(test_seen_now().committed - before, 100);
}

TEST_F(Rpc, ClientStreamWithoutItemsFinishes)
{
    Call call(channel_, kSum);
    call.WritesDone();
    std::string message;
    ASSERT_TRUE(call.Read(&message));
    EXPECT_EQ(AddResponse(message)->total, 0);
    EXPECT_EQ(call.Finish().code, 0);
}

TEST_F(Rpc, ABadItemEndsAClientStreamAndKeepsWhatWasCommitted)
{
    Call call(channel_, kSum);
    call.Write(AddBytes("s", 1));
    call.Write(AddBytes("s", 2, true));
    for (int i = 0; i < 10 && call.Write(AddBytes("s", 4)); i++)
        ;
    std::string message;
    EXPECT_FALSE(call.Read(&message));
    EXPECT_EQ(call.Finish().reason(), "FIELD_INVALID");
    EXPECT_EQ(Total(channel_, "s"), 1);
}

TEST_F(Rpc, BidiAnswersEachItemAfterItsCommit)
{
    Call call(channel_, kChat);
    std::string message;
    for (int i = 1; i <= 50; i++) {
        ASSERT_TRUE(call.Write(AddBytes("c", 1)));
        ASSERT_TRUE(call.Read(&message));
        EXPECT_EQ(AddResponse(message)->total, i);
        EXPECT_EQ(Total(channel_, "c"), i);
    }
    call.WritesDone();
    EXPECT_FALSE(call.Read(&message));
    EXPECT_EQ(call.Finish().code, 0);
}

TEST_F(Rpc, BidiSurvivesARefusedItem)
{
    Call call(channel_, kChat);
    std::string message;
    call.Write(AddBytes("c", 1, true));
    ASSERT_TRUE(call.Read(&message));
    EXPECT_STREQ(AddResponse(message)->error, "FIELD_INVALID");
    call.Write(AddBytes("c", 2));
    ASSERT_TRUE(call.Read(&message));
    EXPECT_EQ(AddResponse(message)->total, 2);
    call.Write("\xff"); // not a message at all: that ends it
    EXPECT_FALSE(call.Read(&message));
    EXPECT_EQ(call.Finish().reason(), "MALFORMED_MESSAGE");
}

TEST_F(Rpc, ConflictsRunAgainUntilAllAreIn)
{
    const int kThreads = 8, kEach = 20;
    std::atomic<int> failed{ 0 };
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; t++)
        threads.emplace_back([&] {
            Channel own(server_.target());
            for (int i = 0; i < kEach; i++)
                failed += own.Unary(kAdd, AddBytes("hot", 1)).code != 0;
        });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(Total(channel_, "hot"), kThreads * kEach);
}

TEST_F(Rpc, DeadlinesEndCalls)
{
    int64_t start = NowMs();
    Outcome o = channel_.Unary(kSleep, SleepBytes(5000), 100);
    EXPECT_EQ(o.code, CODE_DEADLINE_EXCEEDED);
    EXPECT_LT(NowMs() - start, 1500);
}

TEST_F(Rpc, AHandlerSeesItsCallerHangUp)
{
    int slept = test_seen_now().slept, before = test_seen_now().cancelled;
    Call call(channel_, kSleep);
    call.Write(SleepBytes(20000));
    call.WritesDone();
    ASSERT_TRUE(Eventually([&] { return test_seen_now().slept > slept; }));
    call.Cancel();
    EXPECT_EQ(call.Finish().code, CODE_CANCELLED);
    EXPECT_TRUE(Eventually([&] { return test_seen_now().cancelled > before; }));
}

// The caller is gone before, while or after its message arrives: then the call comes without a payload.
TEST_F(Rpc, CancelRightAtTheStart)
{
    for (int i = 0; i < 500; i++) {
        for (const char *path : { kEcho, kAdd, kCount, kSum, kChat }) {
            Call call(channel_, path);
            if (i % 3 == 1)
                call.Write(i % 2 ? AddBytes("x", 1) : CountBytes(3, 10));
            if (i % 3 == 2)
                call.WritesDone();
            call.Cancel();
            call.Finish();
        }
    }
    ExpectAlive();
}

TEST_F(Rpc, ACallWithoutAMessageIsRefused)
{
    Call call(channel_, kEcho);
    call.WritesDone();
    Outcome o = call.Finish();
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT) << o.message;
}

TEST_F(Rpc, CancelInEachPhaseOfAStream)
{
    std::string message;
    for (int i = 0; i < 50; i++) {
        Call reading(channel_, kCount);
        reading.Write(CountBytes(100000, 1000));
        reading.WritesDone();
        for (int k = 0; k < i % 4; k++)
            reading.Read(&message);
        reading.Cancel();
        EXPECT_EQ(reading.Finish().code, CODE_CANCELLED);

        Call chatting(channel_, kChat);
        chatting.Write(AddBytes("y", 1));
        if (i % 2)
            chatting.Read(&message);
        chatting.Cancel();
        EXPECT_EQ(chatting.Finish().code, CODE_CANCELLED);

        Call summing(channel_, kSum);
        for (int k = 0; k < i % 3; k++)
            summing.Write(AddBytes("y", 1));
        summing.Cancel();
        EXPECT_EQ(summing.Finish().code, CODE_CANCELLED);
    }
    ExpectAlive();
}

TEST(RpcLimits, AFullLaneRefusesAtOnce)
{
    rpc_options o = Server::Defaults();
    o.slow_threads = 1;
    o.slow_queue = 2;
    Server server(o);
    std::atomic<int> refused{ 0 }, served{ 0 };
    std::vector<std::thread> threads;
    int64_t start = NowMs();
    for (int t = 0; t < 12; t++)
        threads.emplace_back([&] {
            Channel own(server.target());
            Outcome r = own.Unary(kSleep, SleepBytes(300));
            if (r.code == 0)
                served++;
            else if (r.reason() == "OVERLOADED" && r.has_retry_info())
                refused++;
        });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(served + refused, 12);
    EXPECT_GE(refused, 8);
    EXPECT_GE(served, 1);
    EXPECT_LT(NowMs() - start, 4000);
    EXPECT_EQ(Channel(server.target()).Unary(kSleep, SleepBytes(1)).code, 0);
}

TEST(RpcLimits, TooManyStreamsAreRefusedAndUnaryCallsGoOn)
{
    rpc_options o = Server::Defaults();
    o.streams = 3;
    Server server(o);
    Channel channel(server.target());
    std::vector<std::unique_ptr<Call>> open;
    std::string message;
    for (int i = 0; i < 3; i++) {
        open.push_back(std::make_unique<Call>(channel, kChat));
        open.back()->Write(AddBytes("z", 1));
        ASSERT_TRUE(open.back()->Read(&message));
    }
    Call fourth(channel, kChat);
    EXPECT_FALSE(fourth.Read(&message));
    EXPECT_EQ(fourth.Finish().reason(), "OVERLOADED");
    EXPECT_EQ(channel.Unary(kEcho, EchoBytes("alive")).code, 0);
    open[0]->WritesDone();
    EXPECT_EQ(open[0]->Finish().code, 0);
    EXPECT_TRUE(Eventually([&] {
        Call again(channel, kChat);
        again.Write(AddBytes("z", 1));
        return again.Read(&message);
    }));
    for (auto &c : open)
        c->Cancel();
}

TEST(RpcLimits, ExhaustedSlotsNeverWedge)
{
    rpc_options o = Server::Defaults();
    o.slots = 4;
    o.slow_threads = 2;
    o.slow_queue = 100;
    Server server(o);
    std::atomic<int> served{ 0 }, refused{ 0 }, other{ 0 };
    std::vector<std::thread> threads;
    for (int t = 0; t < 30; t++)
        threads.emplace_back([&] {
            Channel own(server.target());
            Outcome r = own.Unary(kSleep, SleepBytes(200));
            (r.code == 0 ? served : r.reason() == "OVERLOADED" ? refused : other)++;
        });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(other, 0);
    EXPECT_GE(served, 4);
    EXPECT_EQ(served + refused, 30);
    Channel channel(server.target());
    for (int i = 0; i < 100; i++)
        EXPECT_EQ(channel.Unary(kEcho, EchoBytes("alive")).code, 0);
}

TEST(RpcLimits, AStreamWhoseCallerIsSilentIsEnded)
{
    rpc_options o = Server::Defaults();
    o.stream_idle_ms = 300;
    Server server(o);
    Channel channel(server.target());
    Call silent(channel, kChat);
    std::string message;
    silent.Write(AddBytes("q", 1));
    ASSERT_TRUE(silent.Read(&message));
    EXPECT_FALSE(silent.Read(&message));
    Outcome r = silent.Finish();
    EXPECT_EQ(r.code, CODE_DEADLINE_EXCEEDED);
    EXPECT_EQ(r.reason(), "DEADLINE_PASSED");

    Call stalled(channel, kCount);
    stalled.Write(CountBytes(1000, 1 << 20));
    stalled.WritesDone();
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    int n = 0;
    while (stalled.Read(&message))
        n++;
    EXPECT_LT(n, 1000);
    EXPECT_NE(stalled.Finish().code, 0);
}

status Admit(void *arg, const rpc_call *call, ctx *c)
{
    str token;
    if (!rpc_metadata(call, "authorization", &token) || !str_eq(token, STR("let me in")))
        return fail(c->arena, REASON_METHOD_UNKNOWN, "no entry for %s", rpc_call_method(call)->scope);
    c->workspace = static_cast<const char *>(arg);
    return ok();
}

TEST(RpcAdmit, DecidesBeforeAnythingIsUnpacked)
{
    char workspace[] = "other";
    rpc_options o = Server::Defaults();
    o.admit = Admit;
    o.admit_arg = workspace;
    Server server(o);
    Channel channel(server.target());
    Outcome r = channel.Unary(kEcho, "\xff\xff not a message");
    EXPECT_EQ(r.message, "no entry for test");
    EXPECT_EQ(channel.Unary(kEcho, EchoBytes("x"), 5000, { { "authorization", "let me in" } }).code, 0);
}

TEST(RpcStart, RefusesPublicAddressesWithoutTlsAndAuthentication)
{
    arena a;
    arena_init(&a, 1u << 20);
    for (const char *address :
         { "0.0.0.0:0", "[::]:0", "192.0.2.7:50051", "example.org:1", "*:0", "127.0.0.1.example.org:1" }) {
        rpc_options o = Server::Defaults();
        rpc *r = nullptr;
        o.address = address;
        status s = rpc_serve(&o, &a, &r);
        EXPECT_EQ(s.code, CODE_INVALID_ARGUMENT) << address;
        o.admit = Admit;
        EXPECT_EQ(rpc_serve(&o, &a, &r).code, CODE_INVALID_ARGUMENT) << address;
    }
    arena_done(&a);
}

TEST(RpcStart, ServesAUnixSocket)
{
    rpc_options o = Server::Defaults();
    std::string path =
        std::string("unix:") + (getenv("TEST_TMPDIR") ? getenv("TEST_TMPDIR") : "/tmp") + "/rpc_test.sock";
    o.address = path.c_str();
    if (path.size() > 100)
        GTEST_SKIP() << "the temporary folder's name is too long for a socket";
    Server server(o);
    EXPECT_EQ(Channel(path).Unary(kEcho, EchoBytes("x")).code, 0);
}

TEST(RpcStart, RefusesRowsThatDisagreeWithTheProto)
{
    arena a;
    arena_init(&a, 4u << 20);
    auto start = [&](std::vector<rpc_method> rows) {
        rpc_options o = Server::Defaults();
        rpc *r = nullptr;
        o.methods = rows.data();
        o.n_methods = rows.size();
        status s = rpc_serve(&o, &a, &r);
        EXPECT_NE(s.code, CODE_OK);
        rpc_stop(r);
        return std::string(s.message);
    };
    std::vector<rpc_method> rows(test_methods, test_methods + test_methods_n);
    auto changed = rows;
    changed.pop_back();
    EXPECT_NE(start(changed).find("Chat has 0 rows"), std::string::npos);
    changed = rows;
    changed.push_back(rows[0]);
    EXPECT_NE(start(changed).find("Echo has 2 rows"), std::string::npos);
    changed = rows;
    changed[0].name = "Ekko";
    EXPECT_NE(start(changed).find("row without an RPC"), std::string::npos);
    changed = rows;
    changed[0].handler = rows[1].handler;
    EXPECT_NE(start(changed).find("handler for other messages"), std::string::npos);
    changed = rows;
    changed[6].handler = rows[7].handler; // Sum as bidi: the messages fit, the streams do not
    EXPECT_NE(start(changed).find("streams otherwise"), std::string::npos);
    changed = rows;
    changed[0].budget_kb = 0;
    EXPECT_NE(start(changed).find("budget"), std::string::npos);
    arena_done(&a);
}

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

} // namespace
} // namespace test
