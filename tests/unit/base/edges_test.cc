// What the edges use: log lines, metrics, fault points.
#include "base/fault.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace
{

// What was logged while it lives, through the log's own thread.
class Logged
{
  public:
    Logged()
    {
        EXPECT_EQ(pipe(pipe_), 0);
        fcntl(pipe_[0], F_SETFL, O_NONBLOCK);
        log_start(pipe_[1]);
    }
    std::string Text()
    {
        std::string text;
        char part[4096];
        log_stop();
        for (ssize_t n; (n = read(pipe_[0], part, sizeof part)) > 0;)
            text.append(part, static_cast<size_t>(n));
        return text;
    }
    ~Logged()
    {
        log_stop();
        close(pipe_[0]);
        close(pipe_[1]);
    }

  private:
    int pipe_[2];
};

// Takes the leading "time=..." off the text.
std::string Time(std::string *text)
{
    size_t end = text->find(' ');
    EXPECT_EQ(text->substr(0, 5), "time=");
    std::string time = text->substr(5, end - 5);
    text->erase(0, end);
    return time;
}

void Line(log_level level, const char *value)
{
    log_line l;
    log_begin(&l, level, "test");
    log_text(&l, "value", value);
    log_int(&l, "n", -7);
    log_end(&l);
}

TEST(Log, WritesKeysAndValues)
{
    Logged log;
    Line(LEVEL_INFO, "plain");
    std::string text = log.Text();
    EXPECT_EQ(Time(&text).size(), strlen("2026-11-24T22:28:24.000123Z"));
    EXPECT_EQ(text, " level=info event=test value=plain n=-7\n");
}

TEST(Log, QuotesWhatCouldForgeALine)
{
    Logged log;
    for (const char *bad :
         { "two words", "", "a\nlevel=error", "quo\"te", "back\\slash", "a=b", "\xff\xfe", "grüße" })
        Line(LEVEL_INFO, bad);
    std::string text = log.Text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 8);
    for (const char *want :
         { "value=\"two words\"", "value=\"\"", "value=\"a\\x0alevel=error\"", "value=\"quo\\\"te\"",
           "value=\"back\\\\slash\"", "value=\"a=b\"", "value=\"\\xff\\xfe\"", "value=\"grüße\"" })
        EXPECT_NE(text.find(want), std::string::npos) << want;
}

TEST(Log, LevelsBelowTheLeastAreLeftOut)
{
    Logged log;
    Line(LEVEL_DEBUG, "unseen");
    log_level_set(LEVEL_WARN);
    Line(LEVEL_INFO, "unseen");
    Line(LEVEL_WARN, "seen");
    log_level_set(LEVEL_INFO);
    std::string text = log.Text();
    EXPECT_EQ(text.find("unseen"), std::string::npos);
    EXPECT_NE(text.find("level=warn event=test value=seen"), std::string::npos);
}

TEST(Log, LongLinesAreCutAndSaySo)
{
    Logged log;
    Line(LEVEL_INFO, std::string(5000, 'x').c_str());
    std::string text = log.Text();
    EXPECT_LE(text.size(), static_cast<size_t>(LOG_LINE));
    EXPECT_EQ(text.substr(text.size() - 7), " cut=1\n");
}

TEST(Log, ManyThreadsNeverMixTheirLines)
{
    Logged log;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([] {
            for (int i = 0; i < 100; i++)
                Line(LEVEL_INFO, "abc");
        });
    for (auto &t : threads)
        t.join();
    std::string text = log.Text();
    size_t n = 0;
    for (; !text.empty(); n++) {
        static const std::string line = " level=info event=test value=abc n=-7\n";
        Time(&text);
        ASSERT_EQ(text.substr(0, line.size()), line);
        text.erase(0, line.size());
    }
    EXPECT_EQ(n, 400u);
}

// A pipe that nobody reads: the callers go on, the lines are counted.
TEST(Log, ABlockedReaderCostsLinesNotTime)
{
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    uint64_t before = log_dropped();
    log_start(ends[1]);
    for (int i = 0; i < 20000; i++)
        Line(LEVEL_INFO, "nobody reads this");
    EXPECT_GT(log_dropped(), before);
    std::thread reader([&] {
        char part[65536];
        while (read(ends[0], part, sizeof part) > 0)
            ;
    });
    log_stop();
    close(ends[1]);
    reader.join();
    close(ends[0]);
}

std::string Scrape()
{
    buf b;
    buf_init(&b, 16u << 20);
    metrics_text(&b);
    std::string text(b.p, b.n);
    buf_done(&b);
    return text;
}

TEST(Metrics, SumOverThreadsThatCameAndWent)
{
    size_t method = metric_value(METRIC_LABEL_METHOD, "test.Service/Sum");
    for (int round = 0; round < 3; round++) {
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; t++)
            threads.emplace_back([&] {
                for (int i = 0; i < 1000; i++)
                    metric_add(METRIC_rpc_replays, method, 1);
            });
        for (auto &t : threads)
            t.join();
    }
    EXPECT_EQ(metric_total(METRIC_rpc_replays, method), 12000u);
    EXPECT_NE(Scrape().find("rpc_idempotent_replays_total{method=\"test.Service/Sum\"} 12000\n"),
              std::string::npos);
}

