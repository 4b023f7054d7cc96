// Processes that deliver are killed again and again, at any moment: at a webhook each message takes effect
// exactly once and none is missing; no mail is sent twice, and one whose attempt began and did not come to
// its end is UNKNOWN.
#include "agents/engage/delivery/marks.h"
#include "base/fault.h"
#include "tests/unit/agents/engage/delivery.h"

#include <algorithm>
#include <random>
#include <spawn.h>
#include <sys/wait.h>

using namespace fixture;

namespace
{

// Longer by DELIVERY_KILL_MESSAGES.
int messages_wanted()
{
    const char *n = std::getenv("DELIVERY_KILL_MESSAGES");
    return n ? std::stoi(n) : 300;
}

const stmt_table *const tables[] = { &leads_statements, &message_statements, nullptr };

// What a replica of the server has of the delivery, until it is killed.
int deliver(const char *url, unsigned threads)
{
    static arena memory;
    static struct app app;
    static const send_limits limits = { 200, "127.0.0.1", nullptr };
    const delivery_options options = { threads, 20, 20000, 300000 };
    db_options o = {};
    delivery *d;
    arena_init(&memory, size_t(64) << 20);
    o.url = url;
    o.tables = tables;
    o.read_connections = 4;
    app.send = &limits;
    app.max_channels = 5;
    app.public_url = "";
    app.secret_key = STR("a secret of thirty-two characters");
    struct status s = db_open(&o, &memory, &app.db);
    if (s.code == CODE_OK)
        s = committer_start(app.db, 1024, &memory, &app.committer);
    if (s.code == CODE_OK)
        s = zones_open(ZONES_FOLDER, &memory, &app.zones);
    if (s.code == CODE_OK)
        s = forms_open(&memory, &app.forms);
    if (s.code == CODE_OK)
        s = delivery_start(&app, &options, &memory, &d);
    if (s.code != CODE_OK) {
        fprintf(stderr, "%s\n", s.message);
        return 1;
    }
    for (;;)
        pause();
}

class DeliveryKill : public DeliveryRoom
{
  protected:
    // What the killed left in the machine's memory.
    ~DeliveryKill() override
    {
        const char *place;
        size_t n;
        std::vector<struct marks *> all;
        if (house.app.db->ops->place(house.app.db, &memory, &place).code == CODE_OK)
            while (struct marks *m = marks_open(place, 0, &memory, nullptr, &n))
                all.push_back(m);
        for (struct marks *m : all)
            marks_close(m);
    }
    pid_t spawn()
    {
        char self[] = "/proc/self/exe", role[] = "deliver";
        std::string url = house.url, n = std::to_string(threads);
        char *argv[] = { self, role, url.data(), n.data(), nullptr };
        pid_t pid = 0;
        EXPECT_EQ(posix_spawn(&pid, self, nullptr, nullptr, argv, environ), 0);
        return pid;
    }
    void kill_one(pid_t pid)
    {
        int how;
        kill(pid, SIGKILL);
        ASSERT_EQ(waitpid(pid, &how, 0), pid);
        ASSERT_TRUE(WIFSIGNALED(how)) << "it ended on its own";
    }
    int64_t unfinished()
    {
        return house.count("SELECT count(*) FROM message WHERE workspace = $1 AND state IN (1, 2)");
    }
    // What it does at its fault points; "": nothing.
    pid_t spawn_with(const std::string &plan)
    {
        setenv("FAULTS", plan.c_str(), 1);
        pid_t pid = spawn();
        unsetenv("FAULTS");
        return pid;
    }
    bool dies(pid_t pid, int within_ms)
    {
        for (int waited = 0, how; waited < within_ms; waited += 10, usleep(10000))
            if (waitpid(pid, &how, WNOHANG) == pid)
                return WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL;
        return false;
    }
    void let_finish()
    {
        while (unfinished() > 0)
            house.while_closed([&] {
                pid_t pid = spawn();
                usleep(3000000);
                kill_one(pid);
            });
    }
    void order_all(int n, int people = 60)
    {
        for (int i = 0; i < people; i++)
            person("p" + std::to_string(i));
        for (int i = 0; i < n; i++)
            (i % 2 ? posts : mails)
                .insert(order("p" + std::to_string(i % people), i % 2 ? MEDIUM_SMS : MEDIUM_EMAIL));
    }
    void check()
    {
        std::set<std::string> arrived, effects;
        for (auto &mail : smtp.mails())
            EXPECT_TRUE(arrived.insert("messages/" + id_of(mail).substr(0, 26)).second) << "twice: " << mail;
        for (auto &p : http.posts())
            effects.insert("messages/" + p.headers["idempotency-key"]);
        EXPECT_EQ(effects, posts);
        for (auto &name : posts)
            EXPECT_EQ(message(name)->state, MESSAGE__STATE_SENT) << name;
        for (auto &name : mails) {
            auto m = message(name);
            EXPECT_TRUE(m->state == MESSAGE__STATE_SENT || m->state == MESSAGE__STATE_UNKNOWN) << m->detail;
            EXPECT_TRUE(m->state == MESSAGE__STATE_UNKNOWN || arrived.count(name)) << name;
            unknown += m->state == MESSAGE__STATE_UNKNOWN;
        }
    }

