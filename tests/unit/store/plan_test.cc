// How a group's writes are sorted into steps for PostgreSQL.
#include "store/postgres.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

namespace
{

const struct stmt a_insert = { "A", "i", "", "INSERT", "INSERT bulk", nullptr };
const struct stmt b_update = { "B", "i", "", "UPDATE", " UPDATE bulk", nullptr };
const struct stmt c_plain = { "C", "i", "", "DELETE", nullptr, nullptr };

struct W {
    const struct stmt *s;
    int expect;
};

class Plan : public testing::Test
{
  protected:
    void SetUp() override
    {
        arena_init(&arena, 1 << 20);
    }
    void TearDown() override
    {
        arena_done(&arena);
    }
    // "A2* C1" for a bulk step of two writes of A and one of C. Unit i is of workspaces[i], or of "w".
    std::string plan(std::vector<std::vector<W>> shapes, std::vector<const char *> workspaces = {})
    {
        std::deque<struct unit> units;
        std::vector<struct unit *> pointers;
        for (const std::vector<W> &shape : shapes) {
            units.emplace_back();
            struct unit *u = &units.back();
            memset(u, 0, sizeof *u);
            u->arena = &arena;
            u->workspace = pointers.size() < workspaces.size() ? workspaces[pointers.size()] : "w";
            for (const W &w : shape)
                UNIT_ADD(u, w.s, w.expect, REASON_CONFLICT, v_int(1));
            pointers.push_back(u);
        }
        struct pg_plan p;
        EXPECT_TRUE(pg_plan_make(&p, pointers.data(), pointers.size(), &arena));
        std::string out;
        for (size_t i = 0; i < p.n; i++)
            out += (i ? " " : "") + std::string(p.steps[i].enters && i ? "| " : "") + p.steps[i].stmt->name +
                   std::to_string(p.steps[i].n) + (p.steps[i].text == PG_BULK ? "*" : "");
        return out;
    }
    struct arena arena;
};

TEST_F(Plan, UnitsOfOneShapeShareTheirSteps)
{
    W a{ &a_insert, 1 }, b{ &b_update, 1 }, c{ &c_plain, 1 };
    EXPECT_EQ(plan({ { a, b, c }, { a, b, c }, { a, b, c } }), "A3* B3* C3");
}

TEST_F(Plan, OneRowRunsAsARow)
{
    EXPECT_EQ(plan({ { { &a_insert, 1 } } }), "A1");
}

TEST_F(Plan, TheOrderInsideAUnitHolds)
{
    W a{ &a_insert, 1 }, b{ &b_update, 1 };
    EXPECT_EQ(plan({ { a, b }, { b, a }, { a, b } }), "A2* B3* A1");
    EXPECT_EQ(plan({ { a, a, b, a } }), "A2* B1 A1");
    EXPECT_EQ(plan({ { b }, { a }, { b, a } }), "B2* A2*");
}

TEST_F(Plan, OnlyCountsThatASumProvesRunInBulk)
{
    EXPECT_EQ(plan({ { { &a_insert, 1 } }, { { &a_insert, 0 } } }), "A2") << "mixed";
    EXPECT_EQ(plan({ { { &a_insert, 0 } }, { { &a_insert, 0 } } }), "A2");
    EXPECT_EQ(plan({ { { &a_insert, 2 } }, { { &a_insert, 2 } } }), "A2");
    EXPECT_EQ(plan({ { { &a_insert, -1 } }, { { &a_insert, -1 } } }), "A2*");
    EXPECT_EQ(plan({ { { &b_update, -1 } }, { { &b_update, -1 } } }), "B2") << "the last update has to win";
    EXPECT_EQ(plan({ { { &b_update, 1 } }, { { &b_update, 1 } } }), "B2*");
}

TEST_F(Plan, WorkspacesAreWrittenOneAfterTheOther)
{
    W a{ &a_insert, 1 }, b{ &b_update, 1 };
    EXPECT_EQ(plan({ { a, b }, { a }, { a, b }, { a } }, { "v", "w", "v", "w" }), "A2* B2* | A2*");
    EXPECT_EQ(plan({ { a }, { b }, { a } }, { "x", "w", "v" }), "A1 | B1 | A1");
    EXPECT_EQ(plan({ {}, { a }, {} }, { "v", "w", "x" }), "A1");
}

TEST_F(Plan, MemoryOutIsSaid)
{
    struct arena small;
    arena_init(&small, 64);
    struct unit u, *units[] = { &u };
    memset(&u, 0, sizeof u);
    u.arena = &arena;
    u.workspace = "w";
    UNIT_ADD(&u, &a_insert, 1, REASON_CONFLICT, v_int(1));
    struct pg_plan p;
    EXPECT_FALSE(pg_plan_make(&p, units, 1, &small));
    arena_done(&small);
}

} // namespace
