#include "store/migrate.h"

#include <gtest/gtest.h>

#include <string>

namespace
{

std::string to_sqlite(const char *sql)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    const char *p = migrate_to_sqlite(sql, &a);
    std::string out = p ? p : "(none)";
    arena_done(&a);
    return out;
}

TEST(Migrate, TypesAreMappedAsWholeWords)
{
    EXPECT_EQ(to_sqlite("a BIGINT,\nb BYTEA, c DOUBLE PRECISION\nMY_BIGINT BIGINTS"),
              "a INTEGER,\nb BLOB, c REAL\nMY_BIGINT BIGINTS\n");
    EXPECT_EQ(to_sqlite("seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"),
              "seq INTEGER PRIMARY KEY,\n");
}

TEST(Migrate, TablesBecomeStrict)
{
    EXPECT_EQ(to_sqlite("CREATE TABLE t (\n    a TEXT\n);\n"), "CREATE TABLE t (\n    a TEXT\n) STRICT;\n");
    EXPECT_EQ(to_sqlite("CREATE TABLE t (\n    a TEXT\n) --sqlite: WITHOUT ROWID\n;\n"),
              "CREATE TABLE t (\n    a TEXT\n) STRICT, WITHOUT ROWID\n;\n");
}

TEST(Migrate, OtherTextStays)
{
    EXPECT_EQ(to_sqlite("-- a comment\nCREATE INDEX i ON t (a, b);"),
              "-- a comment\nCREATE INDEX i ON t (a, b);\n");
}

TEST(Migrate, EmbeddedOnesAreNumberedFromOne)
{
    int64_t n = 0;
    for (const struct migration *m = store_migrations; m->number; m++) {
        EXPECT_EQ(m->number, ++n);
        const std::string text = m->sql;
        EXPECT_EQ(text.substr(text.find_last_not_of("\n")), ";\n") << m->name << " is cut off";
        EXPECT_EQ(to_sqlite(m->sql).find("BIGINT"), std::string::npos) << m->name;
    }
    EXPECT_GE(n, 1);
}

} // namespace
