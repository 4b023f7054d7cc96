// What every database behind the port must do when something dies, fills up, or is not there.
#include "tests/contract/db_fault.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <random>
#include <set>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace
{

TEST_P(DbFault, EightSubmittersAndNoUnitLost)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    std::atomic<int> good(0), conflicts(0), other(0);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; t++)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 100; i++) {
                /* Every fifth lead is one that all threads want. */
                std::string id =
                    i % 5 ? std::to_string(t) + "-" + std::to_string(i) : "shared-" + std::to_string(i);
                struct status s = triage(c, "w", id);
                (is_ok(s) ? good : s.reason == REASON_LEAD_ALREADY_EXISTS ? conflicts : other)++;
            }
        });
    for (std::thread &t : threads)
        t.join();
    struct committer_stats stats;
    committer_stats(c, &stats);
    committer_stop(c);
    EXPECT_EQ(other, 0);
    EXPECT_EQ(good, 8 * 80 + 20);
    EXPECT_EQ(conflicts, 7 * 20);
    EXPECT_EQ(stats.units, 800u);
    EXPECT_EQ(stats.failed_units, 140u);
    EXPECT_EQ(stats.queued, 0u);
    EXPECT_EQ(count("w"), (Counts{ 660, 660, 660, 660, 660 }));
}

TEST_P(DbFault, StoppingWritesWhatIsQueued)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    Units units;
    std::atomic<int> done(0);
    for (int i = 0; i < 3000; i++) {
        struct unit *u = units.add();
        spine_triage(u, "w", std::to_string(i).c_str(), 1, str_make(blob.data(), blob.size()));
        u->done = [](struct unit *self, void *arg) {
            EXPECT_TRUE(is_ok(self->outcome)) << self->outcome.message;
            (*static_cast<std::atomic<int> *>(arg))++;
        };
        u->arg = &done;
        ASSERT_TRUE(is_ok(committer_submit(c, u)));
    }
    committer_stop(c);
    EXPECT_EQ(done, 3000);
    EXPECT_EQ(triage(c, "w", "late").reason, REASON_DRAINING);
    EXPECT_EQ(count("w")[0], 3000);
}

const struct migration two_steps[] = {
    { 1, "0001_one", "CREATE TABLE one (\n    a BIGINT NOT NULL\n);\nINSERT INTO one (a) VALUES (1);\n" },
    { 2, "0002_two", "CREATE TABLE two (\n    a BIGINT NOT NULL\n);\nINSERT INTO one (a) VALUES (2);\n" },
    { 0, nullptr, nullptr },
};
const struct stmt count_one = { "count_one", "", "i", "SELECT COUNT(*) FROM one", nullptr, nullptr };

TEST_P(DbFault, MigrationsRunOnceAndANewerSchemaIsRefused)
{
    const struct migration first_only[] = { two_steps[0], { 0, nullptr, nullptr } };
    open(first_only);
    EXPECT_EQ(numbers(&count_one, {}), Counts{ 1 });
    close();
    struct db *reader = nullptr;
    struct status s = try_open(two_steps, &reader, true);
    EXPECT_EQ(s.reason, REASON_STORE_UNAVAILABLE) << "a tool does not migrate";
    for (int i = 0; i < 2; i++) {
        open(two_steps);
        EXPECT_EQ(numbers(&count_one, {}), Counts{ 2 });
        close();
    }
    struct db *newer = nullptr;
    s = try_open(first_only, &newer);
    EXPECT_EQ(s.reason, REASON_STORE_UNAVAILABLE);
    EXPECT_NE(strstr(s.message, "newer program"), nullptr) << s.message;
    ASSERT_TRUE(is_ok(try_open(two_steps, &reader, true)));
    db = reader;
    EXPECT_EQ(numbers(&count_one, {}), Counts{ 2 });
}

