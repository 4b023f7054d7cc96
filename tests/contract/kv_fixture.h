// kv_fixture.h: a Redis of the test's own, which it may kill (tests/lib/redis.sh).
#pragma once

#include "base/ids.h"
#include "store/kv.h"

#include <gtest/gtest.h>

#include <string>

class Redis
{
  public:
    explicit Redis(const std::string &mode) : mode(mode)
    {
        const char *tmp = getenv("TEST_TMPDIR");
        char id[ID_TEXT];
        id_new(id);
        folder = std::string(tmp ? tmp : "/tmp") + "/redis-" + id;
        url = control("start");
    }
    ~Redis()
    {
        control("remove");
    }
    Redis(const Redis &) = delete;
    Redis &operator=(const Redis &) = delete;
    std::string control(const std::string &action) const
    {
        std::string out;
        char line[256];
        FILE *p = popen(("tests/lib/redis.sh " + action + " " + folder + " " + mode).c_str(), "r");
        while (p && fgets(line, sizeof line, p))
            out += line;
        EXPECT_EQ(pclose(p), 0) << action;
        return out.substr(0, out.find('\n'));
    }
    std::string ca_file() const
    {
        return mode == "tls" ? folder + "/ca.pem" : "";
    }
    std::string url, folder;

  private:
    std::string mode;
};

class KvTest : public testing::Test
{
  protected:
    KvTest()
    {
        arena_init(&arena, 16u << 20);
    }
    ~KvTest() override
    {
        kv_close(kv);
        arena_done(&arena);
    }
    struct status open(const std::string &url, const std::string &ca_file = "", int64_t timeout_us = 20000000,
                       size_t memory = 1u << 20)
    {
        struct kv_options o;
        memset(&o, 0, sizeof o);
        o.url = arena_dup(&arena, str_make(url.data(), url.size()));
        o.ca_file = arena_dup(&arena, str_make(ca_file.data(), ca_file.size()));
        o.connections = 3;
        o.timeout_us = timeout_us;
        o.memory = memory;
        return kv_open(&o, &arena, &kv);
    }
    struct status set(const std::string &key, const std::string &value, int64_t ttl_ms = 60000)
    {
        return kv->ops->set(kv, key.c_str(), str_make(value.data(), value.size()), ttl_ms);
    }
    // The value; "(none)" where there is none, the reason's name where it fails.
    std::string get(const std::string &key)
    {
        bool found = false;
        struct str value = str_of("");
        struct status s = kv->ops->get(kv, key.c_str(), &arena, &found, &value);
        if (!is_ok(s))
            return reason_name(static_cast<enum reason>(s.reason));
        return found ? std::string(value.p, value.n) : "(none)";
    }
    // The sum, or INT64_MIN where it fails.
    int64_t add(const std::string &key, int64_t n, int64_t ttl_ms = 60000)
    {
        int64_t sum = 0;
        struct status s = kv->ops->add(kv, key.c_str(), n, ttl_ms, &sum);
        return is_ok(s) ? sum : INT64_MIN;
    }
    struct status charge(const std::string &key, struct bucket_limit limit, double spent, double *ret_left)
    {
        struct kv_bucket b = { key.c_str(), limit, spent, 0 };
        struct status s = kv->ops->charge(kv, &b, 1);
        *ret_left = b.left;
        return s;
    }

    struct arena arena;
    struct kv *kv = nullptr;
};
