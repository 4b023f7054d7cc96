// postgres_fixture.h: a PostgreSQL server of the suite's own, which its tests may stop and change.
#pragma once

#include "tests/contract/db_fault.h"

#include "base/ids.h"

class PostgresTest : public DbFault
{
  protected:
    static void SetUpTestSuite()
    {
        const char *tmp = getenv("TEST_TMPDIR");
        char id[ID_TEXT];
        id_new(id);
        server = std::string(tmp ? tmp : "/tmp") + "/pg-" + id;
        control("start");
    }
    static void TearDownTestSuite()
    {
        control("remove");
        EXPECT_EQ(system(("rm -rf " + server).c_str()), 0);
    }
    void SetUp() override
    {
        char id[ID_TEXT];
        id_new(id);
        std::string url_of_server = control("url");
        ASSERT_NE(url_of_server, "");
        postgres_exec(url_of_server, std::string("CREATE DATABASE t") + id);
        url = postgres_database(url_of_server, std::string("t") + id);
    }
    void TearDown() override
    {
        close();
    }
    static std::string control(const char *action)
    {
        std::string out;
        char line[256];
        FILE *p = popen(("tests/lib/postgres.sh " + std::string(action) + " " + server).c_str(), "r");
        while (p && fgets(line, sizeof line, p))
            out += line;
        EXPECT_EQ(pclose(p), 0) << action;
        return out.substr(0, out.find('\n'));
    }
    inline static std::string server;
};
