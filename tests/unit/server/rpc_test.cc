// Calls of every shape, their errors, their cancellation.
#include "tests/unit/server/calls.h"

namespace test
{
namespace
{

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
    Outcome o = channel_.Unary(kAdd, AddBytes("a", 5, "", true));
    EXPECT_EQ(o.code, CODE_INVALID_ARGUMENT);
    EXPECT_EQ(o.reason(), "FIELD_INVALID");
    ASSERT_EQ(o.violations().size(), 1u);
    EXPECT_EQ(o.violations()[0].first, "refuse");
    EXPECT_EQ(Total(channel_, "a"), 0);
}

TEST_F(Rpc, ErrorsCarryTheTraceOfTheCaller)
{
    Outcome o =
        channel_.Unary(kAdd, AddBytes("", 5), 60000,
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
    Outcome o = channel_.Unary("/test.v1.TestService/Nothing", "");
    EXPECT_EQ(o.code, CODE_UNIMPLEMENTED);
    EXPECT_EQ(o.reason(), "METHOD_UNKNOWN");
    EXPECT_EQ(channel_.Unary("/Other/Thing", "x").code, CODE_UNIMPLEMENTED);
    EXPECT_LT(NowMs() - start, 50000) << "long before the deadline";
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

TEST(RpcWatch, WakesWhenThereIsNews)
{
    rpc_options o = Server::Defaults();
    o.wait_ms = 600000; // nothing else wakes it before the deadline
    Server server(o);
    Channel channel(server.target());
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>("w");
    Call call(channel, kWatch);
    call.Write(Pack(m));
    call.WritesDone();
    for (int i = 1; i <= 100; i++) {
        ASSERT_EQ(channel.Unary(kAdd, AddBytes("w", 1)).code, 0);
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
    call.Write(AddBytes("s", 2, "", true));
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
    call.Write(AddBytes("c", 1, "", true));
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
    Outcome o = channel_.Unary(kSleep, SleepBytes(60000), 100);
    EXPECT_EQ(o.code, CODE_DEADLINE_EXCEEDED);
    EXPECT_LT(NowMs() - start, 50000);
}

TEST_F(Rpc, AHandlerSeesItsCallerHangUp)
{
    int slept = test_seen_now().slept, before = test_seen_now().cancelled;
    Call call(channel_, kSleep);
    call.Write(SleepBytes(60000));
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

} // namespace
} // namespace test
