// The delivery against a mail server on this machine, and the same drivers in a bare loop against the same
// server, in turn: messages a second, and CPU time a message, ours and the mail server's. Before that the
// messages are asked for, which gives EngageLead's rate.
//
//     engage_bench [--threads n] [--messages n] [--rounds n]
#include "agents/engage/engage.h"
#include "agents/record/task.h"
#include "store/committer.h"
#include "tests/unit/agents/engage/delivery.h"

#include <algorithm>
#include <sys/resource.h>

using namespace fixture;

namespace
{

int threads = 4, wanted = 20000, rounds = 3;
constexpr int callers = 50;

double cpu_us()
{
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    return static_cast<double>((u.ru_utime.tv_sec + u.ru_stime.tv_sec) * US_PER_SECOND + u.ru_utime.tv_usec +
                               u.ru_stime.tv_usec);
}

double median(std::vector<double> v)
{
    std::sort(v.begin(), v.end());
    return v[v.size() / 2];
}

// Figures of one way to do it, a round each.
struct Figures {
    std::vector<double> rate, cpu, sink_cpu;
    void tell(const char *what, int n) const
    {
        printf("%-20s %6.0f messages/s %5.0f us of CPU a message", what, median(rate), median(cpu));
        if (!sink_cpu.empty())
            printf(", and %3.0f us of the mail server's", median(sink_cpu));
        printf(" (%zu rounds of %d)\n", rate.size(), n);
    }
};

class EngageBench : public DeliveryRoom
{
  protected:
    template <class Work> void round(Figures *f, Work work)
    {
        double cpu = cpu_us(), sink = static_cast<double>(smtp.listener.cpu_us());
        int64_t start = clock_mono_us();
        work();
        f->rate.push_back(wanted * 1e6 / static_cast<double>(clock_mono_us() - start));
        sink = (static_cast<double>(smtp.listener.cpu_us()) - sink) / wanted;
        f->cpu.push_back((cpu_us() - cpu) / wanted - sink);
        f->sink_cpu.push_back(sink);
    }
    template <class Work> void at_once(int n, Work work)
    {
        std::vector<std::thread> all;
        for (int i = 0; i < n; i++)
            all.emplace_back([=] { work(i); });
        for (auto &t : all)
            t.join();
    }

    // ---- Asking ----

    static struct status ask(ctx *c, void *lead)
    {
        EngageLeadRequest req = ENGAGE_LEAD_REQUEST_INIT;
        EngageLeadResponse res = ENGAGE_LEAD_RESPONSE_INIT;
        c->principal = "bench";
        req.lead = static_cast<char *>(lead);
        req.template_ = const_cast<char *>("templates/hello");
        req.medium = MEDIUM_EMAIL;
        return engage_lead(c, &req, &res);
    }
    // One caller's part: its leads, one call after the other.
    void ask_all(int caller)
    {
        arena a;
        arena_init(&a, size_t(4) << 20);
        for (int i = caller; i < wanted; i += callers) {
            std::string lead = "leads/p" + std::to_string(i);
            struct status s = task_run_in(&house.app, "EngageLead", "default", &a, ask, lead.data());
            ASSERT_EQ(s.code, CODE_OK) << s.message;
            arena_reset(&a);
        }
        arena_done(&a);
    }

    // ---- Sending ----

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
        for (int i = 0; i < wanted / threads; i++) {
            smtp_send(t, &server, &limits, "news@us.example", "ann@mail.example", str_of(mail.c_str()),
                      &came);
            ASSERT_EQ(came.outcome, SEND_SENT) << came.detail;
        }
        transfer_close(t);
        arena_done(&a);
    }
    void deliver(int until)
    {
        start();
        while (smtp.taken < until)
            usleep(1000);
        stop(); // once every outcome is stored
    }
};

TEST_F(EngageBench, AgainstTheBareLoop)
{
    Figures asked, ours, bare;
    std::vector<double> ratio, cpu_ratio;
    std::string mail;
    limits.timeout_ms = 30000;
    options.threads = static_cast<unsigned>(threads);
    wanted -= wanted % threads;
    mail_and_sms();
    for (int i = 0; i < wanted; i++)
        person("p" + std::to_string(i));
    for (int r = 0; r < rounds; r++) {
        round(&asked, [&] { at_once(callers, [this](int i) { ask_all(i); }); });
        int before = smtp.taken;
        round(&ours, [&] { deliver(before + wanted); });
        ASSERT_EQ(house.count("SELECT count(*) FROM message WHERE workspace = $1 AND state = 3"),
                  int64_t(r + 1) * wanted);
        mail = mail.empty() ? smtp.mails()[0] : mail;
        round(&bare, [&] { at_once(threads, [&](int) { send_bare(mail); }); });
        ratio.push_back(100 * ours.rate.back() / bare.rate.back());
        cpu_ratio.push_back((ours.cpu.back() + ours.sink_cpu.back()) /
                            (bare.cpu.back() + bare.sink_cpu.back()));
    }
    rusage u;
    getrusage(RUSAGE_SELF, &u);
    asked.sink_cpu.clear();
    printf("%d connections, mails of %zu bytes\n", threads, mail.size());
    asked.tell("EngageLead", wanted);
    ours.tell("delivery", wanted);
    bare.tell("bare loop", wanted);
    printf("delivery/bare loop %.0f %%, CPU of both sides %.2f times; %ld MiB of RSS at most, the mails kept "
           "by the mail server "
           "included\n",
           median(ratio), median(cpu_ratio), u.ru_maxrss / 1024);
}

} // namespace

int main(int argc, char **argv)
{
    static const std::pair<const char *, int *> options[] = { { "--threads", &threads },
                                                              { "--messages", &wanted },
                                                              { "--rounds", &rounds } };
    testing::InitGoogleTest(&argc, argv);
    for (int i = 1; i + 1 < argc; i += 2)
        for (auto &[name, to] : options)
            if (strcmp(argv[i], name) == 0)
                *to = std::stoi(argv[i + 1]);
    return RUN_ALL_TESTS();
}