    std::set<std::string> mails, posts; // names
    int unknown = 0;
    unsigned threads = 3; // of each process
};

// One process after the other; on PostgreSQL two at a time, which share the messages.
TEST_F(DeliveryKill, EachTakesEffectOnce)
{
    std::mt19937 chance(std::random_device{}());
    const size_t replicas = house.server.empty() ? 1 : 2;
    int64_t all = messages_wanted(), left = all;
    int kills = 0;
    mail_and_sms();
    order_all(static_cast<int>(all));
    useconds_t patience = 2000; // more where a busy machine lets none of them get anywhere
    for (int round = 0; left > 0 && round < 2000; round++) {
        house.while_closed([&] {
            std::vector<pid_t> running(replicas);
            for (pid_t &pid : running)
                pid = spawn();
            for (pid_t pid : running) {
                usleep(left > all / 10 ? patience + chance() % static_cast<unsigned>(4000 + 20 * all)
                                       : std::max(2000000u, patience));
                kill_one(pid);
                kills++;
            }
        });
        int64_t before = left;
        left = unfinished();
        patience = left < before ? 2000 : std::min(2 * patience, 8000000u);
    }
    EXPECT_EQ(left, 0);
    EXPECT_GT(kills, 3);
    check();
    printf("%d messages, %d kills, %d unknown\n", messages_wanted(), kills, unknown);
}

// On PostgreSQL: two share all messages, and one of them is killed half-way. Longer by
// DELIVERY_SHARE_MESSAGES.
TEST_F(DeliveryKill, TwoShareTheMessagesAndOneDies)
{
    const char *longer = std::getenv("DELIVERY_SHARE_MESSAGES");
    const int all = longer ? std::stoi(longer) : 400;
    if (house.server.empty())
        return; // one process writes a SQLite file
    mail_and_sms();
    order_all(all, std::max(60, all / 20));
    int64_t start = clock_mono_us(), left = all;
    pid_t one = spawn(), other = spawn();
    while ((left = unfinished()) > all / 2)
        usleep(50000);
    kill_one(one);
    while (unfinished() > 0)
        usleep(50000);
    double seconds = static_cast<double>(clock_mono_us() - start) / 1e6;
    kill_one(other);
    check();
    printf("%d messages, one replica killed with %lld left, %d unknown, %.1f s\n", all,
           static_cast<long long>(left), unknown, seconds);
}

#ifdef FAULTS
// Each fault point kills its process, at one of its first passes; while providers answer, and while their
// answers are lost.
TEST_F(DeliveryKill, AtEveryFaultPoint)
{
    std::mt19937 chance(std::random_device{}());
    int points = 0;
    mail_and_sms();
    order_all(messages_wanted());
    for (const char *cut : { "", "CUT" }) {
        smtp.at("END", cut);
        http.answer(*cut ? cut : "200 OK\r\nContent-Length: 0\r\n\r\n");
        for (int f = 0; f < FAULT_COUNT; f++) {
            std::string point = fault_name(static_cast<fault>(f));
            if (point.rfind("delivery_", 0))
                continue;
            points++;
            house.while_closed([&] {
                pid_t pid =
                    spawn_with(point + ":kill:" +
                               std::to_string(point == "delivery_before_claim" ? 1 : 1 + chance() % 3));
                EXPECT_TRUE(dies(pid, 20000)) << point;
            });
            for (int i = 0; i < 4; i++) // something that is due, whatever the others wait for
                (i % 2 ? posts : mails)
                    .insert(order("p" + std::to_string(i), i % 2 ? MEDIUM_SMS : MEDIUM_EMAIL));
        }
    }
    EXPECT_GE(points, 10);
    smtp.at("END", "");
    http.answer("200 OK\r\nContent-Length: 0\r\n\r\n");
    let_finish();
    check();
    printf("%d faults, %zu messages, %d unknown\n", points, mails.size() + posts.size(), unknown);
}

// What was claimed, and even in line, is sent by the next process, at once where its lease goes on.
TEST_F(DeliveryKill, OnlyWhatWasBegunIsUnknown)
{
    const struct {
        const char *point;
        int begun; // by the one thread
    } points[] = {
        { "delivery_after_claim", 0 },
        { "store_after_commit", 0 },
        { "delivery_before_attempt", 0 },
        { "delivery_after_answer", 1 },
    };
    int begun = 0;
    threads = 1;
    mail_and_sms();
    for (int i = 0; i < 20; i++)
        person("p" + std::to_string(i));
    for (auto &p : points) {
        for (int i = 0; i < 20; i++)
            mails.insert(order("p" + std::to_string(i)));
        house.while_closed(
            [&] { EXPECT_TRUE(dies(spawn_with(std::string(p.point) + ":kill:1"), 20000)) << p.point; });
        EXPECT_GT(house.count("SELECT count(*) FROM message WHERE workspace = $1 AND state = 2"), 1)
            << "nothing was claimed ahead";
        let_finish();
        unknown = 0;
        check();
        EXPECT_EQ(unknown, begun += p.begun) << p.point;
    }
    EXPECT_EQ(smtp.mails().size(), mails.size()) << "UNKNOWN is also the one that was answered";
}
#endif

} // namespace

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "deliver") == 0)
        return deliver(argv[2], static_cast<unsigned>(std::stoi(argv[3])));
    testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
