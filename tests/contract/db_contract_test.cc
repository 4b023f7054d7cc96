// What every database behind the port must do, on each of them.
#include "store/memo.h"
#include "tests/contract/cells.h"

#include <cmath>
#include <random>

namespace
{

std::string string_from(struct str s)
{
    return std::string(s.p, s.n);
}

class DbContract : public Cells
{
  protected:
    // Somebody who reads with a memo.
    struct ctx reader()
    {
        struct ctx c = reading(db, &read.arena);
        EXPECT_TRUE(is_ok(memo_open(&read.arena, &c.memo)));
        return c;
    }

    Memory read;
};

TEST_P(DbContract, EveryValueComesBackAsItWas)
{
    open(cell_migrations);
    std::string text = "Zoë \xf0\x9f\x98\x80 'quoted' \\ \"x\"", bytes(256, 0), large(1 << 20, 'x');
    for (size_t i = 0; i < bytes.size(); i++)
        bytes[i] = static_cast<char>(i);
    large[12345] = 0;
    struct Case {
        const char *id;
        struct value t, i, d, b;
    } cases[] = {
        { "plain", v_str(str_from(text)), v_int(42), v_real(0.1), v_bytes(str_from(bytes)) },
        { "empty", v_text(""), v_int(0), v_real(0), v_bytes(str_make("", 0)) },
        { "empty-null-pointer", v_str(str_make(nullptr, 0)), v_int(-1), v_real(-0.0),
          v_bytes(str_make(nullptr, 0)) },
        { "null", v_null(), v_null(), v_null(), v_null() },
        { "edge", v_text("x"), v_int(INT64_MIN), v_real(5e-324), v_bytes(str_make("\0", 1)) },
        { "large", v_text("y"), v_int(INT64_MAX), v_real(1.7976931348623157e308), v_bytes(str_from(large)) },
    };
    for (const struct stmt *insert : { &cell_insert, &cell_insert_plain }) {
        Units units;
        for (const Case &c : cases) {
            std::string id = std::string(c.id) + insert->name;
            struct unit *u = units.add();
            struct value args[] = { v_str(str_from(id)), c.t, c.i, c.d, c.b };
            args[0].s.p = arena_dup(u->arena, args[0].s);
            unit_add(u, insert, 1, REASON_CONFLICT, args);
        }
        units.write(db);
        for (size_t i = 0; i < units.size(); i++)
            ASSERT_TRUE(is_ok(units.at(i)->outcome)) << units.at(i)->outcome.message;
        for (const Case &c : cases) {
            Memory m;
            std::string id = std::string(c.id) + insert->name;
            struct rows r = query(&m.arena, &cell_get, { v_str(str_from(id)) });
            ASSERT_EQ(r.n, 1u) << id;
            const struct value *got = row_at(&r, 0), *want[] = { &c.t, &c.i, &c.d, &c.b };
            for (size_t i = 0; i < 4; i++) {
                ASSERT_EQ(got[i].type, want[i]->type) << id << " column " << i;
                if (got[i].type == VALUE_INT) {
                    EXPECT_EQ(got[i].i, want[i]->i);
                } else if (got[i].type == VALUE_REAL) {
                    EXPECT_EQ(got[i].d, want[i]->d);
                } else if (got[i].type != VALUE_NULL) {
                    EXPECT_EQ(string_from(got[i].s), string_from(want[i]->s)) << id;
                }
                if (got[i].type == VALUE_TEXT) {
                    EXPECT_EQ(got[i].s.p[got[i].s.n], 0);
                }
            }
        }
    }
}

TEST_P(DbContract, NoRowsAndManyRows)
{
    open(cell_migrations);
    static const struct stmt all = { "cell_all", "",     "ti", "SELECT id, i FROM cell ORDER BY id",
                                     nullptr,    nullptr };
    Memory m;
    EXPECT_EQ(query(&m.arena, &all, {}).n, 0u);
    Units units;
    for (int i = 0; i < 1000; i++) {
        struct unit *u = units.add();
        UNIT_ADD(u, &cell_insert, 1, REASON_CONFLICT, v_text(arena_printf(u->arena, "%04d", i)), v_null(),
                 v_int(i), v_null(), v_null());
    }
    units.write(db);
    struct rows r = query(&m.arena, &all, {});
    ASSERT_EQ(r.n, 1000u);
    for (int i = 0; i < 1000; i++)
        EXPECT_EQ(row_at(&r, static_cast<size_t>(i))[1].i, i);
}

TEST_P(DbContract, ResultsOverTheBudgetAreRefused)
{
    open(cell_migrations);
    std::string large(1 << 20, 'x');
    run(&cell_insert, { v_text("a"), v_str(str_from(large)), v_null(), v_null(), v_null() });
    Memory small(64 * 1024);
    struct ctx c = reading(db, &small.arena, INT64_MAX);
    struct rows r;
    struct value id = v_text("a");
    EXPECT_EQ(db_query(&c, &cell_get, &id, &r).reason, REASON_REQUEST_TOO_LARGE);
    db_read_done(&c);
}

TEST_P(DbContract, SnapshotDoesNotMove)
{
    open(cell_migrations);
    cell("a", 1);
    Memory m;
    struct ctx c = reading(db, &m.arena);
    struct rows r;
    struct value id = v_text("a");
    ASSERT_TRUE(is_ok(db_query(&c, &cell_get, &id, &r)));
    EXPECT_EQ(row_at(&r, 0)[1].i, 1);
    run(&cell_set, { v_int(2), v_text("a") }, 1);
    run(&cell_set, { v_int(3), v_text("a") }, 1);
    cell("b", 1);
    ASSERT_TRUE(is_ok(db_query(&c, &cell_get, &id, &r)));
    EXPECT_EQ(row_at(&r, 0)[1].i, 1) << "the snapshot moved";
    ASSERT_TRUE(is_ok(db_query(&c, &cell_count, nullptr, &r)));
    EXPECT_EQ(row_at(&r, 0)[0].i, 1);
    db_read_done(&c);
    ASSERT_TRUE(is_ok(db_query(&c, &cell_get, &id, &r)));
    EXPECT_EQ(row_at(&r, 0)[1].i, 3) << "a new snapshot is fresh";
    db_read_done(&c);
}

// On PostgreSQL all that is expected comes with the next answer; on SQLite it is asked when it is.
TEST_P(DbContract, WhatIsExpectedIsAnsweredWithTheNextQuery)
{
    open(cell_migrations);
    for (const char *id : { "a", "b", "c" })
        cell(id, id[0]);
    struct ctx c = reader();
    for (const char *id : { "a", "b", "nobody" })
        DB_EXPECT(&c, &cell_get, v_text(id));
    struct rows r;
    ASSERT_TRUE(is_ok(DB_QUERY(&c, &cell_get, &r, v_text("c"))));
    EXPECT_EQ(row_at(&r, 0)[1].i, 'c');
    const struct value b = v_text("b");
    EXPECT_EQ(memo_at(c.memo, db_reach(&c), &cell_get, &b)->answered, !sqlite());
    ASSERT_TRUE(is_ok(DB_QUERY(&c, &cell_get, &r, b)));
    EXPECT_EQ(row_at(&r, 0)[1].i, 'b');
    ASSERT_TRUE(is_ok(DB_QUERY(&c, &cell_get, &r, v_text("nobody"))));
    EXPECT_EQ(r.n, 0u);
    db_read_done(&c);
}

TEST_P(DbContract, ThousandsAreExpectedAtOnce)
{
    open(cell_migrations);
    const std::string much(10000, 'x');
    run(&cell_insert, { v_text("a"), v_str(str_from(much)), v_int(1), v_real(0), v_bytes(STR("")) }, 1);
    const struct stmt *many = raw("SELECT t, $1 FROM cell WHERE $2 >= 0", "ii", "ti");
    struct ctx c = reader();
    struct rows r;
    for (int i = 0; i < 3000; i++)
        DB_EXPECT(&c, many, v_int(i), v_int(i));
    for (int i = 0; i < 3000; i += 100) {
        ASSERT_TRUE(is_ok(DB_QUERY(&c, many, &r, v_int(i), v_int(i))));
        ASSERT_EQ(r.n, 1u);
        EXPECT_EQ(row_at(&r, 0)[0].s.n, much.size());
        EXPECT_EQ(row_at(&r, 0)[1].i, i);
    }
    db_read_done(&c);
}

// Answers that a memo has no room for are read when they are asked for.
TEST_P(DbContract, WhatAMemoCannotHoldIsAskedWhenItIs)
{
    open(cell_migrations);
    const std::string much(100000, 'x');
    run(&cell_insert, { v_text("a"), v_str(str_from(much)), v_int(1), v_real(0), v_bytes(STR("")) }, 1);
    const struct stmt *many = raw("SELECT t, $1 FROM cell WHERE $2 >= 0", "ii", "ti");
    Memory small(1 << 20);
    struct ctx c = reading(db, &read.arena);
    struct rows r;
    ASSERT_TRUE(is_ok(memo_open(&small.arena, &c.memo)));
    for (int i = 0; i < 20; i++)
        DB_EXPECT(&c, many, v_int(i), v_int(i));
    for (int i = 0; i < 20; i++) {
        struct status s = DB_QUERY(&c, many, &r, v_int(i), v_int(i));
        ASSERT_TRUE(is_ok(s)) << i << ": " << s.message;
        ASSERT_EQ(r.n, 1u);
        EXPECT_EQ(row_at(&r, 0)[0].s.n, much.size());
        EXPECT_EQ(row_at(&r, 0)[1].i, i);
    }
    db_read_done(&c);
}

// Whoever expects what cannot be answered is told so, and the next snapshot is a sound one.
TEST_P(DbContract, AWrongExpectationSpoilsItsSnapshotAlone)
{
    open(cell_migrations);
    cell("a", 1);
    const struct stmt *wrong = raw("SELECT 1 / (i - 1) FROM cell WHERE id = $1", "t", "i");
    struct rows r;
    struct ctx c = reader();
    DB_EXPECT(&c, wrong, v_text("a"));
    DB_EXPECT(&c, &cell_count, v_null());
    EXPECT_EQ(is_ok(DB_QUERY(&c, &cell_get, &r, v_text("a"))), sqlite());
    db_read_done(&c);
    c = reader();
    ASSERT_TRUE(is_ok(DB_QUERY(&c, &cell_get, &r, v_text("a"))));
    ASSERT_TRUE(is_ok(db_query(&c, &cell_count, nullptr, &r)));
    EXPECT_EQ(row_at(&r, 0)[0].i, 1);
    db_read_done(&c);
}

// What begins and ends a snapshot is no query: a deadline that passed never leaves a reader inside one.
TEST_P(DbContract, ReadersOutliveTheDeadlinesOfTheirCalls)
{
    open(cell_migrations);
    cell("a", 7);
    Memory m;
    struct ctx c = reading(db, &m.arena);
    struct rows r;
    struct value id = v_text("a");
    for (int i = 0, n = sqlite() ? 20000 : 100; i < n; i++) {
        struct arena_mark before = arena_mark(&m.arena);
        c.deadline_us = clock_mono_us() - 1;
        struct status late = db_query(&c, &cell_get, &id, &r);
        ASSERT_TRUE(is_ok(late) || late.reason == REASON_DEADLINE_PASSED) << i << ": " << late.message;
        if (c.read)
            db_read_renew(&c);
        db_read_done(&c);
        arena_rewind(&m.arena, before);
    }
    EXPECT_EQ(cell_value("a"), 7);
}

TEST_P(DbContract, ReadAfterAnAnswerSeesTheWrite)
{
    open(cell_migrations);
    cell("a", 0);
    for (int64_t i = 1; i <= 200; i++) {
        run(&cell_set, { v_int(i), v_text("a") }, 1);
        ASSERT_EQ(cell_value("a"), i);
    }
}

TEST_P(DbContract, FailingUnitsTakeNothingButThemselves)
{
    open();
    std::string blob(600, 'd');
    std::mt19937 random(7);
    for (int round = 0; round < 4; round++) {
        std::string workspace = "w" + std::to_string(round);
        Units before, units;
        std::vector<bool> bad(200, false);
        for (int k = 0; k < 5;) {
            size_t i = random() % 200;
            k += !bad[i];
            bad[i] = true;
        }
        for (size_t i = 0; i < 200; i++) {
            std::string id = "lead-" + std::to_string(i);
            if (bad[i]) { /* its identity is taken already: the second of its five writes fails */
                struct unit taken;
                memset(&taken, 0, sizeof taken);
                struct unit *u = before.add();
                spine_triage(u, workspace.c_str(), id.c_str(), 1, str_from(blob));
                struct write second = u->writes[1];
                u->writes[0] = second;
                u->n = 1;
            }
            spine_triage(units.add(), workspace.c_str(), id.c_str(), 1, str_from(blob));
        }
        before.write(db);
        units.write(db);
        for (size_t i = 0; i < 200; i++)
            EXPECT_EQ(units.reason(i), bad[i] ? REASON_IDENTITY_TAKEN : REASON_NONE)
                << i << " of round " << round;
        EXPECT_EQ(count(workspace.c_str()), (std::vector<int64_t>{ 195, 195, 195, 200, 195 }));
    }
}

TEST_P(DbContract, ExpectAndOtherwise)
{
    open(cell_migrations);
    cell("a", 1);
    struct Case {
        const struct stmt *s;
        int expect;
        enum reason otherwise, want;
        const char *id;
    } cases[] = {
        { &cell_set, 1, REASON_ETAG_MISMATCH, REASON_NONE, "a" },
        { &cell_set, 1, REASON_ETAG_MISMATCH, REASON_ETAG_MISMATCH, "missing" },
        { &cell_set, 0, REASON_CONFLICT, REASON_NONE, "missing" },
        { &cell_set, 0, REASON_CONFLICT, REASON_CONFLICT, "a" },
        { &cell_set, -1, REASON_CONFLICT, REASON_NONE, "missing" },
        { &cell_set, 2, REASON_NONE, REASON_CONFLICT, "a" },
    };
    for (const Case &c : cases) {
        Units units;
        UNIT_ADD(units.add(), c.s, c.expect, c.otherwise, v_int(9), v_text(c.id));
        units.write(db);
        EXPECT_EQ(units.reason(0), c.want) << c.id << " expecting " << c.expect;
    }
}

TEST_P(DbContract, ManyRowsOfOneWriteAreCounted)
{
    open(cell_migrations);
    cell("a", 1);
    cell("b", 1);
    Units units;
    UNIT_ADD(units.add(), &cell_set_all, 2, REASON_CONFLICT, v_int(5));
    UNIT_ADD(units.add(), &cell_set_all, 1, REASON_CONFLICT, v_int(6));
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE);
    EXPECT_EQ(units.reason(1), REASON_CONFLICT);
    EXPECT_EQ(cell_value("a"), 5);
    EXPECT_EQ(cell_value("b"), 5);
}

