// IngestEvents, ListLeadEvents and RecordOutcome.
#include "tests/unit/agents/lead/fixture.h"

namespace
{

using namespace fixture;

class Events : public LeadRoom
{
  protected:
    struct OutcomeRow {
        bool converted = true;
        std::string currency;
        int64_t value_micros = 0;
        int64_t time_us = 0;
        std::string decision;
    };
    Answer<Outcome> outcome(const std::string &parent, const OutcomeRow &row)
    {
        RecordOutcomeRequest req = RECORD_OUTCOME_REQUEST_INIT;
        req.parent = text(parent);
        req.outcome = PB_NEW(&memory, Outcome);
        req.outcome->converted = row.converted;
        req.outcome->currency = text(row.currency);
        req.outcome->value_micros = row.value_micros;
        req.outcome->outcome_time = row.time_us ? time_message(&memory, row.time_us) : nullptr;
        req.outcome->decision = text(row.decision);
        return house.call(record_outcome, req, &Outcome_descriptor);
    }

    std::string decide(const std::string &lead_name)
    {
        std::string name;
        auto a = house.run([&](ctx *c) {
            lead_row row;
            TRY(lead_load(c, lead_name.c_str(), "name", &row));
            Decision *d = PB_NEW(c->arena, Decision);
            d->lead = row.lead->name;
            TRY(decision_name(c, d));
            row.lead->triage = PB_NEW(c->arena, LeadTriage);
            row.lead->triage->decision = d->name;
            name = d->name;
            TRY(decision_add(c, &row, d));
            return lead_save(c, &row, REASON_CONFLICT);
        });
        EXPECT_EQ(a.reason(), "OK");
        return name;
    }

    static std::string reasons(const Answer<IngestEventsResponse> &a)
    {
        std::string all;
        for (size_t i = 0; i < a->n_statuses; i++)
            all += std::string(i ? " " : "") + (a->statuses[i]->code ? a->statuses[i]->reason : "OK");
        return all;
    }
};

// ---- IngestEvents ----

TEST_F(Events, AreStoredOnce)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    auto first = ingest({ { "e1", a }, { "e2", a }, { "e1", a } });
    ASSERT_EQ(first.reason(), "OK") << first.message();
    EXPECT_EQ(reasons(first), "OK OK OK");
    EXPECT_EQ(first->stored_count, 2);
    EXPECT_EQ(first->duplicate_count, 1);
    auto state = get(a);
    auto again = ingest({ { "e2", a }, { "e1", a }, { "e3", a } });
    EXPECT_EQ(again->stored_count, 1);
    EXPECT_EQ(again->duplicate_count, 2);
    EXPECT_EQ(get(a)->engagement->event_count, 3);
    EXPECT_EQ(count("lead_event"), 3);
    EXPECT_EQ(events("lead.event_recorded"), 3);
    auto none = ingest({ { "e1", a }, { "e2", a } });
    EXPECT_EQ(none.writes, 0);
}

TEST_F(Events, FindOrMakeTheirLead)
{
    std::string a = create({ { "email", "a@x.at" }, { "external_id", "7" } })->name;
    auto r = ingest({ { "e1", "", "A@x.at " },
                      { "e2", "", "", "7" },
                      { "e3", "", "new@x.at" },
                      { "e4", "", "", "8" },
                      { "e5", "leads/nobody" },
                      { "e6", "", "new@x.at" } });
    EXPECT_EQ(reasons(r), "OK OK OK OK LEAD_NOT_FOUND OK");
    EXPECT_EQ(events_of(a), (std::vector<std::string>{ "e1", "e2" }));
    EXPECT_EQ(count("lead"), 3);
    EXPECT_EQ(events("lead.created"), 3);
    EXPECT_EQ(r->stored_count, 5);
    EXPECT_EQ(reasons(ingest({ { "e5", a } })), "OK"); // the refused one was not remembered
}

