// calls.h: the requests of testdata/test.proto, for tests.
#ifndef TESTS_UNIT_SERVER_CALLS_H
#define TESTS_UNIT_SERVER_CALLS_H

#include "base/metrics.h"
#include "tests/unit/server/client.h"
#include "tests/unit/server/test_service.h"
#include "tests/unit/server/testdata/test.pb-c.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace test
{

constexpr char kEcho[] = "/test.v1.TestService/Echo", kSleep[] = "/test.v1.TestService/Sleep",
               kAdd[] = "/test.v1.TestService/Add", kGet[] = "/test.v1.TestService/Get",
               kCount[] = "/test.v1.TestService/Count", kWatch[] = "/test.v1.TestService/Watch",
               kSum[] = "/test.v1.TestService/Sum", kChat[] = "/test.v1.TestService/Chat";

inline std::string EchoBytes(const char *text)
{
    Test__V1__Everything m = TEST__V1__EVERYTHING__INIT;
    m.text = const_cast<char *>(text);
    return Pack(m);
}

inline std::string SleepBytes(int64_t ms)
{
    Test__V1__SleepRequest m = TEST__V1__SLEEP_REQUEST__INIT;
    m.ms = ms;
    return Pack(m);
}

inline std::string AddBytes(const char *name, int64_t amount, const std::string &request_id = "",
                            bool refuse = false)
{
    Test__V1__AddRequest m = TEST__V1__ADD_REQUEST__INIT;
    m.name = const_cast<char *>(name);
    m.amount = amount;
    m.refuse = refuse;
    m.request_id = const_cast<char *>(request_id.c_str());
    return Pack(m);
}

// Conflicts in its first run and takes `ms` for the second, or until test_release().
inline std::string LoseBytes(const char *name, int64_t ms)
{
    Test__V1__AddRequest m = TEST__V1__ADD_REQUEST__INIT;
    m.name = const_cast<char *>(name);
    m.amount = 1;
    m.lose_ms = ms;
    return Pack(m);
}

inline std::string CountBytes(int count, int bytes)
{
    Test__V1__CountRequest m = TEST__V1__COUNT_REQUEST__INIT;
    m.count = count;
    m.bytes = bytes;
    return Pack(m);
}

inline std::shared_ptr<Test__V1__AddResponse> AddResponse(const std::string &bytes)
{
    return Unpack<Test__V1__AddResponse>(test__v1__add_response__descriptor, bytes);
}

inline int64_t Total(const Channel &c, const char *name)
{
    Test__V1__GetRequest m = TEST__V1__GET_REQUEST__INIT;
    m.name = const_cast<char *>(name);
    Outcome o = c.Unary(kGet, Pack(m));
    EXPECT_EQ(o.code, 0) << o.message;
    return AddResponse(o.reply)->total;
}

inline int64_t NowMs()
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// Only what never comes takes a minute.
template <typename F> bool Eventually(F f)
{
    for (int64_t until = NowMs() + 60000; NowMs() < until;
         std::this_thread::sleep_for(std::chrono::milliseconds(2)))
        if (f())
            return true;
    return false;
}

// How many calls of the method ("/test.v1.TestService/Add") ended so.
inline uint64_t Ended(const char *path, unsigned code)
{
    size_t method = metric_find(METRIC_LABEL_METHOD, path + 1);
    return metric_total(METRIC_rpc_handled, metric_method_code(method, code));
}

} // namespace test
#endif
