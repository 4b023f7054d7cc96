// Every statement of every room is prepared on both databases, against the schema of store/migrations.
#include "agents/engage/message/message_sql.h"
#include "agents/record/lists.h"
#include "server/services.h"
#include "tests/contract/db_fixture.h"

#include <regex>
#include <set>

namespace
{

class Statements : public DbTest
{
};

TEST_P(Statements, EachPreparesWithItsParametersAndColumns)
{
    open();
    int n = 0;
    for (const struct stmt_table *const *t = all_statements; *t; t++)
        for (size_t i = 0; i < (*t)->n; i++, n++) {
            const struct stmt *s = &(*t)->rows[i];
            struct status st = db->ops->check(db, s, &memory.arena);
            EXPECT_TRUE(is_ok(st)) << st.message;
        }
    EXPECT_GT(n, 20);
}

TEST_P(Statements, AWrongOneIsNamed)
{
    open();
    const struct stmt wrong[] = {
        { "wrong_table", "", "", "SELECT 1 FROM no_such_table", nullptr, nullptr },
        { "wrong_columns", "", "ii", "SELECT version FROM lead", nullptr, nullptr },
    };
    for (const struct stmt &s : wrong) {
        struct status st = db->ops->check(db, &s, &memory.arena);
        EXPECT_EQ(st.reason, REASON_INTERNAL);
        EXPECT_NE(strstr(st.message, s.name), nullptr) << st.message;
    }
    static const struct stmt right = { "right", "", "i", "SELECT version FROM lead", nullptr, nullptr };
    EXPECT_TRUE(is_ok(db->ops->check(db, &right, &memory.arena)))
        << "an error does not stay on the connection";
}

INSTANTIATE_TEST_SUITE_P(Databases, Statements, testing::Values("sqlite", "postgresql"));

class PostgresPlans : public DbTest
{
  protected:
    // The conditions by which the statement finds rows in indexes, as planned before there is a row.
    std::vector<std::string> conditions(const struct stmt *s)
    {
        const std::string sql = s->pg_sql ? s->pg_sql : s->sql;
        std::vector<struct value> args;
        for (const char *p = s->params; *p; p++)
            args.push_back(*p == 't' ? v_text("x") : v_int(1));
        std::vector<std::string> out;
        struct rows plan = query(&memory.arena, raw("EXPLAIN (COSTS OFF) " + sql, s->params, "t"), args);
        for (size_t i = 0; i < plan.n; i++)
            if (strstr(row_at(&plan, i)->s.p, "Index Cond"))
                out.push_back(row_at(&plan, i)->s.p);
        return out;
    }
};

// A plan that is made while a table is empty stays with the connection when the table has grown.
TEST_P(PostgresPlans, ListsAreLookedUpAndNotReadThrough)
{
    open();
    int lists = 0;
    for (const struct stmt_table *const *t = all_statements; *t; t++)
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct stmt *s = &(*t)->rows[i];
            if (strlen(s->params) <= LIST_MAX || !*s->result)
                continue;
            std::vector<std::string> found = conditions(s);
            ASSERT_EQ(found.size(), 1u) << s->name;
            EXPECT_NE(found[0].find("(workspace = "), std::string::npos) << s->name << found[0];
            EXPECT_NE(found[0].find(" = (unnest("), std::string::npos) << s->name << found[0];
            lists++;
        }
    EXPECT_GE(lists, 4);
}

TEST_P(PostgresPlans, ALeadAndItsOpenMessagesAreLookedUpAndNotReadThrough)
{
    open();
    int asked = 0;
    for (const struct stmt_table *const *t = all_statements; *t; t++)
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct stmt *s = &(*t)->rows[i];
            bool lead = strcmp(s->name, "lead_by_id") == 0;
            if (!lead && !strstr(s->sql, MESSAGES_OPEN))
                continue;
            std::vector<std::string> found = conditions(s);
            ASSERT_EQ(found.size(), 2u) << s->name;
            EXPECT_NE(found[lead ? 0 : 1].find(lead ? "AND (id = " : "AND (lead_id = ("), std::string::npos)
                << s->name << testing::PrintToString(found);
            asked++;
        }
    EXPECT_EQ(asked, 3);
}

INSTANTIATE_TEST_SUITE_P(Databases, PostgresPlans, testing::Values("postgresql"));

// SQLite gives the number of a newest row that was deleted again, and whoever reads the log by cursor would
// miss the event that gets it.
TEST(EventLog, IsOnlyAppendedTo)
{
    int appending = 0;
    for (const struct stmt_table *const *t = all_statements; *t; t++)
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct stmt *s = &(*t)->rows[i];
            for (const char *text : { s->sql, s->pg_bulk, s->pg_sql }) {
                std::smatch found;
                std::string sql = text ? text : "";
                static const std::regex writes(
                    "(INSERT INTO|REPLACE INTO|DELETE FROM|UPDATE|TRUNCATE) event\\b");
                if (!std::regex_search(sql, found, writes))
                    continue;
                EXPECT_EQ(found[1], "INSERT INTO") << s->name;
                appending++;
            }
        }
    EXPECT_GT(appending, 0);
}

TEST(StatementNames, AreUniqueOverAllRoomsAndFitPostgres)
{
    std::set<std::string> names;
    for (const struct stmt_table *const *t = all_statements; *t; t++)
        for (size_t i = 0; i < (*t)->n; i++) {
            const struct stmt *s = &(*t)->rows[i];
            EXPECT_TRUE(names.insert(s->name).second) << s->name << " stands twice";
            EXPECT_LE(strlen(s->name), 50u) << s->name;
            EXPECT_LE(strlen(s->params), 32u) << s->name;
        }
}

} // namespace