TEST_P(DbFault, AFailedMigrationLeavesNothing)
{
    const struct migration broken[] = {
        two_steps[0],
        { 2, "0002_broken", "INSERT INTO one (a) VALUES (2);\nINSERT INTO missing (a) VALUES (1);\n" },
        { 0, nullptr, nullptr },
    };
    struct db *none = nullptr;
    struct status s = try_open(broken, &none);
    EXPECT_FALSE(is_ok(s));
    EXPECT_NE(strstr(s.message, "0002_broken"), nullptr) << s.message;
    open(two_steps);
    EXPECT_EQ(numbers(&count_one, {}), Counts{ 2 });
}

TEST_P(DbFault, MigratingProcessKilledAnywhereIsResumed)
{
    std::mt19937 random(11);
    for (int round = 0; round < 8; round++) {
        pid_t child = fork();
        if (child == 0) {
            struct db *d = nullptr;
            _exit(is_ok(try_open(two_steps, &d)) ? 0 : 1);
        }
        usleep(static_cast<useconds_t>(random() % 20000));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
    }
    open(two_steps);
    EXPECT_EQ(numbers(&count_one, {}), Counts{ 2 });
}

// The child writes the name of each unit into the pipe once it was told that the unit is durable.
[[noreturn]] void write_until_killed(struct db *db, int pipe_fd, int round)
{
    Memory m;
    struct committer *c = start_committer(db, &m.arena);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([=] {
            std::string data(600, 'k');
            for (int i = 0;; i++) {
                Memory unit_memory;
                struct unit u;
                char line[32];
                int n = snprintf(line, sizeof line, "%d-%d-%d\n", round, t, i);
                memset(&u, 0, sizeof u);
                u.arena = &unit_memory.arena;
                spine_triage(&u, "w", std::string(line, static_cast<size_t>(n) - 1).c_str(), 1,
                             str_make(data.data(), data.size()));
                if (!is_ok(committer_run(c, &u)) || write(pipe_fd, line, static_cast<size_t>(n)) != n)
                    _exit(3);
            }
        });
    for (;;)
        pause();
}

// Waits until so many bytes can be read, a minute at most.
bool has_written(int pipe_fd, int bytes)
{
    int n = 0;
    for (int64_t limit = clock_mono_us() + 60 * US_PER_SECOND; n < bytes && clock_mono_us() < limit;
         usleep(1000))
        if (ioctl(pipe_fd, FIONREAD, &n))
            return false;
    return n >= bytes;
}

TEST_P(DbFault, KilledUnderLoadKeepsWhatItAcknowledgedAndNothingByHalves)
{
    static const struct stmt have = { "have_lead", "t",    "t", "SELECT id FROM lead WHERE workspace = $1",
                                      nullptr,     nullptr };
    static const struct stmt halves = {
        "halves",
        "",
        "i",
        "SELECT COUNT(*) FROM lead l WHERE "
        "NOT EXISTS (SELECT 1 FROM decision d WHERE d.workspace = l.workspace AND d.id = l.id) "
        "OR (SELECT COUNT(*) FROM lead) <> (SELECT COUNT(*) FROM idempotency)",
        nullptr,
        nullptr
    };
    open();
    close();
    std::set<std::string> acknowledged;
    std::mt19937 random(3);
    for (int round = 0; round < 5; round++) {
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            struct db *d = nullptr;
            if (!is_ok(try_open(nullptr, &d)))
                _exit(2);
            write_until_killed(d, ends[1], round);
        }
        ::close(ends[1]);
        EXPECT_TRUE(has_written(ends[0], 100)) << "it writes nothing";
        usleep(300000 + static_cast<useconds_t>(random() % 300000));
        kill(child, SIGKILL);
        int how = 0;
        waitpid(child, &how, 0);
        EXPECT_TRUE(WIFSIGNALED(how)) << "the child failed by itself: " << WEXITSTATUS(how);
        FILE *f = fdopen(ends[0], "r");
        char line[64];
        while (fgets(line, sizeof line, f))
            acknowledged.insert(std::string(line, strcspn(line, "\n")));
        fclose(f);
        open();
        Memory m;
        struct rows r = query(&m.arena, &have, { v_text("w") });
        std::set<std::string> found;
        for (size_t i = 0; i < r.n; i++)
            found.insert(row_at(&r, i)->s.p);
        for (const std::string &id : acknowledged)
            ASSERT_TRUE(found.count(id)) << "acknowledged and gone: " << id;
        Counts n = count("w");
        EXPECT_EQ(n, (Counts{ n[0], n[0], n[0], n[0], n[0] }));
        EXPECT_EQ(numbers(&halves, {}), Counts{ 0 });
        close();
    }
    EXPECT_GT(acknowledged.size(), 10u) << "the load was no load";
}