TEST_P(DbContract, TakenKeyFailsWhateverWasExpected)
{
    open(cell_migrations);
    cell("a", 1);
    for (int expect : { 1, 0, -1 })
        for (const struct stmt *s : { &cell_insert, &cell_insert_plain }) {
            Units units;
            UNIT_ADD(units.add(), s, expect, REASON_LEAD_ALREADY_EXISTS, v_text("new"), v_null(), v_null(),
                     v_null(), v_null());
            UNIT_ADD(units.at(0), s, expect, REASON_LEAD_ALREADY_EXISTS, v_text("a"), v_null(), v_null(),
                     v_null(), v_null());
            units.write(db);
            EXPECT_NE(units.reason(0), REASON_NONE) << s->name << expect;
            EXPECT_EQ(units.reason(0), REASON_LEAD_ALREADY_EXISTS) << s->name << expect;
        }
    EXPECT_EQ(numbers(&cell_count, {}), std::vector<int64_t>{ 1 });
}

TEST_P(DbContract, AWrongStatementFailsItsUnitOnly)
{
    open(cell_migrations);
    Units units;
    for (int i = 0; i < 3; i++) {
        struct unit *u = units.add();
        UNIT_ADD(u, &cell_insert, 1, REASON_CONFLICT, v_text(arena_printf(u->arena, "%d", i)), v_null(),
                 v_null(), v_null(), v_null());
        if (i == 1)
            UNIT_ADD(u, &cell_broken, -1, REASON_CONFLICT, v_text("x"));
    }
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE);
    EXPECT_EQ(units.reason(1), REASON_INTERNAL);
    EXPECT_NE(strstr(units.at(1)->outcome.message, "cell_broken"), nullptr) << units.at(1)->outcome.message;
    EXPECT_EQ(units.reason(2), REASON_NONE);
    EXPECT_EQ(numbers(&cell_count, {}), std::vector<int64_t>{ 2 });
    cell("later", 1);
}