TEST_F(Events, AreFoldedIntoActivityByTheAxisInService)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    const int64_t now = clock_wall_us();
    const int64_t half_life = static_cast<int64_t>(engagement_axis_prior.half_life_us);
    ingest({ { "e1", a, "", "", "demo_request", now } });
    ingest({ { "e2", a, "", "", "email_open", now - half_life } });
    auto l = get(a);
    double demo = engagement_weight(&engagement_axis_prior, STR("demo_request")),
           open = engagement_weight(&engagement_axis_prior, STR("email_open"));
    EXPECT_GT(demo, 0);
    EXPECT_NEAR(l->engagement->value, demo + open / 2, 1e-9);
    EXPECT_EQ(time_us(l->engagement->as_of_time), now);
}

TEST_F(Events, BadRowsAreNamedAndSpareTheirNeighbours)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    const int64_t now = clock_wall_us();
    Fields many;
    for (int i = 0; i < 65; i++)
        many["k" + std::to_string(i)] = "v";
    auto r = ingest({ { "", a },
                      { "e\x01", a },
                      { std::string(129, 'e'), a },
                      { "e1", "" },
                      { "e2", a, "", "", "" },
                      { "e3", a, "", "", "Has Space" },
                      { "e4", a, "", "", std::string(65, 't') },
                      { "e5", a, "", "", "t", now + 2 * US_PER_DAY },
                      { "e6", a, "", "", "t", 0, many },
                      { "e7", a, "", "", "t", 0, { { "k", std::string(1025, 'v') } } },
                      { "e8", "", "not an address" },
                      { "e9", "not a name" },
                      { "message/e10", a },
                      { "e11", a, "", "", "message.clicked" },
                      { "good", a } });
    ASSERT_EQ(r.reason(), "OK");
    EXPECT_EQ(reasons(r), "FIELD_REQUIRED FIELD_INVALID FIELD_INVALID FIELD_REQUIRED FIELD_REQUIRED "
                          "FIELD_INVALID FIELD_INVALID "
                          "FIELD_OUT_OF_RANGE FIELD_TOO_LONG FIELD_TOO_LONG FIELD_INVALID FIELD_INVALID "
                          "FIELD_INVALID FIELD_INVALID OK");
    EXPECT_STREQ(r->statuses[7]->violations[0]->field, "events[7].event_time");
    EXPECT_STREQ(r->statuses[10]->violations[0]->field, "events[10].email");
    EXPECT_STREQ(r->statuses[12]->violations[0]->field, "events[12].event_id");
    EXPECT_STREQ(r->statuses[13]->violations[0]->field, "events[13].type");
    EXPECT_EQ(r->stored_count, 1);
    EXPECT_EQ(ingest({}).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(ingest(std::vector<EventRow>(1001, EventRow{ "x", a })).reason(), "FIELD_TOO_LONG");
}

TEST_F(Events, TheSameEventFromTwoCallersAtOnceIsStoredOnce)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    bool other = false;
    house.before_commit = [&] {
        if (!other) {
            other = true;
            EXPECT_EQ(ingest({ { "e1", "", "b@x.at" } })->stored_count, 1);
        }
    };
    auto r = ingest({ { "e1", "", "b@x.at" }, { "e2", a } });
    EXPECT_EQ(r.attempts, 1);
    EXPECT_EQ(r->stored_count, 1);
    EXPECT_EQ(r->duplicate_count, 1);
    EXPECT_EQ(count("lead_event"), 2);
}

// ---- ListLeadEvents ----

TEST_F(Events, AreListedOldestFirst)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    const int64_t now = clock_wall_us();
    ingest({ { "b", a, "", "", "t", now - 5 },
             { "c", a, "", "", "t", now - 9 },
             { "a", a, "", "", "t", now - 5 },
             { "before 1970", a, "", "", "t", -7 } });
    std::vector<std::string> expected = { "before 1970", "c", "a", "b" };
    EXPECT_EQ(events_of(a), expected);
    for (int size = 1; size <= 5; size++)
        EXPECT_EQ(events_of(a, size), expected) << size;
    EXPECT_EQ(events_of("leads/nobody"), std::vector<std::string>{ "LEAD_NOT_FOUND" });
    EXPECT_EQ(events_of(""), std::vector<std::string>{ "FIELD_REQUIRED" });
}

