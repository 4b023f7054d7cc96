// What the PostgreSQL backend must do when its server stops, dies, is slow or full.
#include "tests/contract/postgres_fixture.h"

#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <unistd.h>

namespace
{

class PostgresFault : public PostgresTest
{
};

TEST_P(PostgresFault, AwayAndBackAgain)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    ASSERT_TRUE(is_ok(triage(c, "w", "before")));
    ASSERT_TRUE(is_ok(ping()));
    control("stop");
    EXPECT_EQ(triage(c, "w", "away").reason, REASON_STORE_UNAVAILABLE);
    int64_t start = clock_mono_us();
    EXPECT_EQ(triage(c, "w", "away").reason, REASON_STORE_UNAVAILABLE);
    EXPECT_LT(clock_mono_us() - start, 20 * US_PER_SECOND) << "it has to say so at once";
    EXPECT_EQ(db->ops->ping(db).reason, REASON_STORE_UNAVAILABLE);
    struct db *none = nullptr;
    EXPECT_EQ(try_open(nullptr, &none).reason, REASON_STORE_UNAVAILABLE);
    control("start");
    start = clock_mono_us();
    struct status s;
    while (!is_ok(s = triage(c, "w", "after")) && clock_mono_us() - start < 60 * US_PER_SECOND)
        usleep(20000);
    EXPECT_TRUE(is_ok(s)) << "not back within a minute: " << s.message;
    EXPECT_TRUE(is_ok(ping()));
    committer_stop(c);
    EXPECT_EQ(count("w"), (Counts{ 2, 2, 2, 2, 2 }));
}

TEST_P(PostgresFault, AServerThatDiesUnderLoadLosesNothingItConfirmed)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    std::map<std::string, enum reason> outcome;
    std::atomic<bool> over(false);
    std::thread load([&] {
        enum reason last = REASON_NONE;
        for (int i = 0; !over || last != REASON_NONE; i++) { /* until it is served again */
            std::string id = std::to_string(i);
            outcome[id] = last = static_cast<enum reason>(triage(c, "w", id).reason);
            if (last != REASON_NONE)
                usleep(5000);
        }
    });
    for (int i = 0; i < 3; i++) {
        usleep(300000);
        control("crash");
        usleep(200000);
        control("start");
    }
    over = true;
    load.join();
    committer_stop(c);
    int64_t confirmed = 0, unknown = 0;
    for (const auto &o : outcome) {
        confirmed += o.second == REASON_NONE;
        unknown += o.second == REASON_COMMIT_UNKNOWN;
        EXPECT_TRUE(o.second == REASON_NONE || o.second == REASON_COMMIT_UNKNOWN ||
                    o.second == REASON_STORE_UNAVAILABLE)
            << reason_name(o.second);
    }
    Counts n = count("w");
    EXPECT_EQ(n, (Counts{ n[0], n[0], n[0], n[0], n[0] }));
    EXPECT_GE(n[0], confirmed);
    EXPECT_LE(n[0], confirmed + unknown) << "what was refused is there";
    Memory m;
    for (const auto &o : outcome)
        if (o.second == REASON_NONE) {
            struct rows r = query(&m.arena, &spine_lead_get, { v_text("w"), v_text(o.first.c_str()) });
            EXPECT_EQ(r.n, 1u) << o.first;
            arena_reset(&m.arena);
        }
}

TEST_P(PostgresFault, FullDiskIsStoreFull)
{
    open();
    postgres_exec(url,
                  "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS \\$\\$ BEGIN IF NEW.id = "
                  "'full' THEN "
                  "RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END IF; RETURN NEW; END \\$\\$; "
                  "CREATE TRIGGER full_disk BEFORE INSERT ON lead FOR EACH ROW EXECUTE FUNCTION full_disk()");
    struct committer *c = start_committer(db, &memory.arena);
    EXPECT_EQ(triage(c, "w", "full").reason, REASON_STORE_FULL);
    EXPECT_TRUE(is_ok(triage(c, "w", "fits")));
    committer_stop(c);
}

