// Calls that lost over a row wait for their turn: in a line for each row, and nobody waits in vain.
#include "tests/unit/server/calls.h"

namespace test
{
namespace
{

// A call that lost over the counter "hot" and has its turn, until it lets go.
class Holder
{
  public:
    explicit Holder(const std::string &target)
    {
        int held = test_seen_now().held;
        thread_ = std::thread([=] {
            code_ = Channel(target).Unary(kAdd, LoseBytes("hot", 600000), 0).code;
            done_ = true;
        });
        EXPECT_TRUE(Eventually([&] { return test_seen_now().held > held; }));
    }
    ~Holder()
    {
        LetGo();
        thread_.join();
    }
    void LetGo()
    {
        test_release();
    }
    bool done() const
    {
        return done_;
    }

  private:
    std::atomic<int> code_{ -1 };
    std::atomic<bool> done_{ false };
    std::thread thread_;
};

TEST(Turn, OfAnotherRowIsAnotherLine)
{
    Server server;
    Channel channel(server.target());
    Holder holder(server.target());
    for (const char *name : { "a", "b", "c" })
        EXPECT_EQ(channel.Unary(kAdd, LoseBytes(name, 1)).code, 0);
    EXPECT_FALSE(holder.done());
}

TEST(Turn, ComesToEachOfALine)
{
    Server server;
    std::atomic<int> failed{ 0 };
    std::vector<std::thread> threads;
    for (int t = 0; t < 20; t++)
        threads.emplace_back(
            [&] { failed += Channel(server.target()).Unary(kAdd, LoseBytes("hot", 20)).code != 0; });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(failed, 0);
    EXPECT_EQ(Total(Channel(server.target()), "hot"), 20);
}

TEST(Turn, WhoHangsUpOrIsLateLeavesTheLine)
{
    Server server;
    Channel channel(server.target());
    // Who is late hangs up itself, too: which of the two the server sees first does not matter.
    auto ended = [] { return Ended(kAdd, CODE_CANCELLED) + Ended(kAdd, CODE_DEADLINE_EXCEEDED); };
    uint64_t before = ended();
    Holder holder(server.target());
    {
        int runs = test_seen_now().add_runs;
        Call second(channel, kAdd), third(channel, kAdd), fourth(channel, kAdd, 5000);
        for (Call *c : { &second, &third, &fourth }) {
            c->Write(LoseBytes("hot", 1));
            c->WritesDone();
        }
        EXPECT_TRUE(Eventually([&] { return test_seen_now().add_runs == runs + 3; }));
        third.Cancel(); // from the middle
        EXPECT_TRUE(Eventually([&] { return ended() == before + 2; }));
        second.Cancel();
        EXPECT_TRUE(Eventually([&] { return ended() == before + 3; }));
    }
    EXPECT_FALSE(holder.done());
    holder.LetGo();
    EXPECT_EQ(channel.Unary(kAdd, LoseBytes("hot", 1)).code, 0) << "the line goes on";
    EXPECT_EQ(Total(channel, "hot"), 2);
}

TEST(Turn, TheMethodsLongestTimeCountsInALineToo)
{
    std::vector<rpc_method> rows(test_methods, test_methods + test_methods_n);
    for (rpc_method &row : rows)
        row.max_deadline_ms = row.name == std::string("Add") ? 4000 : row.max_deadline_ms;
    rpc_options o = Server::Defaults();
    o.methods = rows.data();
    Server server(o);
    Holder holder(server.target());
    Outcome r = Channel(server.target()).Unary(kAdd, LoseBytes("hot", 1), 0);
    EXPECT_EQ(r.reason(), "DEADLINE_PASSED");
    EXPECT_FALSE(holder.done());
}

} // namespace
} // namespace test
