// harness.h: handlers under test as the runtime would run them: against a real SQLite database in a directory
// of its own, their units made durable by the real committer, run again where another writer was first.
#ifndef TESTS_UNIT_AGENTS_HARNESS_H
#define TESTS_UNIT_AGENTS_HARNESS_H

#include "agents/record/app.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/pb.h"
#include "store/committer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace harness
{

constexpr size_t ARENA_BUDGET = size_t(64) << 20;
constexpr int ATTEMPTS = 10;

// An answer; what it points at lives as long as it does.
template <class Res> struct Answer {
    std::shared_ptr<arena> memory;
    struct status status = ok();
    Res *res = nullptr;
    int attempts = 0;
    int writes = 0; // of the last attempt

    Res *operator->() const
    {
        return res;
    }
    bool ok_() const
    {
        return status.code == CODE_OK;
    }
    std::string reason() const
    {
        return status.code ? reason_name(static_cast<enum reason>(status.reason)) : "OK";
    }
    // "lead.email, lead.phone"
    std::string fields() const
    {
        std::string all;
        for (const violation *v = status.violations; v; v = v->next)
            all += (all.empty() ? "" : ", ") + std::string(v->field);
        return all;
    }
    std::string message() const
    {
        return status.code ? status.message : "";
    }
};

class House
{
  public:
    explicit House(std::vector<const stmt_table *> tables) : tables_(std::move(tables))
    {
        tables_.push_back(nullptr);
        arena_init(&memory, ARENA_BUDGET);
        place();
        open();
        app.code_version = "test";
        app.public_url = "";
        app.confidence_threshold = 0.8;
        app.secret_key = STR("a secret of thirty-two characters");
    }

    ~House()
    {
        close();
        arena_done(&memory);
        if (server.empty())
            std::filesystem::remove_all(directory);
        else
            psql("DROP DATABASE " + database + " WITH (FORCE)");
    }
    House(const House &) = delete;
    House &operator=(const House &) = delete;

    // As after a restart: everything in memory is gone.
    void reopen()
    {
        close();
        open();
    }

    // Runs the work while the database is open here no more: for other processes (SQLite lets one write).
    void while_closed(const std::function<void()> &work)
    {
        close();
        work();
        open();
    }

    // Runs a handler on a copy of the request, as it would come from the wire, and commits what it left.
    template <class Req, class Res>
    Answer<Res> call(struct status (*handler)(ctx *, const Req *, Res *), const Req &req,
                     const ProtobufCMessageDescriptor *answers)
    {
        return run<Res>([&](ctx *c, Res *res) { return handler(c, reread(c->arena, req), res); }, answers);
    }

    // Runs any piece of work in a ctx, commits its unit.
    template <class Res>
    Answer<Res> run(const std::function<struct status(ctx *, Res *)> &work,
                    const ProtobufCMessageDescriptor *answers)
    {
        Answer<Res> a;
        a.memory = std::shared_ptr<arena>(new arena, [](arena *m) {
            arena_done(m);
            delete m;
        });
        arena_init(a.memory.get(), ARENA_BUDGET);
        do {
            arena_reset(a.memory.get());
            a.res = answers ? static_cast<Res *>(pb_new(a.memory.get(), answers)) : nullptr;
            a.status = attempt([&](ctx *c) { return work(c, a.res); }, a.memory.get(), a.attempts, &a.writes);
        } while (a.status.reason == REASON_CONFLICT && ++a.attempts < ATTEMPTS);
        return a;
    }

    Answer<void *> run(const std::function<struct status(ctx *)> &work)
    {
        return run<void *>([&](ctx *c, void **) { return work(c); }, nullptr);
    }

    // One attempt: handler, commit, after_commit.
    struct status attempt(const std::function<struct status(ctx *)> &work, arena *a, int number,
                          int *ret_writes = nullptr)
    {
        unit u = {};
        ctx c = make(a, &u);
        c.attempt = number;
        struct status s = work(&c);
        db_read_done(&c);
        if (s.code == CODE_OK && a->overflow)
            s = fail_memory();
        if (s.code == CODE_OK && before_commit)
            before_commit();
        u.workspace = db_reach(&c);
        if (s.code == CODE_OK && u.n)
            s = committer_run(app.committer, &u);
        if (s.code == CODE_OK && c.after_commit)
            c.after_commit(&c);
        if (ret_writes)
            *ret_writes = static_cast<int>(u.n);
        return s;
    }

    // A ctx as the runtime makes it.
    ctx make(arena *a, unit *u)
    {
        ctx c = {};
        c.arena = a;
        c.app = &app;
        c.db = app.db;
        c.method = method.c_str();
        c.workspace = workspace.c_str();
        c.principal = "tester";
        c.request_id = request_id.c_str();
        c.trace_id = "0123456789abcdef0123456789abcdef";
        c.now_us = now_us ? now_us : clock_wall_us();
        c.deadline_us = INT64_MAX;
        c.unit = u;
        u->arena = a;
        return c;
    }

    // One number from the database: an SQL of the test's own with the workspace as its only parameter.
    int64_t count(const char *sql)
    {
        Counting &known = counting_[sql]; // connections know a statement by its address and its name
        if (known.name.empty()) {
            known.name = "test_count_" + std::to_string(counting_.size());
            known.sql = sql;
            known.stmt = { known.name.c_str(), "t", "i", known.sql.c_str(), nullptr, nullptr };
        }
        int64_t n = -1;
        auto a = run([&](ctx *c) {
            rows r;
            TRY(DB_QUERY(c, &known.stmt, &r, v_text(c->workspace)));
            n = r.n ? row_at(&r, 0)->i : 0;
            return ok();
        });
        EXPECT_EQ(a.reason(), "OK") << a.message();
        return n;
    }

    // All that the database keeps: SQLite's files, or a dump, in which bytes stand in hex.
    std::string stored() const
    {
        const std::string file = directory + "/house.db";
        const std::string command =
            database.empty() ? "cat '" + file + "' '" + file + "-wal'" : "pg_dump --dbname '" + url + "'";
        std::string out(1 << 16, 0), all;
        FILE *p = popen(command.c_str(), "r");
        while (size_t n = p ? fread(out.data(), 1, out.size(), p) : 0)
            all.append(out, 0, n);
        EXPECT_EQ(pclose(p), 0) << command;
        return all;
    }

    struct app app = {};
    std::string directory, server, database, url, workspace = "default", method = "test/Test", request_id;
    int64_t now_us = 0;                  // the ctx's clock; 0: the wall's
    std::function<void()> before_commit; // what another writer does in between

  private:
    template <class Req> static const Req *reread(arena *a, const Req &req)
    {
        str bytes = pb_pack(a, &req);
        return static_cast<const Req *>(pb_unpack(a, req.base.descriptor, bytes));
    }

    void place()
    {
        const char *tmp = std::getenv("TEST_TMPDIR"), *postgres = std::getenv("TEST_POSTGRES_URL");
        if (postgres && *postgres) {
            char id[ID_TEXT];
            id_new(id);
            server = postgres;
            database = std::string("house_") + id;
            psql("CREATE DATABASE " + database);
            url = server.substr(0, server.find('/', server.find("://") + 3)) + "/" + database;
            return;
        }
        std::string pattern = std::string(tmp ? tmp : "/tmp") + "/house-XXXXXX";
        directory = mkdtemp(pattern.data());
        url = "sqlite:///" + directory + "/house.db"; // three slashes and an absolute path: four
    }

    void psql(const std::string &sql)
    {
        std::string command = "psql -X -q -v ON_ERROR_STOP=1 '" + server + "' -c '" + sql + "'";
        ASSERT_EQ(std::system(command.c_str()), 0) << command;
    }

    void open()
    {
        db_options o = {};
        o.url = url.c_str();
        o.tables = tables_.data();
        o.read_connections = 4;
        struct status s = db_open(&o, &memory, &app.db);
        ASSERT_EQ(s.code, CODE_OK) << s.message;
        s = committer_start(app.db, 1024, &memory, &app.committer);
        ASSERT_EQ(s.code, CODE_OK) << s.message;
    }

    void close()
    {
        committer_stop(app.committer);
        db_close(app.db);
        app.committer = nullptr;
        app.db = nullptr;
    }

    std::vector<const stmt_table *> tables_;
    struct Counting {
        std::string name, sql;
        struct stmt stmt = {};
    };
    std::map<std::string, Counting> counting_;
    arena memory;
};

} // namespace harness

#endif