INSTANTIATE_TEST_SUITE_P(Databases, DbFault, testing::Values("sqlite", "postgresql"));

class SqliteFault : public DbFault
{
};

TEST_P(SqliteFault, AFullDatabaseRefusesAndRecovers)
{
    static const struct stmt drop = { "drop_decisions", "", "", "DELETE FROM decision", nullptr, nullptr };
    std::string plain = url;
    url += "?max_page_count=200";
    open();
    struct committer *c = start_committer(db, &memory.arena);
    int written = 0;
    struct status s = ok();
    while (written < 2000 && is_ok(s = triage(c, "w", "a" + std::to_string(written))))
        written++;
    EXPECT_EQ(s.reason, REASON_STORE_FULL) << s.message;
    EXPECT_EQ(s.code, CODE_RESOURCE_EXHAUSTED);
    EXPECT_GT(written, 50);
    EXPECT_EQ(count("w"), (Counts{ written, written, written, written, written }))
        << "reads go on, no half unit";
    committer_stop(c);
    run(&drop, {});
    c = start_committer(db, &memory.arena);
    EXPECT_TRUE(is_ok(triage(c, "w", "after")));
    committer_stop(c);
    close();
    url = plain;
    open();
    EXPECT_EQ(count("w")[0], written + 1);
}

TEST_P(SqliteFault, ASecondWriterIsRefusedAndAReaderIsNot)
{
    open();
    struct db *second = nullptr;
    struct status s = try_open(nullptr, &second);
    EXPECT_EQ(s.reason, REASON_STORE_UNAVAILABLE);
    EXPECT_NE(strstr(s.message, std::to_string(getpid()).c_str()), nullptr) << s.message;
    struct db *tool = nullptr, *server = db;
    ASSERT_TRUE(is_ok(try_open(nullptr, &tool, true)));
    for (int i = 1; i <= 3; i++) {
        db = server;
        run(&spine_identity_insert, { v_text("w"), v_int(i), v_text("v"), v_text("l") }, 1);
        db = tool;
        EXPECT_EQ(count("w")[3], i) << "a tool sees what the server wrote";
    }
    db_close(tool);
    db = server;
}

TEST_P(SqliteFault, TheWalStaysBounded)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    std::atomic<bool> stop(false);
    /* Readers in short calls all the time, as a server has them. */
    std::vector<std::thread> readers;
    for (int t = 0; t < 2; t++)
        readers.emplace_back([&] {
            while (!stop)
                count("none");
        });
    std::string wal = url.substr(strlen("sqlite:///")) + "-wal";
    std::string data(20000, 'x');
    long most = 0;
    for (int i = 0; i < 60; i++) {
        Units units;
        for (int k = 0; k < 100; k++)
            spine_triage(units.add(), "w", (std::to_string(i) + "-" + std::to_string(k)).c_str(), 1,
                         str_make(data.data(), data.size()));
        for (size_t k = 1; k < units.size(); k++) {
            units.at(k)->done = [](struct unit *, void *) {};
            ASSERT_TRUE(is_ok(committer_submit(c, units.at(k))));
        }
        ASSERT_TRUE(is_ok(committer_run(c, units.at(0)))); /* the last of them, in the order of submission */
        FILE *f = fopen(wal.c_str(), "r");
        ASSERT_NE(f, nullptr);
        fseek(f, 0, SEEK_END);
        most = std::max(most, ftell(f));
        fclose(f);
    }
    stop = true;
    for (std::thread &t : readers)
        t.join();
    committer_stop(c);
    EXPECT_EQ(count("w")[0], 6000);
    EXPECT_LT(most, 200 << 20) << "240 MB went through it";
}

