// What the server refuses, and how it starts.
#include "tests/unit/server/calls.h"

namespace test
{
namespace
{

TEST(RpcLimits, AFullLaneRefusesAtOnce)
{
    rpc_options o = Server::Defaults();
    o.slow_threads = 1;
    o.slow_queue = 2;
    Server server(o);
    Channel channel(server.target());
    std::atomic<int> refused{ 0 }, served{ 0 };
    std::vector<std::thread> threads;
    int slept = test_seen_now().slept;
    Call busy(channel, kSleep); // has the lane's thread until it is cancelled
    busy.Write(SleepBytes(60000));
    busy.WritesDone();
    ASSERT_TRUE(Eventually([&] { return test_seen_now().slept > slept; }));
    for (int t = 0; t < 11; t++)
        threads.emplace_back([&] {
            Channel own(server.target());
            Outcome r = own.Unary(kSleep, SleepBytes(1));
            if (r.code == 0)
                served++;
            else if (r.reason() == "OVERLOADED" && r.has_retry_info())
                refused++;
        });
    EXPECT_TRUE(Eventually([&] { return refused == 9; })) << "while the lane stands still";
    EXPECT_EQ(served, 0);
    busy.Cancel();
    EXPECT_EQ(busy.Finish().code, CODE_CANCELLED);
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(served, 2);
    EXPECT_EQ(channel.Unary(kSleep, SleepBytes(1)).code, 0);
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
    while (silent.Read(&message)) // its one answer, where it did not come too late itself
        ;
    Outcome r = silent.Finish();
    EXPECT_EQ(r.code, CODE_DEADLINE_EXCEEDED);
    EXPECT_EQ(r.reason(), "DEADLINE_PASSED");

    uint64_t before = Ended(kCount, CODE_CANCELLED);
    Call stalled(channel, kCount);
    stalled.Write(CountBytes(1000, 1 << 20));
    stalled.WritesDone();
    EXPECT_TRUE(Eventually([&] { return Ended(kCount, CODE_CANCELLED) > before; }));
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
    EXPECT_EQ(channel.Unary(kEcho, EchoBytes("x"), 60000, { { "authorization", "let me in" } }).code, 0);
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
        o.knows_callers = true;
        EXPECT_EQ(rpc_serve(&o, &a, &r).code, CODE_INVALID_ARGUMENT) << address;
    }
    arena_done(&a);
}

TEST(RpcStart, ServesAUnixSocket)
{
    rpc_options o = Server::Defaults();
    char folder[] =
        P_tmpdir "/rpc_test.XXXXXX"; /* Bazel's own folder has a longer name than a socket may have */
    ASSERT_NE(mkdtemp(folder), nullptr);
    std::string socket = std::string(folder) + "/socket", path = "unix:" + socket;
    o.address = path.c_str();
    {
        Server server(o);
        EXPECT_EQ(Channel(path).Unary(kEcho, EchoBytes("x")).code, 0);
    }
    unlink(socket.c_str());
    rmdir(folder);
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
    changed[7].flags |= RPC_AHEAD;
    EXPECT_NE(start(changed).find("Chat cannot go ahead"), std::string::npos);
    changed = rows;
    changed[0].budget_kb = 0;
    EXPECT_NE(start(changed).find("budget"), std::string::npos);
    arena_done(&a);
}

} // namespace
} // namespace test
