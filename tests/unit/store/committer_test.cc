// The queue of the committer, over a database whose writes the test holds up.
#include "store/committer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace
{

// A database port that notes its groups and waits at a gate while that is shut.
struct GateDb {
    struct db base;
    struct db_ops ops;
    std::mutex lock;
    std::condition_variable changed;
    bool open = true;
    struct unit *fails = nullptr;
    size_t waiting = 0;
    std::vector<size_t> groups;
    std::vector<struct unit *> order;
    std::atomic<int> upkeeps{ 0 };

    GateDb()
    {
        memset(&ops, 0, sizeof ops);
        ops.name = "gate";
        ops.write = [](struct db *db, struct unit **units, size_t n) {
            reinterpret_cast<GateDb *>(db)->write(units, n);
        };
        ops.upkeep = [](struct db *db) { reinterpret_cast<GateDb *>(db)->upkeeps++; };
        base.ops = &ops;
    }
    void write(struct unit **units, size_t n)
    {
        std::unique_lock<std::mutex> l(lock);
        waiting++;
        changed.notify_all();
        changed.wait(l, [&] { return open; });
        waiting--;
        groups.push_back(n);
        for (size_t i = 0; i < n; i++) {
            units[i]->outcome = units[i] == fails ? fail(NULL, REASON_CONFLICT, "as planned") : ok();
            order.push_back(units[i]);
        }
    }
    void shut()
    {
        std::lock_guard<std::mutex> l(lock);
        open = false;
    }
    void wait_until_held()
    {
        std::unique_lock<std::mutex> l(lock);
        changed.wait(l, [&] { return waiting > 0; });
    }
    void let_go()
    {
        std::lock_guard<std::mutex> l(lock);
        open = true;
        changed.notify_all();
    }
};

struct TestUnit {
    struct unit unit;
    struct arena arena;
    std::atomic<int> done{ 0 };

    TestUnit()
    {
        memset(&unit, 0, sizeof unit);
        arena_init(&arena, 1 << 20);
        unit.arena = &arena;
        unit.workspace = "default";
        unit.done = [](struct unit *, void *arg) { static_cast<TestUnit *>(arg)->done++; };
        unit.arg = this;
    }
    ~TestUnit()
    {
        arena_done(&arena);
    }
};

class Committer : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&arena, 1 << 20);
    }
    void TearDown() override
    {
        committer_stop(committer);
        arena_done(&arena);
    }
    void start(size_t limit)
    {
        ASSERT_TRUE(is_ok(committer_start(&db.base, limit, &arena, &committer)));
    }
    struct status submit(TestUnit &u)
    {
        return committer_submit(committer, &u.unit);
    }
    GateDb db;
    struct arena arena;
    struct committer *committer = nullptr;
};

TEST_F(Committer, TakesWhatIsQueuedInTheOrderOfSubmission)
{
    start(100);
    std::vector<TestUnit> units(10);
    db.shut();
    ASSERT_TRUE(is_ok(submit(units[0])));
    db.wait_until_held();
    for (size_t i = 1; i < units.size(); i++)
        ASSERT_TRUE(is_ok(submit(units[i])));
    db.let_go();
    committer_stop(committer);
    EXPECT_EQ(db.groups, (std::vector<size_t>{ 1, 9 }));
    for (size_t i = 0; i < units.size(); i++) {
        EXPECT_EQ(db.order[i], &units[i].unit);
        EXPECT_EQ(units[i].done, 1);
    }
    EXPECT_EQ(db.upkeeps, 2);
}

TEST_F(Committer, NewsAreToldOnceAGroupAndOnlyWhereTheyAreDurable)
{
    std::atomic<int> told{ 0 };
    start(100);
    committer_on_news(
        committer, [](void *arg) { ++*static_cast<std::atomic<int> *>(arg); }, &told);
    std::vector<TestUnit> units(6);
    for (size_t i : { 2, 3 })
        units[i].unit.news = true;
    units[4].unit.news = true;
    db.fails = &units[4].unit;
    db.shut();
    ASSERT_TRUE(is_ok(submit(units[0])));
    db.wait_until_held();
    for (size_t i : { 1, 2, 3 })
        ASSERT_TRUE(is_ok(submit(units[i])));
    db.let_go();
    while (!units[3].done)
        std::this_thread::yield();
    EXPECT_EQ(committer_run(committer, &units[4].unit).reason, REASON_CONFLICT);
    EXPECT_EQ(told, 1);
    committer_on_news(committer, nullptr, nullptr);
    units[5].unit.news = true;
    EXPECT_TRUE(is_ok(committer_run(committer, &units[5].unit)));
    committer_stop(committer);
    EXPECT_EQ(told, 1);
}

TEST_F(Committer, AFullQueueRefusesAndDoneIsNeverCalled)
{
    start(3);
    std::vector<TestUnit> units(4);
    db.shut();
    for (int i = 0; i < 3; i++)
        ASSERT_TRUE(is_ok(submit(units[static_cast<size_t>(i)])));
    struct status s = submit(units[3]);
    EXPECT_EQ(s.reason, REASON_OVERLOADED);
    EXPECT_GT(s.retry_after_ms, 0u);
    db.let_go();
    committer_stop(committer);
    EXPECT_EQ(units[2].done, 1);
    EXPECT_EQ(units[3].done, 0);
}

// Linked as committer_submit_chain takes them.
struct unit *chain_of(TestUnit *units, size_t n)
{
    units[0].unit.next = nullptr;
    for (size_t i = 1; i < n; i++)
        units[i].unit.next = &units[i - 1].unit;
    return &units[n - 1].unit;
}
struct unit *chain_of(std::vector<TestUnit> &units)
{
    return chain_of(units.data(), units.size());
}

