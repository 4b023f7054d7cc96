// The delivery against a mail server on this machine, and the same drivers in a bare loop against the same
// server: messages a second, and CPU time a message, the server's own included in both.
//
//     engage_bench [--threads n] [--messages n]
#include "tests/unit/agents/engage/delivery.h"

#include <sys/resource.h>

using namespace fixture;

namespace
{

unsigned threads = 32;
int wanted = 3000;

double cpu_us()
{
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return static_cast<double>((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US_PER_SECOND + u.ru_utime.tv_usec +
                               u.ru_stime.tv_usec);
}

// What the work takes for all messages.
template <class Work> double report(const char *what, Work work)
{
    double cpu = cpu_us();
    int64_t start = clock_mono_us();
    work();
    double rate = wanted * 1e6 / static_cast<double>(clock_mono_us() - start);
    printf("%-10s %6.0f messages/s %7.0f us of CPU a message\n", what, rate, (cpu_us() - cpu) / wanted);
    return rate;
}

class EngageBench : public DeliveryRoom
{
  protected:
    // One thread's part of the bare loop.
    void send_bare(const std::string &mail)
    {
        arena a;
        transfer *t;
        sent came;
        smtp_server server = {
            "127.0.0.1", smtp.listener.port, TRANSFER_PLAIN, nullptr, nullptr, "us.example"
        };
        arena_init(&a, 65536);
        ASSERT_TRUE(is_ok(transfer_open(&a, &t)));
        for (unsigned i = 0; i < static_cast<unsigned>(wanted) / threads; i++) {
            smtp_send(t, &server, &limits, "news@us.example", "ann@mail.example", str_of(mail.c_str()),
                      &came);
            ASSERT_EQ(came.outcome, SEND_SENT) << came.detail;
        }
        transfer_close(t);
        arena_done(&a);
    }
    void bare(const std::string &mail)
    {
        std::vector<std::thread> all;
        for (unsigned i = 0; i < threads; i++)
            all.emplace_back([&] { send_bare(mail); });
        for (auto &t : all)
            t.join();
    }
    void delivered()
    {
        start();
        while (house.count("SELECT count(*) FROM message WHERE workspace = $1 AND state IN (1, 2)"))
            moments(1);
    }
};

TEST_F(EngageBench, AgainstTheBareLoop)
{
    limits.timeout_ms = 30000;
    options.threads = threads;
    wanted -= wanted % static_cast<int>(threads);
    mail_and_sms();
    for (int i = 0; i < wanted; i++) {
        person("p" + std::to_string(i));
        order("p" + std::to_string(i));
    }
    printf("%u threads, %d messages\n", threads, wanted);
    double ours = report("delivery", [&] { delivered(); });
    ASSERT_EQ(smtp.mails().size(), static_cast<size_t>(wanted));
    std::string mail = smtp.mails()[0];
    double ceiling = report("bare loop", [&] { bare(mail); });
    printf("delivery/bare loop %.0f %%\n", 100 * ours / ceiling);
}

} // namespace

int main(int argc, char **argv)
{
    testing::InitGoogleTest(&argc, argv);
    for (int i = 1; i + 1 < argc; i += 2) {
        int n = std::stoi(argv[i + 1]);
        if (strcmp(argv[i], "--threads") == 0)
            threads = static_cast<unsigned>(n);
        else if (strcmp(argv[i], "--messages") == 0)
            wanted = n;
    }
    return RUN_ALL_TESTS();
}