TEST(Metrics, HistogramsAreCumulative)
{
    size_t method = metric_value(METRIC_LABEL_METHOD, "test.Service/Time");
    for (int64_t us : { 50, 100, 101, 900000, 60000000 })
        metric_time(METRIC_rpc_time, method, us);
    std::string text = Scrape(), label = "{method=\"test.Service/Time\"";
    EXPECT_NE(text.find("rpc_latency_seconds_bucket" + label + ",le=\"0.0001\"} 2\n"), std::string::npos);
    EXPECT_NE(text.find("rpc_latency_seconds_bucket" + label + ",le=\"0.00025\"} 3\n"), std::string::npos);
    EXPECT_NE(text.find("rpc_latency_seconds_bucket" + label + ",le=\"1\"} 4\n"), std::string::npos);
    EXPECT_NE(text.find("rpc_latency_seconds_bucket" + label + ",le=\"+Inf\"} 5\n"), std::string::npos);
    EXPECT_NE(text.find("rpc_latency_seconds_sum" + label + "} 60.900251\n"), std::string::npos);
    EXPECT_NE(text.find("rpc_latency_seconds_count" + label + "} 5\n"), std::string::npos);
}

TEST(Metrics, LabelsOfMethodAndCode)
{
    size_t method = metric_value(METRIC_LABEL_METHOD, "test.Service/Code");
    EXPECT_EQ(metric_value(METRIC_LABEL_METHOD, "test.Service/Code"), method);
    EXPECT_EQ(metric_find(METRIC_LABEL_METHOD, "test.Service/Code"), method);
    EXPECT_EQ(metric_find(METRIC_LABEL_METHOD, "test.Service/Unheard"), static_cast<size_t>(METRIC_VALUES));
    metric_add(METRIC_rpc_handled, metric_method_code(method, CODE_NOT_FOUND), 2);
    metric_set(METRIC_rpc_slots_free, 0, 42);
    std::string text = Scrape();
    EXPECT_NE(text.find("rpc_handled_total{method=\"test.Service/Code\",code=\"NOT_FOUND\"} 2\n"),
              std::string::npos);
    EXPECT_NE(text.find("\nrpc_slots_free 42\n"), std::string::npos);
}

TEST(Metrics, TooManyValuesAreCountedAsOther)
{
    size_t last = 0;
    for (int i = 0; i < 2 * METRIC_VALUES; i++)
        last = metric_value(METRIC_LABEL_LANE, ("lane" + std::to_string(i)).c_str());
    EXPECT_EQ(last, static_cast<size_t>(METRIC_VALUES - 1));
    metric_set(METRIC_rpc_lane_queued, last, 3);
    EXPECT_NE(Scrape().find("rpc_lane_queued{lane=\"other\"} 3\n"), std::string::npos);
}

TEST(Metrics, EveryRowHasHelpAndAType)
{
    std::string text = Scrape();
    size_t help = 0, type = 0;
    for (size_t at = 0; (at = text.find("# HELP ", at)) != std::string::npos; at++)
        help++;
    for (size_t at = 0; (at = text.find("# TYPE ", at)) != std::string::npos; at++)
        type++;
    EXPECT_EQ(help, static_cast<size_t>(METRIC_COUNT));
    EXPECT_EQ(type, static_cast<size_t>(METRIC_COUNT));
}

TEST(Fault, ActsAtThePassItWasArmedFor)
{
    ASSERT_TRUE(fault_plan("rpc_before_commit:fail:3, rpc_before_reply:fail:0"));
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_commit));
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_commit));
    EXPECT_TRUE(fault_pass(FAULT_rpc_before_commit));
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_commit));
    EXPECT_TRUE(fault_pass(FAULT_rpc_before_reply));
    EXPECT_TRUE(fault_pass(FAULT_rpc_before_reply));
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_handler));
}

TEST(Fault, StallsAndKills)
{
    ASSERT_TRUE(fault_plan("rpc_before_commit:stall:1:50"));
    auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_commit));
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
    EXPECT_EXIT(
        {
            fault_plan("rpc_before_commit:kill");
            fault_pass(FAULT_rpc_before_commit);
        },
        ::testing::KilledBySignal(SIGKILL), "");
}

TEST(Fault, RefusesPlansThatNameNothing)
{
    for (const char *bad : { "no_such_point:fail", "rpc_before_commit:explode", "rpc_before_commit",
                             "rpc_before_commit:fail:x" })
        EXPECT_FALSE(fault_plan(bad)) << bad;
    EXPECT_TRUE(fault_plan(""));
    EXPECT_FALSE(fault_pass(FAULT_rpc_before_commit));
}

} // namespace