TEST_P(PostgresFault, AQueryEndsAtTheDeadline)
{
    static const struct stmt sleep = { "sleep", "d", "t", "SELECT pg_sleep($1)::text", nullptr, nullptr };
    static const struct stmt running = {
        "running",
        "",
        "i",
        "SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
        nullptr,
        nullptr
    };
    open();
    ASSERT_TRUE(is_ok(ping())); /* so that there is a connection */
    Memory m;
    int64_t start = clock_mono_us();
    struct ctx c = reading(db, &m.arena, start + US_PER_SECOND / 5);
    struct rows r;
    struct value seconds = v_real(50); /* a statement_timeout comes later */
    EXPECT_EQ(db_query(&c, &sleep, &seconds, &r).reason, REASON_DEADLINE_PASSED);
    db_read_done(&c);
    EXPECT_LT(clock_mono_us() - start, 20 * US_PER_SECOND);
    while (numbers(&running, {}) != Counts{ 0 } && clock_mono_us() - start < 40 * US_PER_SECOND)
        usleep(20000);
    EXPECT_EQ(numbers(&running, {}), Counts{ 0 }) << "the server still works for a caller that is gone";
}

// Who is short of time does not have the server make a connection for each call.
TEST_P(PostgresFault, ShortDeadlinesCostNoConnections)
{
    static const struct stmt who = { "who", "", "i", "SELECT pg_backend_pid()::bigint", nullptr, nullptr };
    open();
    std::set<int64_t> connections;
    int late = 0;
    for (int i = 0; late < 1000; i++) { // some three thousand calls; more where the machine is fast
        Memory m;
        struct ctx c = reading(db, &m.arena, i % 10 ? clock_mono_us() + i % 100 : INT64_MAX);
        struct rows r;
        struct status s = db_query(&c, &who, nullptr, &r);
        if (is_ok(s))
            connections.insert(row_at(&r, 0)[0].i);
        late += clock_mono_us() >= c.deadline_us;
        db_read_done(&c);
    }
    EXPECT_LT(connections.size(), 20u);
}

TEST_P(PostgresFault, ReadersWaitForAConnectionUntilTheDeadline)
{
    open();
    struct db_read *held[4], *more = nullptr;
    for (struct db_read *&h : held)
        ASSERT_TRUE(is_ok(db->ops->read_begin(db, clock_mono_us() + 60 * US_PER_SECOND, &h)));
    EXPECT_EQ(db->ops->read_begin(db, clock_mono_us() + US_PER_SECOND / 20, &more).reason,
              REASON_DEADLINE_PASSED);
    std::thread later([&] {
        usleep(50000);
        db->ops->read_end(held[0]);
    });
    EXPECT_TRUE(is_ok(db->ops->read_begin(db, clock_mono_us() + 60 * US_PER_SECOND, &more)));
    later.join();
    db->ops->read_end(more);
    for (int i = 1; i < 4; i++)
        db->ops->read_end(held[i]);
}

TEST_P(PostgresFault, APlanMadeOfAnEmptyTableServesAFullOne)
{
    static const struct stmt plan = { "plan_newest", "",
                                      "t",           "EXPLAIN SELECT COALESCE(MAX(seq), 0) FROM event",
                                      nullptr,       nullptr };
    open();
    Memory m;
    struct rows rows = query(&m.arena, &plan, {});
    std::string text;
    for (size_t i = 0; i < rows.n; i++)
        text += std::string(row_at(&rows, i)[0].s.p) + "\n";
    EXPECT_EQ(text.find("Seq Scan"), std::string::npos) << text;
    EXPECT_NE(text.find("Index"), std::string::npos) << text;
}

TEST_P(PostgresFault, ThePasswordIsNeverTold)
{
    const char *urls[] = {
        "postgresql://u:canary-word@127.0.0.1:1/x",
        "postgresql://u:canary-word@127.0.0.1:1/x?nonsense=canary-word",
        "postgresql://u:canary-word%zz@127.0.0.1/x",
        "mysql://u:canary-word@127.0.0.1/x",
    };
    for (const char *u : urls) {
        url = u;
        struct db *d = nullptr;
        struct status s = try_open(nullptr, &d);
        ASSERT_FALSE(is_ok(s));
        EXPECT_EQ(strstr(s.message, "canary"), nullptr) << s.message;
    }
}

INSTANTIATE_TEST_SUITE_P(Databases, PostgresFault, testing::Values("postgresql"));

} // namespace
