// What every database behind the port must do after something failed: serve the next.
#include "tests/contract/cells.h"

#include <atomic>
#include <list>
#include <random>
#include <thread>

namespace
{

class DbErrors : public Cells
{
};

// One read that fails in some way: too late, nothing the database knows, too large; or does not. What it had
// to wait for may have been too late as well.
void read_somehow(struct db *db, const struct stmt *broken, unsigned random)
{
    Memory m(random % 3 ? 64u << 20 : 4096);
    struct ctx c = reading(db, &m.arena, clock_mono_us() + (int64_t)(random / 8 % 2000) - 200);
    struct rows r;
    struct value id = v_text("large");
    for (int i = 0; i < 2; i++) {
        struct status s = db_query(&c, random / 4 % 2 ? broken : &cell_get, &id, &r);
        EXPECT_TRUE(is_ok(s) || s.reason == REASON_DEADLINE_PASSED || s.reason == REASON_INTERNAL ||
                    s.reason == REASON_REQUEST_TOO_LARGE || s.reason == REASON_STORE_UNAVAILABLE)
            << s.message;
    }
    db_read_done(&c);
}

// A group of units that fail in some way, and one that does not.
void write_somehow(struct db *db, int64_t i)
{
    Units units;
    UNIT_ADD(units.add(), &cell_set, 1, REASON_CONFLICT, v_int(i), v_text("a"));
    UNIT_ADD(units.add(), &cell_set, 1, REASON_CONFLICT, v_int(i), v_text("nobody"));
    struct unit *taken = units.add();
    UNIT_ADD(taken, &cell_set, 1, REASON_CONFLICT, v_int(-1), v_text("large"));
    UNIT_ADD(taken, &cell_insert, 1, REASON_CONFLICT, v_text("a"), v_null(), v_null(), v_null(), v_null());
    if (i % 2)
        UNIT_ADD(units.add(), &cell_broken, -1, REASON_CONFLICT, v_text("x"));
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE);
    EXPECT_EQ(units.reason(1), REASON_CONFLICT);
    EXPECT_EQ(units.reason(2), REASON_CONFLICT);
}

TEST_P(DbErrors, WhateverFailsTheNextOneIsServed)
{
    open(cell_migrations);
    cell("a", 0);
    std::string text(8192, 'x');
    run(&cell_insert, { v_text("large"), v_str(str_from(text)), v_int(1), v_null(), v_null() }, 1);
    const struct stmt *broken = raw("SELECT i FROM no_such_table WHERE id = $1", "t", "i");
    const int groups = sqlite() ? 500 : 100;
    std::atomic<bool> ended(false);
    std::atomic<int> reads(0);
    std::vector<std::thread> readers;
    for (unsigned t = 0; t < 12; t++) /* more than there are connections */
        readers.emplace_back([&, t] {
            for (std::mt19937 random(t); !ended || reads < 5000; reads++)
                read_somehow(db, broken, (unsigned)random());
        });
    for (int i = 1; i <= groups; i++)
        write_somehow(db, i);
    ended = true;
    for (std::thread &t : readers)
        t.join();

    std::list<Memory> memories;
    std::list<struct ctx> all; /* every connection at once */
    for (int i = 0; i < 4; i++) {
        struct rows r;
        struct value id = v_text("a");
        struct ctx &c = all.emplace_back(reading(db, &memories.emplace_back().arena));
        struct status s = db_query(&c, &cell_get, &id, &r);
        ASSERT_TRUE(is_ok(s)) << i << ": " << s.message;
        EXPECT_EQ(row_at(&r, 0)[1].i, groups);
    }
    for (struct ctx &c : all)
        db_read_done(&c);
    EXPECT_EQ(cell_value("large"), 1);
}

INSTANTIATE_TEST_SUITE_P(Databases, DbErrors, testing::Values("sqlite", "postgresql"));

} // namespace
