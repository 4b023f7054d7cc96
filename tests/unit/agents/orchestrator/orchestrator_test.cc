// Reactions to events: each once, in order, whatever fails in between.
#include "agents/orchestrator/orchestrator.h"

#include "agents/record/events.h"
#include "tests/unit/agents/harness.h"

namespace
{

using harness::House;

// What the reactions below were called with, and how they are to fail.
struct Log {
    std::vector<std::string> seen; // "engage leads/1"
    std::map<std::string, int> failures;
    enum reason failure = REASON_INTERNAL;
} * log_;

struct status note(struct ctx *c, const struct event_seen *e)
{
    log_->seen.push_back(std::string(c->principal) + " " + c->workspace + " " + e->subject);
    if (log_->failures[e->subject]-- > 0)
        return fail(c->arena, log_->failure, "as planned");
    event_note(c, "engage", "reacted", e->subject);
    return ok();
}

struct status look(struct ctx *c, const struct event_seen *e)
{
    log_->seen.push_back(std::string(c->principal) + " " + c->workspace + " " + e->subject);
    return ok();
}

const struct reaction kReactions[] = {
    { "engage", "lead.triaged", "", note },
    { "engage", "lead.glanced", "", look },
    { "chooser", "lead.moved", "journeys", look },
    { nullptr, nullptr, nullptr, nullptr },
};

class Orchestrator : public testing::Test
{
  protected:
    Orchestrator()
    {
        log_ = &log;
        arena_init(&memory, 1 << 20);
        start();
    }
    ~Orchestrator() override
    {
        orchestrator_close(house.app.orchestrator);
        arena_done(&memory);
    }

    void start()
    {
        EXPECT_EQ(orchestrator_open(kReactions, &memory, &house.app.orchestrator).code, CODE_OK);
    }
    void restart()
    {
        orchestrator_close(house.app.orchestrator);
        start();
    }

