// What is in service: loaded once, held while in use, changed at once here and soon elsewhere.
#include "agents/record/active.h"
#include "tests/unit/agents/harness.h"

#include <atomic>
#include <thread>

namespace
{

using harness::House;

std::atomic<int> loads, alive, slow_ms;
std::atomic<bool> held; // loads do not end

// What a loader makes of "id" and "version": their text.
struct status load_text(ctx *c, const char *id, const char *version, void **ret)
{
    if (std::string(id) == "broken")
        return fail(c->arena, REASON_MODEL_INVALID, "broken");
    loads++;
    alive++;
    do
        std::this_thread::sleep_for(std::chrono::milliseconds(slow_ms.load()));
    while (held);
    *ret = new std::string(std::string(id) + ":" + version);
    return ok();
}

void unload_text(void *p)
{
    alive--;
    delete static_cast<std::string *>(p);
}

const active_loader loaders[ACTIVE_SLOTS] = {
    { "model", load_text, unload_text },
    { "routing_policy", load_text, unload_text },
    { "engagement_model", load_text, unload_text },
    { "journeys", load_text, unload_text },
};

class Active : public testing::Test
{
  protected:
    void SetUp() override
    {
        loads = alive = slow_ms = 0;
        arena_init(&memory, 1 << 20);
        house.app.active = start();
    }
    void TearDown() override
    {
        active_close(house.app.active);
        EXPECT_EQ(alive, 0);
        arena_done(&memory);
    }

    struct active *start()
    {
        struct active *v = nullptr;
        EXPECT_EQ(active_open(loaders, &memory, &v).code, CODE_OK);
        return v;
    }

    std::string get(active_slot slot = ACTIVE_MODEL)
    {
        std::string text;
        auto a = house.run([&](ctx *c) {
            void *p = nullptr;
            TRY(active_get(c, slot, &p));
            text = *static_cast<std::string *>(p);
            return ok();
        });
        return a.ok_() ? text : a.reason();
    }
    std::string put(const char *id, const char *version, active_slot slot = ACTIVE_MODEL)
    {
        return house.run([&](ctx *c) { return active_put(c, slot, id, version); }).reason();
    }
    std::string rollback(active_slot slot = ACTIVE_MODEL)
    {
        std::string text;
        auto a = house.run([&](ctx *c) {
            const char *id = nullptr, *version = nullptr;
            TRY(active_rollback(c, slot, REASON_MODEL_STATE, &id, &version));
            text = std::string(id) + ":" + version;
            return ok();
        });
        return a.ok_() ? text : a.reason();
    }