TEST_P(DbContract, WritesOfAUnitKeepTheirOrder)
{
    open();
    struct value w = v_text("w"), kind = v_int(1), mail = v_text("a@example.com"), old = v_text("old"),
                 young = v_text("new");
    run(&spine_identity_insert, { w, kind, mail, old }, 1);
    /* The identity moves from one lead to another, beside units that begin with an insert. */
    Units units;
    UNIT_ADD(units.add(), &spine_identity_insert, 1, REASON_IDENTITY_TAKEN, w, kind, v_text("b@example.com"),
             old);
    UNIT_ADD(units.add(), &spine_identity_delete, 1, REASON_CONFLICT, w, kind, mail, old);
    UNIT_ADD(units.at(1), &spine_identity_insert, 1, REASON_IDENTITY_TAKEN, w, kind, mail, young);
    UNIT_ADD(units.add(), &spine_identity_insert, 1, REASON_IDENTITY_TAKEN, w, kind, v_text("c@example.com"),
             young);
    UNIT_ADD(units.at(2), &spine_identity_delete, 1, REASON_CONFLICT, w, kind, v_text("c@example.com"),
             young);
    units.write(db);
    for (size_t i = 0; i < 3; i++)
        EXPECT_EQ(units.reason(i), REASON_NONE) << i << ": " << units.at(i)->outcome.message;
    static const struct stmt owner = { "owner", "t",
                                       "t",     "SELECT lead_id FROM lead_identity WHERE value = $1",
                                       nullptr, nullptr };
    Memory m;
    struct rows r = query(&m.arena, &owner, { mail });
    ASSERT_EQ(r.n, 1u);
    EXPECT_EQ(string_from(row_at(&r, 0)[0].s), "new");
    EXPECT_EQ(query(&m.arena, &owner, { v_text("c@example.com") }).n, 0u);
}