TEST_F(Committer, AChainSharesACommit)
{
    start(100);
    std::vector<TestUnit> units(40);
    committer_submit_chain(committer, nullptr);
    committer_submit_chain(committer, chain_of(units));
    committer_stop(committer);
    EXPECT_EQ(db.groups, (std::vector<size_t>{ 40 }));
    for (size_t i = 0; i < units.size(); i++) {
        EXPECT_EQ(db.order[i], &units[i].unit);
        EXPECT_EQ(units[i].done, 1);
    }
}

TEST_F(Committer, WhatOfAChainIsRefusedIsToldAtOnce)
{
    start(3);
    std::vector<TestUnit> units(5), late(2);
    (void)arena_alloc(&units[3].arena, 2 << 20);
    db.shut();
    committer_submit_chain(committer, chain_of(units));
    EXPECT_EQ(units[3].unit.outcome.reason, REASON_REQUEST_TOO_LARGE);
    EXPECT_EQ(units[3].done, 1);
    EXPECT_EQ(units[0].unit.outcome.reason, REASON_OVERLOADED) << "the oldest is the last in line";
    EXPECT_EQ(units[0].done, 1);
    EXPECT_EQ(units[1].done, 0);
    db.let_go();
    committer_stop(committer);
    EXPECT_EQ(db.groups, (std::vector<size_t>{ 3 }));
    committer_submit_chain(committer, chain_of(late));
    for (TestUnit &u : late) {
        EXPECT_EQ(u.unit.outcome.reason, REASON_DRAINING);
        EXPECT_EQ(u.done, 1);
    }
}

TEST_F(Committer, GroupsAreLimitedByUnitsAndBytes)
{
    start(10000);
    std::vector<TestUnit> units(2601);
    db.shut();
    ASSERT_TRUE(is_ok(submit(units[0])));
    db.wait_until_held();
    for (size_t i = 1; i < units.size(); i++) {
        units[i].unit.bytes = i > 2598 ? 7u << 20 : 100;
        ASSERT_TRUE(is_ok(submit(units[i])));
    }
    db.let_go();
    committer_stop(committer);
    EXPECT_EQ(db.groups, (std::vector<size_t>{ 1, 1024, 1024, 551, 1 }));
}

TEST_F(Committer, MemoryThatRanOutIsFoundAtTheSubmission)
{
    start(10);
    TestUnit u;
    (void)arena_alloc(&u.arena, 2 << 20);
    EXPECT_EQ(submit(u).reason, REASON_REQUEST_TOO_LARGE);
    EXPECT_EQ(u.done, 0);
}

TEST_F(Committer, AStoppedOneDrainsAndRefuses)
{
    start(1000);
    std::vector<TestUnit> units(100);
    for (TestUnit &u : units)
        ASSERT_TRUE(is_ok(submit(u)));
    committer_stop(committer);
    for (TestUnit &u : units)
        EXPECT_EQ(u.done, 1);
    TestUnit late;
    EXPECT_EQ(submit(late).reason, REASON_DRAINING);
    EXPECT_EQ(late.done, 0);
    committer_stop(committer);
    committer_stop(nullptr);
}

TEST_F(Committer, StopRacesWithSubmittersAndEachUnitIsEitherDoneOrRefused)
{
    for (int round = 0; round < 20; round++) {
        start(100000);
        std::vector<TestUnit> units(4 * 500);
        std::vector<std::atomic<int>> accepted(units.size());
        std::vector<std::thread> threads;
        for (size_t t = 0; t < 4; t++)
            threads.emplace_back([&, t] {
                for (size_t i = t * 500; i < (t + 1) * 500; i++)
                    accepted[i] = is_ok(submit(units[i]));
            });
        while (units[100].done == 0 && accepted[0] == 0)
            std::this_thread::yield();
        committer_stop(committer);
        for (std::thread &t : threads)
            t.join();
        for (size_t i = 0; i < units.size(); i++)
            ASSERT_EQ(units[i].done, accepted[i].load()) << i;
        struct committer_stats stats;
        committer_stats(committer, &stats);
        EXPECT_EQ(stats.queued, 0u);
        committer = nullptr;
    }
}

TEST_F(Committer, StopRacesWithChainsAndEachUnitIsToldOnce)
{
    const size_t chains = 100, length = 5;
    for (int round = 0; round < 20; round++) {
        start(100000);
        std::vector<TestUnit> units(4 * chains * length);
        std::vector<std::thread> threads;
        for (size_t t = 0; t < 4; t++)
            threads.emplace_back([&, t] {
                for (size_t i = t * chains; i < (t + 1) * chains; i++)
                    committer_submit_chain(committer, chain_of(&units[i * length], length));
            });
        while (units[0].done == 0)
            std::this_thread::yield();
        committer_stop(committer);
        for (std::thread &t : threads)
            t.join();
        for (size_t i = 0; i < units.size(); i++)
            ASSERT_EQ(units[i].done, 1) << i;
        struct committer_stats stats;
        committer_stats(committer, &stats);
        EXPECT_EQ(stats.queued, 0u);
        committer = nullptr;
    }
}

TEST_F(Committer, RunWaitsForTheOutcome)
{
    start(10);
    TestUnit u;
    EXPECT_TRUE(is_ok(committer_run(committer, &u.unit)));
    EXPECT_EQ(db.groups, std::vector<size_t>{ 1 });
}

} // namespace
