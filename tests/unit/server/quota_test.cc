// Limits of calls: the buckets of one replica by a clock of the test's own, and replicas that share a store.
#include "server/gate/quota.h"

#include "base/clock.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace
{

struct quota_limits limits(double caller, double workspace, double burst_seconds = 1)
{
    struct quota_limits l;
    memset(&l, 0, sizeof l);
    l.rate[QUOTA_OF_CALLER][QUOTA_WRITE] = caller;
    l.rate[QUOTA_OF_WORKSPACE][QUOTA_WRITE] = workspace;
    l.burst_seconds = burst_seconds;
    return l;
}

// One replica.
class Replica
{
  public:
    explicit Replica(const struct quota_limits &l, struct kv *kv = nullptr)
    {
        arena_init(&arena, 1u << 20);
        EXPECT_TRUE(is_ok(quota_open(&l, kv, &quota)));
    }
    ~Replica()
    {
        quota_close(quota);
        arena_done(&arena);
    }
    Replica(const Replica &) = delete;
    Replica &operator=(const Replica &) = delete;
    struct status call(const char *caller, const char *workspace = "w", enum quota_class c = QUOTA_WRITE)
    {
        const struct quota_call k = { workspace, caller, c, { own[0], own[1] } };
        return quota_take(quota, &k, now_us, &arena);
    }
    // How many of n calls are let through.
    int calls(int n, const char *caller = "users/ann", const char *workspace = "w")
    {
        int through = 0;
        for (int i = 0; i < n; i++)
            through += is_ok(call(caller, workspace));
        arena_reset(&arena);
        return through;
    }
    struct status sync(int64_t wall_us)
    {
        return quota_sync(quota, wall_us, now_us);
    }
    double own[QUOTA_SUBJECTS] = { 0, 0 }; // the workspace's limits
    int64_t now_us = 1000 * US_PER_SECOND;
    struct arena arena;
    struct quota *quota = nullptr;
};

TEST(Quota, LetsTheBurstThroughAndThenTheRate)
{
    Replica r(limits(10, 0));
    EXPECT_EQ(r.calls(100), 10);
    r.now_us += 100000;
    EXPECT_EQ(r.calls(100), 1);
    r.now_us += 99998;
    EXPECT_EQ(r.calls(100), 0);
    r.now_us += 60 * US_PER_SECOND;
    EXPECT_EQ(r.calls(100), 10) << "no more than a burst, however long nobody called";
}

TEST(Quota, TheBurstIsOneCallAtLeast)
{
    Replica r(limits(0.5, 0, 0.1));
    EXPECT_EQ(r.calls(5), 1);
    r.now_us += 2 * US_PER_SECOND;
    EXPECT_EQ(r.calls(5), 1);
}

TEST(Quota, AWorkspacesOwnLimitsHoldInsteadOfTheServers)
{
    Replica r(limits(10, 0));
    r.own[QUOTA_OF_CALLER] = 3;
    EXPECT_EQ(r.calls(100), 3);
    EXPECT_STREQ(r.call("users/ann").violations->description, "more than 3 write calls a second");
    r.own[QUOTA_OF_CALLER] = 20;
    r.now_us += US_PER_SECOND;
    EXPECT_EQ(r.calls(100), 20) << "above the server's";
    r.own[QUOTA_OF_CALLER] = 0;
    r.now_us += 10 * US_PER_SECOND;
    EXPECT_EQ(r.calls(100), 10) << "the server's again";
    r.own[QUOTA_OF_WORKSPACE] = 4;
    r.now_us += 10 * US_PER_SECOND;
    EXPECT_EQ(r.calls(100), 4) << "where the server has none";
    EXPECT_EQ(r.calls(100, "users/bob"), 0);
}

TEST(Quota, SaysWhoseLimitAndWhenThereIsMore)
{
    Replica r(limits(2, 3));
    EXPECT_EQ(r.calls(2), 2);
    struct status s = r.call("users/ann");
    EXPECT_EQ(s.reason, REASON_QUOTA_EXCEEDED);
    EXPECT_EQ(s.code, CODE_RESOURCE_EXHAUSTED);
    ASSERT_NE(s.violations, nullptr);
    EXPECT_STREQ(s.violations->field, "users/ann");
    EXPECT_STREQ(s.violations->description, "more than 2 write calls a second");
    EXPECT_GE(s.retry_after_ms, 500u);
    EXPECT_LE(s.retry_after_ms, 501u);
    r.now_us += s.retry_after_ms * 1000;
    EXPECT_EQ(r.calls(1), 1) << "the hint holds";
    EXPECT_EQ(r.calls(2, "users/bob"), 1)
        << "one was left of three, one and a half came since, one went to ann";
    s = r.call("users/eve");
    ASSERT_NE(s.violations, nullptr);
    EXPECT_STREQ(s.violations->field, "workspaces/w");
}

TEST(Quota, ACallThatTheWorkspaceRefusesCostsTheCallerNothing)
{
    Replica r(limits(5, 1));
    EXPECT_EQ(r.calls(1, "users/bob"), 1);
    EXPECT_EQ(r.calls(100, "users/ann"), 0);
    r.now_us += US_PER_SECOND;
    EXPECT_EQ(r.calls(1, "users/ann"), 1);
}

TEST(Quota, CallersWorkspacesAndClassesAreApart)
{
    struct quota_limits l = limits(1, 0);
    l.rate[QUOTA_OF_CALLER][QUOTA_BULK] = 1;
    Replica r(l);
    EXPECT_TRUE(is_ok(r.call("users/ann", "w")));
    EXPECT_FALSE(is_ok(r.call("users/ann", "w")));
    EXPECT_TRUE(is_ok(r.call("users/ann", "v")));
    EXPECT_TRUE(is_ok(r.call("users/bob", "w")));
    EXPECT_TRUE(is_ok(r.call("users/ann", "w", QUOTA_BULK)));
    EXPECT_FALSE(is_ok(r.call("users/ann", "w", QUOTA_BULK)));
}

// Names that differ by one letter, and kinds that differ by one: whatever the seed, no two of them share a
// bucket.
TEST(Quota, NoTwoNamesAreTakenForOne)
{
    struct quota_limits l;
    for (auto &of : l.rate)
        for (double &rate : of)
            rate = 1e-6;
    l.burst_seconds = 1e6;
    for (int seed = 0; seed < 8; seed++) {
        Replica r(l);
        for (char w = 'a'; w < 'z'; w = static_cast<char>(w + 2))
            for (int c = QUOTA_READ; c < QUOTA_CLASSES; c++)
                EXPECT_TRUE(is_ok(r.call("users/ann", std::string(1, static_cast<char>(w + c % 2)).c_str(),
                                         static_cast<enum quota_class>(c))))
                    << w << c;
    }
}

TEST(Quota, ZeroIsNoLimit)
{
    Replica r(limits(0, 0));
    EXPECT_EQ(r.calls(100000), 100000);
    for (int i = 0; i < 1000; i++)
        EXPECT_TRUE(is_ok(r.call("users/ann", "w", QUOTA_READ)));
}

TEST(Quota, ManyCallersDoNotMakeItGrowAndTheBusyOnesAreRemembered)
{
    Replica r(limits(100, 0));
    EXPECT_EQ(r.calls(200, "users/busy"), 100);
    for (int i = 0; i < 100000; i++)
        ASSERT_TRUE(is_ok(r.call(("users/" + std::to_string(i)).c_str())));
    EXPECT_EQ(r.calls(100, "users/busy"), 0);
}

TEST(Quota, ThreadsTakeExactlyWhatThereIs)
{
    Replica r(limits(1000, 2500));
    std::vector<std::thread> threads;
    int through[8] = {};
    for (int t = 0; t < 8; t++)
        threads.emplace_back([&r, &through, t] {
            std::string caller = "users/" + std::to_string(t / 2);
            struct arena a;
            arena_init(&a, 1u << 20);
            for (int i = 0; i < 2000; i++) {
                const struct quota_call k = { "w", caller.c_str(), QUOTA_WRITE, { 0, 0 } };
                through[t] += is_ok(quota_take(r.quota, &k, r.now_us, &a));
                arena_reset(&a);
            }
            arena_done(&a);
        });
    for (auto &t : threads)
        t.join();
    int sum = 0;
    for (int n : through)
        sum += n;
    EXPECT_EQ(sum, 2500);
    EXPECT_LE(through[0] + through[1], 1000);
}

// Replicas that share a store. The store's buckets fill by the real clock, so rates are next to nothing where
// the test counts.
class Shared : public testing::Test
{
  protected:
    Shared()
    {
        const struct kv_options o = { "", "", 1, US_PER_SECOND, 64u << 20 };
        arena_init(&arena, 1u << 20);
        EXPECT_TRUE(is_ok(kv_open(&o, &arena, &kv)));
    }
    ~Shared() override
    {
        replicas.clear();
        kv_close(kv);
        arena_done(&arena);
    }
    void open(size_t n, const struct quota_limits &l)
    {
        for (size_t i = 0; i < n; i++)
            replicas.push_back(std::make_unique<Replica>(l, kv));
        sync(); // each has been counted
        next_period();
        sync(); // each has heard of all
    }
    void sync()
    {
        for (auto &r : replicas)
            ASSERT_TRUE(is_ok(r->sync(wall_us)));
    }
    void next_period()
    {
        wall_us += 2 * US_PER_SECOND;
    }
    struct arena arena;
    struct kv *kv = nullptr;
    std::vector<std::unique_ptr<Replica>> replicas;
    int64_t wall_us = 1800000000 * US_PER_SECOND;
};

const struct quota_limits hundred = limits(1e-4, 0, 1e6); // a burst of 100, and no refill to speak of

TEST_F(Shared, ACallerOfOneReplicaGetsTheWholeLimit)
{
    open(4, hundred);
    int through = 0;
    for (int i = 0; i < 100; i++) {
        through += replicas[0]->calls(1000);
        sync();
    }
    EXPECT_EQ(through, 100);
}

TEST_F(Shared, WhatAllLetThroughIsWithinTheStatedError)
{
    open(4, hundred);
    int through = 0;
    for (int i = 0; i < 200; i++) {
        for (auto &r : replicas)
            through += r->calls(1000);
        sync();
    }
    EXPECT_GE(through, 100);
    EXPECT_LE(through, 2 * 100 + 4);
}

// What passes of the real clock, in which buckets fill. A machine that stands still for longer than a bucket
// takes to fill loses the rest.
class Passed
{
  public:
    explicit Passed(double burst_seconds) : most_us_(static_cast<int64_t>(burst_seconds * 1e6)) {}
    // Looks at the clock; for two seconds of which nothing was lost.
    bool on()
    {
        int64_t now = clock_mono_us();
        usable_us_ += std::min(now - last_us_, most_us_);
        last_us_ = now;
        return usable_us_ < 2 * US_PER_SECOND;
    }
    double usable() const
    {
        return static_cast<double>(usable_us_) / 1e6;
    }
    double all() const
    {
        return static_cast<double>(clock_mono_us() - start_us_) / 1e6;
    }

  private:
    int64_t most_us_, start_us_ = clock_mono_us(), last_us_ = start_us_, usable_us_ = 0;
};

TEST_F(Shared, WhatWasSpentTooMuchIsPaidBack)
{
    open(4, limits(1000, 0, 0.1)); // a burst of 100 that fills in a tenth of a second
    Passed time(0.1);
    int through = 0;
    while (time.on()) {
        for (auto &r : replicas) {
            r->now_us = clock_mono_us();
            through += r->calls(50);
        }
        sync();
    }
    EXPECT_LE(through, 1000 * time.all() + 2 * 100 + 4);
    EXPECT_GE(through, 1000 * time.usable() * 0.4);
}

TEST_F(Shared, ALimitOfOneIsNotDividedAway)
{
    open(3, limits(5, 0, 0.2)); // one at once
    Passed time(0.2);
    int through = 0;
    while (time.on()) {
        replicas[2]->now_us = clock_mono_us();
        through += replicas[2]->calls(1);
        sync();
    }
    EXPECT_GE(through, 5 * time.usable() / 2) << "a third of the limit would be 4 of 10";
    EXPECT_LE(through, 5 * time.all() + 1 + 3);
}

TEST_F(Shared, TheHintHoldsForACallerThatWaits)
{
    open(3, limits(2, 0, 0.5)); // one at once
    replicas[0]->now_us = clock_mono_us();
    ASSERT_EQ(replicas[0]->calls(1), 1);
    sync();
    struct status s = replicas[0]->call("users/ann");
    ASSERT_EQ(s.reason, REASON_QUOTA_EXCEEDED);
    EXPECT_LE(s.retry_after_ms, 600u) << "the whole rate brings it, a part of it would take 1500";
    int64_t until = clock_mono_us() + s.retry_after_ms * 1000 + QUOTA_SYNC_US;
    for (int64_t now = 0; now < until;) {
        now = replicas[0]->now_us = clock_mono_us();
        sync();
    }
    EXPECT_EQ(replicas[0]->calls(1), 1);
}

TEST_F(Shared, ClocksMayDifferByNearlyAPeriod)
{
    open(2, hundred);
    for (int i = 0; i < 10; i++) {
        wall_us += 700000;
        ASSERT_TRUE(is_ok(replicas[0]->sync(wall_us)));
        ASSERT_TRUE(is_ok(replicas[1]->sync(wall_us + 1900000)));
        std::string caller = "users/" + std::to_string(i);
        EXPECT_EQ(replicas[0]->calls(1000, caller.c_str()), 50);
        EXPECT_EQ(replicas[1]->calls(1000, (caller + "b").c_str()), 50);
    }
}

TEST_F(Shared, AReplicaThatMissesAPeriodIsStillCounted)
{
    open(2, hundred);
    for (int i = 0; i < 2; i++) {
        next_period();
        ASSERT_TRUE(is_ok(replicas[0]->sync(wall_us)));
    }
    EXPECT_EQ(replicas[0]->calls(1000, "users/bob"), 50);
}

// All that was counted is gone, and this replica is the first to come back.
TEST_F(Shared, AStoreThatComesBackEmptyDividesAsBefore)
{
    open(2, hundred);
    wall_us += 60 * US_PER_SECOND;
    for (int i = 0; i < 2; i++) {
        sync();
        for (auto &r : replicas)
            EXPECT_EQ(r->calls(1000, ("users/bob" + std::to_string(i)).c_str()), 50);
        next_period();
    }
}

// A store that may not say what a number is, though it adds to it.
struct Moody {
    explicit Moody(struct kv *kv) : inner(kv)
    {
        memset(&ops, 0, sizeof ops);
        ops.name = "moody";
        ops.add = [](struct kv *kv, const char *key, int64_t n, int64_t ttl_ms, int64_t *ret) {
            const Moody *m = reinterpret_cast<Moody *>(kv);
            return m->silent && n == 0 ? fail(nullptr, REASON_KV_UNAVAILABLE, "as planned")
                                       : m->inner->ops->add(m->inner, key, n, ttl_ms, ret);
        };
        ops.charge = [](struct kv *kv, struct kv_bucket *buckets, size_t n) {
            const Moody *m = reinterpret_cast<Moody *>(kv);
            return m->inner->ops->charge(m->inner, buckets, n);
        };
    }
    struct kv base = { &ops };
    struct kv_ops ops;
    struct kv *inner;
    bool silent = false;
};

TEST_F(Shared, AReplicaIsCountedOnceHoweverOftenItHadToAsk)
{
    Moody moody(kv);
    Replica r(hundred, reinterpret_cast<struct kv *>(&moody));
    moody.silent = true;
    for (int i = 0; i < 10; i++)
        EXPECT_EQ(r.sync(wall_us).reason, REASON_KV_UNAVAILABLE);
    moody.silent = false;
    ASSERT_TRUE(is_ok(r.sync(wall_us)));
    EXPECT_EQ(r.calls(1000), 100) << "all is this replica's";
}

TEST_F(Shared, ReplicasThatEndAreNotCounted)
{
    open(2, hundred);
    replicas.pop_back();
    EXPECT_EQ(replicas[0]->calls(1000), 50) << "half is this replica's";
    for (int i = 0; i < 3; i++) {
        next_period();
        sync();
    }
    int rest = 0;
    for (int i = 0; i < 10; i++) {
        rest += replicas[0]->calls(1000);
        sync();
    }
    EXPECT_EQ(rest, 50);
    EXPECT_EQ(replicas[0]->calls(1000, "users/bob"), 100) << "all is this replica's";
}

} // namespace