TEST_P(DbContract, OfTwoUnitsOnOneRowTheFirstWins)
{
    open();
    struct value w = v_text("w"), id = v_text("l");
    run(&spine_lead_insert, { w, id, v_int(1), v_int(1), v_int(1), v_bytes(STR("0")) }, 1);
    Units units;
    for (const char *data : { "first", "second", "third" })
        UNIT_ADD(units.add(), &spine_lead_update, 1, REASON_CONFLICT, v_int(2), v_int(2),
                 v_bytes(str_of(data)), w, id, v_int(1));
    UNIT_ADD(units.add(), &spine_lead_insert, 1, REASON_LEAD_ALREADY_EXISTS, w, id, v_int(1), v_int(1),
             v_int(1), v_bytes(STR("0")));
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE);
    EXPECT_EQ(units.reason(1), REASON_CONFLICT);
    EXPECT_EQ(units.reason(2), REASON_CONFLICT);
    EXPECT_EQ(units.reason(3), REASON_LEAD_ALREADY_EXISTS);
    Memory m;
    struct rows r = query(&m.arena, &spine_lead_get, { w, id });
    ASSERT_EQ(r.n, 1u);
    EXPECT_EQ(row_at(&r, 0)[0].i, 2);
    EXPECT_EQ(string_from(row_at(&r, 0)[1].s), "first");
}