    void happens(const std::string &subject, const char *action = "lead.triaged",
                 const char *workspace = "default")
    {
        auto a = house.run([&](ctx *c) {
            c->workspace = workspace;
            event_note(c, "triage", action, subject.c_str());
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    void happen(int n)
    {
        for (int i = 1; i <= n; i++)
            happens("leads/" + std::to_string(i));
    }

    // Ticks of the job until nothing is left to do.
    void react(int ticks = 12)
    {
        for (int i = 0; i < ticks; i++)
            last = house.run(orchestrator_react).reason();
    }

    int64_t reactions(const std::string &subject)
    {
        return house.count(
            ("SELECT count(*) FROM event WHERE workspace = $1 AND action = 'reacted' AND subject = '" +
             subject + "'")
                .c_str());
    }
    int64_t reactions()
    {
        return house.count("SELECT count(*) FROM event WHERE workspace = $1 AND action = 'reacted'");
    }
    int64_t parked()
    {
        return house.count("SELECT count(*) FROM reaction_parked WHERE workspace = $1");
    }
    int64_t cursor()
    {
        return house.count("SELECT max(seq) FROM reaction_cursor WHERE $1 = $1");
    }

    Log log;
    House house{ { &events_statements, &event_log_statements, &orchestrator_statements } };
    arena memory;
    std::string last;
};

TEST_F(Orchestrator, EachEventOnceAndInOrder)
{
    happen(600); // more than a turn takes
    react();
    EXPECT_EQ(reactions(), 600);
    ASSERT_EQ(log.seen.size(), 600u);
    for (int i = 0; i < 600; i++)
        EXPECT_EQ(log.seen[i], "agents/engage default leads/" + std::to_string(i + 1));
    react();
    EXPECT_EQ(reactions(), 600);
}

TEST_F(Orchestrator, GoesOnWhereItWasAfterARestart)
{
    happen(5);
    react();
    restart();
    react();
    EXPECT_EQ(reactions(), 5);
    happens("leads/6");
    react();
    EXPECT_EQ(reactions("leads/6"), 1);
    EXPECT_EQ(reactions(), 6);
}

TEST_F(Orchestrator, ActsInTheWorkspaceOfTheEvent)
{
    happens("leads/1", "lead.triaged", "acme");
    react();
    ASSERT_EQ(log.seen.size(), 1u);
    EXPECT_EQ(log.seen[0], "agents/engage acme leads/1");
    EXPECT_EQ(reactions(), 0);
    house.workspace = "acme";
    EXPECT_EQ(reactions(), 1);
}

TEST_F(Orchestrator, WithoutAReactionNothingIsWritten)
{
    happens("leads/1", "lead.created");
    happens("leads/2", "lead.glanced");
    react();
    EXPECT_EQ(cursor(), 0);
    EXPECT_EQ(log.seen, std::vector<std::string>{ "agents/engage default leads/2" });
    happens("leads/3");
    react();
    EXPECT_EQ(reactions(), 1);
    EXPECT_GT(cursor(), 2);
}

TEST_F(Orchestrator, AFailureDoesNotUndoItsNeighboursForLong)
{
    log.failures["leads/3"] = 2;
    happen(5);
    react();
    for (int i = 1; i <= 5; i++)
        EXPECT_EQ(reactions("leads/" + std::to_string(i)), 1) << i;
    EXPECT_EQ(parked(), 0);
}

TEST_F(Orchestrator, AnEventThatAlwaysFailsIsParkedAndTheOthersGoOn)
{
    log.failures["leads/3"] = 1000;
    happen(5);
    react();
    EXPECT_EQ(reactions("leads/3"), 0);
    EXPECT_EQ(reactions(), 4);
    EXPECT_EQ(parked(), 1);
    EXPECT_EQ(
        house.count("SELECT count(*) FROM reaction_parked WHERE workspace = $1 AND reason = 'INTERNAL' AND"
                    " message = 'as planned' AND subscriber = 'engage'"),
        1);
}

TEST_F(Orchestrator, WhatIsParkedIsListedAndTriedAgain)
{
    for (int i = 1; i <= 3; i++)
        log.failures["leads/" + std::to_string(i)] = 1000;
    happen(5);
    for (int i = 0; i < 4; i++)
        react();
    ListParkedEventsRequest list = LIST_PARKED_EVENTS_REQUEST_INIT;
    list.page_size = 2;
    auto page = house.call(list_parked_events, list, &ListParkedEventsResponse_descriptor);
    ASSERT_TRUE(page.ok_()) << page.message();
    ASSERT_EQ(page->n_parked_events, 2u);
    const ParkedEvent *first = page->parked_events[0];
    EXPECT_STREQ(first->subject, "leads/1");
    EXPECT_STREQ(first->action, "lead.triaged");
    EXPECT_STREQ(first->reason, "INTERNAL");
    EXPECT_STREQ(first->message, "as planned");
    list.page_token = page->next_page_token;
    auto rest = house.call(list_parked_events, list, &ListParkedEventsResponse_descriptor);
    ASSERT_EQ(rest->n_parked_events, 1u);
    EXPECT_STREQ(rest->parked_events[0]->subject, "leads/3");
    EXPECT_STREQ(rest->next_page_token, "");

    auto retry = [&](const char *name) {
        RetryParkedEventRequest req = RETRY_PARKED_EVENT_REQUEST_INIT;
        req.name = const_cast<char *>(name);
        return house.call(retry_parked_event, req, &ParkedEvent_descriptor).reason();
    };
    EXPECT_EQ(retry(first->name), "INTERNAL") << "it fails still";
    EXPECT_EQ(parked(), 3);
    log.failures["leads/1"] = 0;
    EXPECT_EQ(retry(first->name), "OK");
    EXPECT_EQ(reactions("leads/1"), 1);
    EXPECT_EQ(log.seen.back(), "agents/engage default leads/1");
    EXPECT_EQ(parked(), 2);
    EXPECT_EQ(retry(first->name), "PARKED_EVENT_NOT_FOUND");
    EXPECT_EQ(retry("parkedEvents/engage"), "FIELD_INVALID");
    EXPECT_EQ(retry("parkedEvents/engage-99999999999999999999"), "FIELD_INVALID");
    house.workspace = "acme";
    EXPECT_EQ(retry(rest->parked_events[0]->name), "PARKED_EVENT_NOT_FOUND");
    EXPECT_EQ(house.call(list_parked_events, list, &ListParkedEventsResponse_descriptor).reason(),
              "PAGE_TOKEN_INVALID");
}

TEST_F(Orchestrator, WhatIsDismissedIsLeftAlone)
{
    log.failures["leads/1"] = log.failures["leads/2"] = 1000;
    happen(2);
    for (int i = 0; i < 3; i++)
        react();
    ListParkedEventsRequest list = LIST_PARKED_EVENTS_REQUEST_INIT;
    auto names = [&](bool dismissed) {
        std::vector<std::string> all;
        list.show_dismissed = dismissed;
        auto page = house.call(list_parked_events, list, &ListParkedEventsResponse_descriptor);
        for (size_t i = 0; page.ok_() && i < page->n_parked_events; i++)
            all.push_back(page->parked_events[i]->name);
        return all;
    };
    auto dismiss = [&](const std::string &name, const std::string &reason) {
        DismissParkedEventRequest req = DISMISS_PARKED_EVENT_REQUEST_INIT;
        req.name = const_cast<char *>(name.c_str());
        req.reason = const_cast<char *>(reason.c_str());
        return house.call(dismiss_parked_event, req, &ParkedEvent_descriptor);
    };
    const std::vector<std::string> both = names(false);
    ASSERT_EQ(both.size(), 2u);
    EXPECT_EQ(dismiss(both[0], "").fields(), "reason");
    EXPECT_EQ(dismiss(both[0], std::string(1025, 'x')).fields(), "reason");
    EXPECT_EQ(dismiss("parkedEvents/engage-77", "gone").reason(), "PARKED_EVENT_NOT_FOUND");
    auto done = dismiss(both[0], "done by hand");
    ASSERT_TRUE(done.ok_()) << done.message();
    EXPECT_STREQ(done->dismisser, "tester");
    EXPECT_EQ(names(false), std::vector<std::string>{ both[1] });
    EXPECT_EQ(names(true), both);
    auto again = dismiss(both[0], "for another reason");
    EXPECT_STREQ(again->dismiss_reason, "done by hand");
    EXPECT_EQ(again->dismiss_time->seconds, done->dismiss_time->seconds);
    EXPECT_EQ(again.writes, 0);
    EXPECT_EQ(house.count("SELECT count(*) FROM event WHERE workspace = $1 AND action = 'event.dismissed'"),
              1);
    house.workspace = "acme";
    EXPECT_EQ(dismiss(both[1], "of others").reason(), "PARKED_EVENT_NOT_FOUND");
    house.workspace = "default";

    log.failures["leads/1"] = 0;
    RetryParkedEventRequest retry = RETRY_PARKED_EVENT_REQUEST_INIT;
    retry.name = const_cast<char *>(both[0].c_str());
    EXPECT_EQ(house.call(retry_parked_event, retry, &ParkedEvent_descriptor).reason(), "OK");
    EXPECT_EQ(names(true), std::vector<std::string>{ both[1] });
}

TEST_F(Orchestrator, WhatFailsForNowIsNeverParked)
{
    log.failures["leads/1"] = 50;
    log.failure = REASON_STORE_UNAVAILABLE;
    happen(2);
    react(20);
    EXPECT_EQ(parked(), 0);
    EXPECT_EQ(reactions(), 0);
    EXPECT_EQ(last, "STORE_UNAVAILABLE");
    react(40);
    EXPECT_EQ(reactions(), 2);
}

TEST_F(Orchestrator, OnlyWorkspacesThatHadTheSlotInServiceAreReactedIn)
{
    static const struct stmt serve = {
        "test_serve",
        "ttb",
        "",
        "INSERT INTO active_version (workspace, slot, history, revision,"
        " resource_id, version, update_time) VALUES ($1, $2, $3, 1, '', '', 0)",
        nullptr,
        nullptr
    };
    auto serves = [&](const char *workspace, const char *slot) {
        auto a = house.run([&](ctx *c) {
            c->workspace = workspace;
            UNIT_ADD(c->unit, &serve, 1, REASON_CONFLICT, v_text(workspace), v_text(slot), v_bytes(STR("")));
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    };
    serves("default", "model");
    serves("other", "journeys");
    happens("leads/1", "lead.moved");
    happens("leads/2", "lead.moved", "other");
    react();
    EXPECT_EQ(log.seen, std::vector<std::string>{ "agents/chooser other leads/2" });
    serves("default", "journeys");
    happens("leads/3", "lead.moved");
    react();
    EXPECT_EQ(log.seen,
              (std::vector<std::string>{ "agents/chooser other leads/2", "agents/chooser default leads/3" }));
}

// However much of the log has nothing for a subscriber, each read of it ends soon.
TEST_F(Orchestrator, ALongLogIsReadInParts)
{
#define COLUMNS                                                                                              \
    "workspace, create_time, agent_type, agent_id, action, subject, conversation, decision_id, payload"
    static const struct stmt far = {
        "test_far",
        "t",
        "",
        "UPDATE event SET seq = 5000000 WHERE subject = $1",
        nullptr,
        "WITH gone AS (DELETE FROM event WHERE subject = $1 RETURNING *) INSERT INTO event (seq, " COLUMNS
        ") OVERRIDING SYSTEM VALUE SELECT 5000000, " COLUMNS " FROM gone"
    };
    happens("leads/1", "lead.created");
    happens("leads/2");
    auto a = house.run([&](ctx *c) {
        UNIT_ADD(c->unit, &far, 1, REASON_CONFLICT, v_text("leads/2"));
        return ok();
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    react(1);
    EXPECT_GT(cursor(), 0);
    EXPECT_LT(cursor(), 1000000);
    EXPECT_EQ(reactions(), 0);
    react();
    EXPECT_EQ(reactions(), 1);
}

TEST_F(Orchestrator, TwoReplicasDoNotReactTwice)
{
    happen(300);
    struct orchestrator *mine = house.app.orchestrator, *other;
    ASSERT_EQ(orchestrator_open(kReactions, &memory, &other).code, CODE_OK);
    for (int i = 0; i < 30; i++) {
        house.app.orchestrator = i % 2 ? other : mine;
        react(1);
    }
    EXPECT_EQ(reactions(), 300);
    orchestrator_close(other);
    house.app.orchestrator = mine;
}

} // namespace