TEST_P(SqliteFault, ManyCommitsShareACheckpoint)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    auto size = [&](const char *suffix) {
        return std::filesystem::file_size(url.substr(strlen("sqlite:///")) + suffix);
    };
    auto before = size("");
    for (int i = 0; i < 200; i++) {
        Units units;
        spine_triage(units.add(), "w", std::to_string(i).c_str(), 1, str_make("x", 1));
        ASSERT_TRUE(is_ok(committer_run(c, units.at(0))));
    }
    EXPECT_GT(size("-wal"), 4u << 20);
    EXPECT_EQ(size(""), before) << "pages were copied that the next commits write again";
    committer_stop(c);
}

class SqliteForget : public DbFault
{
  protected:
    // Rows of such a length come between those that are there, so that pages are split all the time.
    void fill(const char *what, int n)
    {
        Units units;
        for (int i = 0; i < n; i++) {
            unsigned random = rand_r(&seed_);
            std::string *value =
                &texts_.emplace_back(std::to_string(random) + what + std::string(random % 300, 'x'));
            UNIT_ADD(units.add(), &spine_identity_insert, 1, REASON_CONFLICT, v_text("w"), v_int(random % 5),
                     v_text(value->c_str()), v_text("l"));
        }
        units.write(db);
    }
    void forget()
    {
        int64_t limit = clock_mono_us() + 60 * US_PER_SECOND;
        while (!db->ops->forget(db)) {
            ASSERT_LT(clock_mono_us(), limit);
            db->ops->upkeep(db);
            usleep(1000); /* a pass of the checkpoint thread */
        }
    }
    bool stored(const std::string &text)
    {
        std::string all;
        for (const char *suffix : { "", "-wal" }) {
            std::ifstream f(url.substr(strlen("sqlite:///")) + suffix, std::ios::binary);
            all.append(std::istreambuf_iterator<char>(f), {});
        }
        return all.find(text) != std::string::npos;
    }
    unsigned seed_ = 1;
    std::list<std::string> texts_;
};

TEST_P(SqliteForget, SplitPagesAndUndoneGroupsLeaveAWholeFile)
{
    static const struct stmt check = { "check_file", "", "t", "PRAGMA integrity_check", nullptr, nullptr };
    open();
    for (int i = 0; i < 60; i++) {
        fill("key", 50);
        std::string twice = texts_.back(), once = twice + "-";
        Units units;
        for (const std::string *value : { &once, &twice })
            for (int kind = 0; kind < 5; kind++)
                UNIT_ADD(units.add(), &spine_identity_insert, 1, REASON_CONFLICT, v_text("w"), v_int(kind),
                         v_text(value->c_str()), v_text("l"));
        units.write(db);
        EXPECT_EQ(count("w")[3], (i + 1) * (50 + 9)) << "one of ten was there";
    }
    Memory m;
    struct rows said = query(&m.arena, &check, {});
    EXPECT_STREQ(row_at(&said, 0)[0].s.p, "ok");
}

// Not in the middle of pages either, where SQLite leaves copies of rows that it has moved.
TEST_P(SqliteForget, NothingIsLeftOfDeletedRows)
{
    static const struct stmt drop = {
        "drop_canaries", "", "", "DELETE FROM lead_identity WHERE value LIKE '%canary%'", nullptr, nullptr
    };
    open();
    for (int i = 0; i < 40; i++) {
        fill("canary", 8);
        fill("other", 8);
    }
    EXPECT_TRUE(stored("canary"));
    run(&drop, {});
    int64_t kept = count("w")[3];
    forget();
    EXPECT_FALSE(stored("canary"));
    for (int i = 0; i < 20; i++)
        fill("other", 8);
    forget();
    EXPECT_FALSE(stored("canary")) << "what the writer had in memory came back";
    EXPECT_EQ(count("w")[3], kept + 160);
    close();
    open(); /* every page is read */
    EXPECT_EQ(count("w")[3], kept + 160);
}

INSTANTIATE_TEST_SUITE_P(Databases, SqliteFault, testing::Values("sqlite"));
INSTANTIATE_TEST_SUITE_P(Databases, SqliteForget, testing::Values("sqlite"));

} // namespace
