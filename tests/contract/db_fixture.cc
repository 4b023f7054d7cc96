#include "tests/contract/db_fixture.h"

#include "base/ids.h"

#include <cstdlib>
#include <unistd.h>

struct unit *Units::add()
{
    list.emplace_back();
    struct unit *u = &list.back().unit;
    memset(u, 0, sizeof *u);
    u->arena = &list.back().memory.arena;
    u->workspace = EVERY_WORKSPACE;
    all.push_back(u);
    return u;
}

void Units::write(struct db *db)
{
    db->ops->write(db, all.data(), all.size());
}

std::string postgres_url()
{
    const char *url = getenv("TEST_POSTGRES_URL");
    if (!url || !*url) {
        ADD_FAILURE()
            << "TEST_POSTGRES_URL is not set. Start a server with `tests/lib/postgres.sh start FOLDER` and "
               "pass the url that it prints: --test_env=TEST_POSTGRES_URL=...";
        return "";
    }
    return url;
}

void postgres_exec(const std::string &url, const std::string &sql)
{
    std::string command = "psql -X -q -v ON_ERROR_STOP=1 '" + url + "' -c \"" + sql + "\"";
    ASSERT_EQ(system(command.c_str()), 0) << command;
}

std::string postgres_database(const std::string &url, const std::string &name)
{
    size_t host = url.find("://") + 3, path = url.find('/', host);
    return url.substr(0, path) + "/" + name;
}

void DbTest::SetUp()
{
    char id[ID_TEXT];
    id_new(id);
    name = std::string("t") + id;
    if (sqlite()) {
        const char *tmp = getenv("TEST_TMPDIR");
        folder = std::string(tmp ? tmp : "/tmp") + "/" + name;
        ASSERT_EQ(system(("mkdir -p " + folder).c_str()), 0);
        url = "sqlite:///" + folder + "/test.db";
        return;
    }
    std::string server = postgres_url();
    ASSERT_NE(server, "");
    postgres_exec(server, "CREATE DATABASE " + name);
    url = postgres_database(server, name);
}

void DbTest::TearDown()
{
    close();
    if (sqlite())
        EXPECT_EQ(system(("rm -rf " + folder).c_str()), 0);
    else if (!url.empty())
        postgres_exec(postgres_url(), "DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
}

struct status DbTest::try_open(const struct migration *migrations, struct db **ret, bool read_only)
{
    struct db_options o;
    memset(&o, 0, sizeof o);
    o.url = url.c_str();
    o.tables = spine_tables;
    o.read_connections = 4;
    o.migrations = migrations;
    o.read_only = read_only;
    return db_open(&o, &memory.arena, ret);
}

struct db *DbTest::open(const struct migration *migrations)
{
    struct status s = try_open(migrations, &db);
    EXPECT_TRUE(is_ok(s)) << s.message;
    if (!is_ok(s))
        abort();
    return db;
}

void DbTest::close()
{
    db_close(db);
    db = nullptr;
}

struct status DbTest::ping()
{
    int64_t limit = clock_mono_us() + 60 * US_PER_SECOND;
    struct status s;
    while (!is_ok(s = db->ops->ping(db)) && clock_mono_us() < limit)
        usleep(20000);
    return s;
}

struct rows DbTest::query(struct arena *a, const struct stmt *s, std::vector<struct value> args)
{
    struct ctx c = reading(db, a, 0, reach);
    struct rows rows = {};
    struct status st = db_query(&c, s, args.data(), &rows);
    EXPECT_TRUE(is_ok(st)) << s->name << ": " << st.message;
    db_read_done(&c);
    return rows;
}

const struct stmt *DbTest::raw(const std::string &sql, const char *params, const char *result)
{
    const std::string &own_name = texts.emplace_back("raw_" + std::to_string(statements.size()));
    const std::string &own_sql = texts.emplace_back(sql);
    return &statements.emplace_back(
        stmt{ own_name.c_str(), params, result, own_sql.c_str(), nullptr, nullptr });
}

std::vector<int64_t> DbTest::numbers(const struct stmt *s, std::vector<struct value> args)
{
    Memory m;
    struct rows rows = query(&m.arena, s, args);
    std::vector<int64_t> out;
    for (size_t i = 0; i < rows.n * rows.cols; i++)
        out.push_back(rows.v[i].i);
    return out;
}

std::vector<int64_t> DbTest::count(const char *workspace)
{
    return numbers(&spine_count, { v_text(workspace) });
}

void DbTest::run(const struct stmt *s, std::vector<struct value> args, int expect)
{
    Units units;
    struct unit *u = units.add();
    u->workspace = reach;
    unit_add(u, s, expect, REASON_CONFLICT, args.data());
    units.write(db);
    ASSERT_TRUE(is_ok(units.at(0)->outcome)) << s->name << ": " << units.at(0)->outcome.message;
}