    House house{ { &active_statements } };
    arena memory;
};

TEST_F(Active, StartsWithTheBuiltInAndLoadsOnce)
{
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(loads, 1);
    house.workspace = "another";
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(get(ACTIVE_POLICY), ":");
    EXPECT_EQ(loads, 3);
}

TEST_F(Active, AChangeIsSeenAtOnceAndOnlyInItsWorkspaceAndSlot)
{
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(put("m", "1"), "OK");
    EXPECT_EQ(get(), "m:1");
    EXPECT_EQ(put("m", "2"), "OK");
    EXPECT_EQ(get(), "m:2");
    EXPECT_EQ(get(ACTIVE_ENGAGEMENT), ":");
    house.workspace = "another";
    EXPECT_EQ(get(), ":");
}

TEST_F(Active, RollbackGoesBackStepByStepToTheBuiltIn)
{
    EXPECT_EQ(rollback(), "MODEL_STATE");
    put("m", "1");
    put("n", "1");
    put("n", "2");
    EXPECT_EQ(rollback(), "n:1");
    EXPECT_EQ(get(), "n:1");
    EXPECT_EQ(rollback(), "m:1");
    EXPECT_EQ(rollback(), ":");
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(rollback(), "MODEL_STATE");
    put("m", "3");
    EXPECT_EQ(rollback(), ":");
}

TEST_F(Active, RemembersAtMost64StepsBack)
{
    for (int i = 1; i <= 70; i++)
        ASSERT_EQ(put("m", std::to_string(i).c_str()), "OK");
    for (int i = 69; i >= 6; i--)
        ASSERT_EQ(rollback(), "m:" + std::to_string(i));
    EXPECT_EQ(rollback(), "MODEL_STATE");
}

TEST_F(Active, ACallKeepsItsVersionWhileAnotherIsPutIntoService)
{
    put("m", "1");
    arena held;
    arena_init(&held, 1 << 20);
    unit u = {};
    ctx c = house.make(&held, &u);
    void *p = nullptr;
    ASSERT_EQ(active_get(&c, ACTIVE_MODEL, &p).code, CODE_OK);
    db_read_done(&c);
    put("m", "2");
    EXPECT_EQ(get(), "m:2");
    EXPECT_EQ(*static_cast<std::string *>(p), "m:1");
    EXPECT_EQ(alive, 2);
    arena_reset(&held);
    EXPECT_EQ(alive, 1);
    arena_done(&held);
}

TEST_F(Active, AnOldSnapshotNeverBringsAnOldVersionBack)
{
    put("m", "1");
    arena old;
    arena_init(&old, 1 << 20);
    unit u = {};
    ctx c = house.make(&old, &u);
    const char *id = nullptr, *version = nullptr;
    ASSERT_EQ(active_read(&c, ACTIVE_MODEL, &id, &version).code, CODE_OK); // the snapshot opens here
    put("m", "2");
    void *p = nullptr;
    ASSERT_EQ(active_get(&c, ACTIVE_MODEL, &p).code, CODE_OK);
    EXPECT_EQ(*static_cast<std::string *>(p), "m:1");
    EXPECT_EQ(get(), "m:2");
    db_read_done(&c);
    arena_done(&old);
    EXPECT_EQ(get(), "m:2");
}

TEST_F(Active, AnotherReplicaSeesAChangeAfterItsRefresh)
{
    struct active *here = house.app.active, *there = start();
    house.app.active = there;
    EXPECT_EQ(get(), ":");
    house.app.active = here;
    put("m", "1");
    house.app.active = there;
    EXPECT_EQ(get(), ":");
    EXPECT_EQ(house.run([](ctx *c) { return active_refresh(c); }).reason(), "OK");
    EXPECT_EQ(get(), "m:1");
    active_close(there);
    house.app.active = here;
}

TEST_F(Active, ManyThreadsLoadOnce)
{
    slow_ms = 50;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] { EXPECT_EQ(get(), ":"); });
    for (auto &t : threads)
        t.join();
    EXPECT_EQ(loads, 1);
}

TEST_F(Active, WaitingEndsWithTheDeadline)
{
    held = true;
    std::thread loader([&] { get(); });
    while (loads == 0)
        std::this_thread::yield();
    arena a;
    arena_init(&a, 1 << 20);
    unit u = {};
    ctx c = house.make(&a, &u);
    c.deadline_us = clock_mono_us() + 20000;
    void *p = nullptr;
    EXPECT_EQ(active_get(&c, ACTIVE_MODEL, &p).reason, REASON_DEADLINE_PASSED);
    arena_done(&a);
    held = false;
    loader.join();
}

TEST_F(Active, AFailedLoadIsToldAndTriedAgain)
{
    put("broken", "1");
    EXPECT_EQ(get(), "INTERNAL");
    EXPECT_EQ(get(), "INTERNAL");
    EXPECT_EQ(rollback(), ":");
    EXPECT_EQ(get(), ":");
}

TEST_F(Active, OneOfTwoConcurrentChangesIsDecidedAgain)
{
    int others = 0;
    house.before_commit = [&] {
        if (others++ == 0) {
            auto hook = std::move(house.before_commit);
            house.before_commit = nullptr;
            EXPECT_EQ(put("other", "1"), "OK");
        }
    };
    auto a = house.run([&](ctx *c) { return active_put(c, ACTIVE_MODEL, "m", "1"); });
    EXPECT_EQ(a.reason(), "OK");
    EXPECT_EQ(a.attempts, 1);
    EXPECT_EQ(rollback(), "other:1");
}

} // namespace
