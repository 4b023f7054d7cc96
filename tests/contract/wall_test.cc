// The second wall: what PostgreSQL does with statements that forget their workspace. These tests have a
// server of their own, since roles are shared by all databases of a server.
#include "tests/contract/postgres_fixture.h"

#include <set>

namespace
{

// A row of each workspace `a` and `b` in every table that has workspaces, whatever its columns are.
const char fill[] =
    "DO \\$do\\$ DECLARE t record; w text; BEGIN FOR t IN"
    " SELECT c.relname, string_agg(quote_ident(attname), ', ') AS names,"
    " string_agg(CASE atttypid WHEN 'text'::regtype THEN '\\$1' WHEN 'bytea'::regtype THEN '\\$1::bytea' "
    "ELSE '1'"
    " END, ', ') AS vals"
    " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND attnum > 0 AND attidentity = ''"
    " WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND EXISTS (SELECT 1 FROM "
    "pg_attribute"
    " WHERE attrelid = c.oid AND attname = 'workspace') GROUP BY 1"
    " LOOP FOREACH w IN ARRAY ARRAY['a', 'b'] LOOP"
    " EXECUTE format('INSERT INTO %I (%s) VALUES (%s)', t.relname, t.names, t.vals) USING w;"
    " END LOOP; END LOOP; END \\$do\\$";

const struct stmt tables = {
    "wall_tables",
    "i",
    "t",
    "SELECT relname::text FROM pg_class AS c WHERE relkind = 'r' AND"
    " relnamespace = 'public'::regnamespace AND (relrowsecurity AND relforcerowsecurity"
    " AND EXISTS (SELECT 1 FROM pg_policy WHERE polrelid = c.oid)) = ($1 <> 0)",
    nullptr,
    nullptr
};

class Wall : public PostgresTest
{
  protected:
    // The tables that have the wall, or those that have not.
    std::set<std::string> tables_with(bool wall)
    {
        Memory m;
        std::set<std::string> out;
        struct rows r = query(&m.arena, &tables, { v_int(wall) });
        for (size_t i = 0; i < r.n; i++)
            out.insert(row_at(&r, i)->s.p);
        return out;
    }
    int64_t rows_of(const std::string &table, const char *workspace)
    {
        reach = workspace;
        return numbers(raw("SELECT count(*) FROM " + table, "", "i"), {})[0];
    }
    // What becomes of the statement, which is to change one row.
    enum reason change(const char *workspace, const std::string &sql)
    {
        Units units;
        units.add()->workspace = workspace;
        unit_add(units.at(0), raw(sql), 1, REASON_CONFLICT, nullptr);
        units.write(db);
        return units.reason(0);
    }
    // A login role that owns the database.
    void login_as(const std::string &role, const std::string &rights)
    {
        postgres_exec(url, "CREATE ROLE " + role + " LOGIN " + rights);
        postgres_exec(url, "ALTER DATABASE " + url.substr(url.rfind('/') + 1) + " OWNER TO " + role);
        owner_url = url;
        url.replace(url.find("postgres@"), strlen("postgres"), role);
    }
    std::string owner_url;
};

TEST_P(Wall, StandsAroundEveryTableOfAWorkspace)
{
    open();
    const std::set<std::string> nobodys = { "audit_cursor",   "iam_revision",    "iam_signing_key",
                                            "installation",   "reaction_cursor", "schema_migration",
                                            "suppression_key" };
    EXPECT_EQ(tables_with(false), nobodys) << "a table that holds what is a workspace's needs the column "
                                              "`workspace`; one that does not belongs here";
    EXPECT_GT(tables_with(true).size(), 15u);
}

TEST_P(Wall, AStatementThatForgetsItsWorkspaceReachesItsOwnRowsAlone)
{
    open();
    postgres_exec(url, fill);
    for (const std::string &t : tables_with(true)) {
        EXPECT_EQ(rows_of(t, EVERY_WORKSPACE), 2) << t;
        EXPECT_EQ(rows_of(t, "a"), 1) << t;
        EXPECT_EQ(rows_of(t, "nobody"), 0) << t;
        EXPECT_EQ(rows_of(t + " WHERE workspace = 'b'", "a"), 0) << t;
        EXPECT_EQ(change("a", "UPDATE " + t + " SET workspace = workspace"), REASON_NONE) << t;
        EXPECT_EQ(change("a", "UPDATE " + t + " SET workspace = 'b'"), REASON_INTERNAL)
            << t << ": given away";
        EXPECT_EQ(change("a", "UPDATE " + t + " SET workspace = 'a' WHERE workspace = 'b'"), REASON_CONFLICT)
            << t;
        EXPECT_EQ(change("a", "DELETE FROM " + t), REASON_NONE) << t;
        EXPECT_EQ(rows_of(t, "b"), 1) << t << ": the other workspace's row is still there";
    }
}

TEST_P(Wall, NoRowIsPutIntoAnotherWorkspace)
{
    open();
    const std::string into = "INSERT INTO lead_alias (workspace, alias_id, lead_id) VALUES ";
    EXPECT_EQ(change("a", into + "('b', 'x', 'y')"), REASON_INTERNAL);
    EXPECT_EQ(change("a", into + "('', 'x', 'y')"), REASON_INTERNAL);
    EXPECT_EQ(change("", into + "('', 'x', 'y')"), REASON_INTERNAL) << "the empty text is nobody's workspace";
    EXPECT_EQ(change("a", into + "('a', 'x', 'y')"), REASON_NONE);
    EXPECT_EQ(rows_of("lead_alias", EVERY_WORKSPACE), 1);
}

TEST_P(Wall, UnitsOfAGroupDoNotReachEachOthers)
{
    open();
    const char *const workspaces[] = { "c", "a", "b", "a" };
    for (const char *w : { "a", "b", "c", "d" })
        EXPECT_EQ(change(w, std::string("INSERT INTO lead_alias VALUES ('") + w + "', 'x', 'y')"),
                  REASON_NONE);
    for (int expect : { -1, 1 }) { /* together; unit by unit, since the second of `a` finds no row */
        Units units;
        const struct stmt *all = raw("DELETE FROM lead_alias");
        for (const char *w : workspaces) {
            units.add()->workspace = w;
            unit_add(units.at(units.size() - 1), all, expect, REASON_CONFLICT, nullptr);
        }
        units.write(db);
        for (size_t i = 0; i < units.size(); i++)
            EXPECT_EQ(units.reason(i), expect == 1 ? REASON_CONFLICT : REASON_NONE) << i;
        EXPECT_EQ(rows_of("lead_alias", EVERY_WORKSPACE), 1);
        EXPECT_EQ(rows_of("lead_alias", "d"), 1);
    }
}

TEST_P(Wall, ACtxReachesAllOnlyWhileItSaysSo)
{
    open();
    postgres_exec(url, fill);
    const struct stmt *count = raw("SELECT count(*) FROM lead", "", "i");
    Memory m;
    struct rows r;
    struct ctx c = reading(db, &m.arena, 0, "a");
    for (int64_t expected : { 1, 2, 1 }) { /* in one snapshot */
        if (expected == 2)
            db_reach_all(&c);
        else
            db_reach_own(&c);
        ASSERT_TRUE(is_ok(db_query(&c, count, nullptr, &r)));
        EXPECT_EQ(row_at(&r, 0)->i, expected);
    }
    c.workspace = "nobody";
    ASSERT_TRUE(is_ok(db_query(&c, count, nullptr, &r)));
    EXPECT_EQ(row_at(&r, 0)->i, 0);
    db_read_done(&c);
}

TEST_P(Wall, ALoginRoleWithoutRightsIsBehindItToo)
{
    login_as("plain", "");
    open();
    postgres_exec(owner_url, fill);
    EXPECT_EQ(rows_of("lead", "a"), 1) << "though the role owns the table";
    EXPECT_EQ(rows_of("lead", EVERY_WORKSPACE), 2);
    EXPECT_EQ(change("a", "DELETE FROM lead"), REASON_NONE);
}

TEST_P(Wall, ALoginRoleThatCanBypassItMustBeLentOneThatCannot)
{
    login_as("mighty", "BYPASSRLS");
    struct status refused = try_open(nullptr, &db);
    EXPECT_EQ(refused.reason, REASON_STORE_UNAVAILABLE);
    EXPECT_NE(strstr(refused.message, "docs/workspaces.md"), nullptr) << refused.message;
    postgres_exec(owner_url, "DO \\$do\\$ BEGIN CREATE ROLE marketing_server NOLOGIN;"
                             " EXCEPTION WHEN duplicate_object THEN NULL; END \\$do\\$;"
                             " GRANT marketing_server TO mighty");
    open();
    postgres_exec(owner_url, fill);
    EXPECT_EQ(rows_of("lead", "a"), 1);
}

TEST_P(Wall, AServerWhoseRoleCanBypassItDoesNotStart)
{
    open();
    close();
    postgres_exec(url, "ALTER ROLE marketing_server BYPASSRLS");
    struct status refused = try_open(nullptr, &db);
    EXPECT_EQ(refused.reason, REASON_STORE_UNAVAILABLE);
    EXPECT_NE(strstr(refused.message, "can bypass"), nullptr) << refused.message;
    postgres_exec(url, "ALTER ROLE marketing_server NOBYPASSRLS");
    open();
}

INSTANTIATE_TEST_SUITE_P(Databases, Wall, testing::Values("postgresql"));

} // namespace