TEST_P(DbContract, OneUnitMayChangeARowTwice)
{
    open();
    struct value w = v_text("w"), id = v_text("l");
    Units units;
    struct unit *u = units.add();
    UNIT_ADD(u, &spine_lead_insert, 1, REASON_CONFLICT, w, id, v_int(1), v_int(1), v_int(1),
             v_bytes(STR("0")));
    for (int64_t v = 2; v < 5; v++)
        UNIT_ADD(u, &spine_lead_update, 1, REASON_CONFLICT, v_int(v), v_int(v), v_bytes(STR("x")), w, id,
                 v_int(v - 1));
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE) << units.at(0)->outcome.message;
    Memory m;
    struct rows r = query(&m.arena, &spine_lead_get, { w, id });
    EXPECT_EQ(row_at(&r, 0)[0].i, 4);
}

TEST_P(DbContract, EmptyUnitsSucceed)
{
    open(cell_migrations);
    Units units;
    units.add();
    units.add();
    units.write(db);
    EXPECT_EQ(units.reason(0), REASON_NONE);
    EXPECT_EQ(units.reason(1), REASON_NONE);
}

TEST_P(DbContract, PingAnswers)
{
    open(cell_migrations);
    struct status s = ping();
    EXPECT_TRUE(is_ok(s)) << s.message;
}

INSTANTIATE_TEST_SUITE_P(Databases, DbContract, testing::Values("sqlite", "postgresql"));

} // namespace