TEST_F(Events, AreReadBackWithTheirLead)
{
    house.now_us = INT64_C(1767225600000000);
    std::string a = create({ { "email", "a@x.at" } })->name;
    ingest({ { "e1", "", "a@x.at", "", "email_open", house.now_us - 5000001, { { "subject", "hi" } } } });
    ListLeadEventsRequest req = LIST_LEAD_EVENTS_REQUEST_INIT;
    req.parent = text(a);
    auto r = house.call(list_lead_events, req, &ListLeadEventsResponse_descriptor);
    ASSERT_EQ(r->n_events, 1u);
    const LeadEvent *e = r->events[0];
    EXPECT_EQ(e->lead, a);
    EXPECT_STREQ(e->email, "");
    EXPECT_STREQ(e->type, "email_open");
    EXPECT_EQ(time_us(e->event_time), house.now_us - 5000001);
    EXPECT_EQ(time_us(e->ingest_time), house.now_us);
    ASSERT_EQ(e->n_attributes, 1u);
    EXPECT_STREQ(e->attributes[0]->value, "hi");
}

// ---- RecordOutcome ----

TEST_F(Events, OutcomesJudgeTheLastDecisionUnlessTheyNameOne)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    auto none = outcome(a, {});
    ASSERT_EQ(none.reason(), "OK") << none.message();
    EXPECT_STREQ(none->decision, "");
    EXPECT_EQ(std::string(none->name).substr(0, a.size() + 10), a + "/outcomes/");
    std::string first = decide(a), last = decide(a);
    EXPECT_EQ(outcome(a, {})->decision, last);
    EXPECT_EQ(outcome(a, { false, "", 0, 0, first })->decision, first);
    EXPECT_EQ(outcome(a, { true, "", 0, 0, "decisions/nothing" }).reason(), "DECISION_NOT_FOUND");
    std::string b = create({ { "email", "b@x.at" } })->name;
    auto wrong = outcome(b, { true, "", 0, 0, first });
    EXPECT_EQ(wrong.reason(), "FIELD_INVALID");
    EXPECT_EQ(wrong.fields(), "outcome.decision");
    ASSERT_TRUE(merge(b, a).ok_());
    EXPECT_EQ(outcome(b, { true, "", 0, 0, first }).reason(), "OK"); // a merged duplicate's is the lead's own
    EXPECT_EQ(count("outcome"), 4);
    EXPECT_EQ(events("lead.outcome_recorded"), 4);
}

TEST_F(Events, OutcomesAreChecked)
{
    std::string a = create({ { "email", "a@x.at" } })->name;
    const int64_t now = clock_wall_us();
    EXPECT_EQ(outcome(a, { true, "EUR", 5000000, now })->value_micros, 5000000);
    EXPECT_EQ(outcome(a, { true, "EURO", 1 }).reason(), "FIELD_INVALID");
    EXPECT_EQ(outcome(a, { true, "eur", 1 }).reason(), "FIELD_INVALID");
    EXPECT_EQ(outcome(a, { true, "", 1 }).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(outcome(a, { true, "EUR", -1 }).reason(), "FIELD_OUT_OF_RANGE");
    EXPECT_EQ(outcome(a, { true, "", 0, now + 2 * US_PER_DAY }).reason(), "FIELD_OUT_OF_RANGE");
    EXPECT_EQ(outcome(a, { true, "", 0, now - 999 * US_PER_DAY }).reason(), "OK");
    EXPECT_EQ(outcome("leads/nobody", {}).reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(outcome("", {}).reason(), "FIELD_REQUIRED");
    RecordOutcomeRequest none = RECORD_OUTCOME_REQUEST_INIT;
    none.parent = text(a);
    EXPECT_EQ(house.call(record_outcome, none, &Outcome_descriptor).reason(), "FIELD_REQUIRED");
    EXPECT_EQ(count("outcome"), 2);
}

} // namespace
