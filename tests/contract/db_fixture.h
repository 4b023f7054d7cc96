// db_fixture.h: a database of its own for each test, of the kind that the test's parameter names.
#pragma once

#include "base/clock.h"
#include "store/committer.h"
#include "tests/lib/spine_statements.h"

#include <gtest/gtest.h>

#include <list>
#include <string>
#include <vector>

// An arena that frees itself.
struct Memory {
    explicit Memory(size_t budget = 64u << 20)
    {
        arena_init(&arena, budget);
    }
    ~Memory()
    {
        arena_done(&arena);
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    struct arena arena;
};

// Somebody who reads in a workspace until a deadline (clock_mono_us), a minute from now unless told.
inline struct ctx reading(struct db *db, struct arena *a, int64_t deadline_us = 0,
                          const char *workspace = "default")
{
    struct ctx c = {};
    c.arena = a;
    c.db = db;
    c.workspace = workspace;
    c.deadline_us = deadline_us ? deadline_us : clock_mono_us() + 60 * US_PER_SECOND;
    return c;
}

// Units of work with the memory they need.
class Units
{
  public:
    struct unit *add();
    // Writes them in one group, as the committer would.
    void write(struct db *db);
    size_t size() const
    {
        return list.size();
    }
    struct unit *at(size_t i)
    {
        return all[i];
    }
    enum reason reason(size_t i)
    {
        return static_cast<enum reason>(all[i]->outcome.reason);
    }

  private:
    struct Item {
        Memory memory;
        struct unit unit;
    };
    std::list<Item> list;
    std::vector<struct unit *> all;
};

class DbTest : public testing::TestWithParam<const char *>
{
  protected:
    void SetUp() override;
    void TearDown() override;
    bool sqlite() const
    {
        return std::string(GetParam()) == "sqlite";
    }
    // Opens `url`; the test fails where that fails.
    struct db *open(const struct migration *migrations = nullptr);
    struct status try_open(const struct migration *migrations, struct db **ret, bool read_only = false);
    void close();
    // Asks whether the database is there until it says so, for a minute at most.
    struct status ping();
    // One row's integers.
    std::vector<int64_t> numbers(const struct stmt *s, std::vector<struct value> args);
    std::vector<int64_t> count(const char *workspace);
    struct rows query(struct arena *a, const struct stmt *s, std::vector<struct value> args);
    // Runs statements in a unit of their own, which must succeed.
    void run(const struct stmt *s, std::vector<struct value> args, int expect = -1);

    // A statement of the test's own, kept until its end: the port knows statements by their addresses.
    const struct stmt *raw(const std::string &sql, const char *params = "", const char *result = "");

    std::string url;
    const char *reach = EVERY_WORKSPACE; // of query() and run()
    struct db *db = nullptr;
    Memory memory;

  private:
    std::string name, folder;
    std::list<std::string> texts;
    std::list<struct stmt> statements;
};

// The server that TEST_POSTGRES_URL names; empty (and the test failed) without it.
std::string postgres_url();
// Runs statements on the database of the url, outside of the port.
void postgres_exec(const std::string &url, const std::string &sql);
// The url of another database of the same server.
std::string postgres_database(const std::string &url, const std::string &name);
