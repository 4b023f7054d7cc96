// TriageLead, BatchTriageLeads, StreamTriage and ScoreLead over a real database.
#include "tests/unit/agents/model/trained.h"

namespace
{

using namespace harness;
using Attributes = std::map<std::string, std::string>;

const char *const leads = "SELECT COUNT(*) FROM lead WHERE workspace = $1";
const char *const decisions = "SELECT COUNT(*) FROM decision WHERE workspace = $1";
const char *const events = "SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = 'lead.triaged'";
const char *const created = "SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = 'lead.created'";
const char *const updated = "SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = 'lead.updated'";

const Attributes likely = {
    { "job_title", "CEO" }, { "company", "Example" }, { "source", "demo" }, { "phone", "+43123456" }
};

Answer<TriageLeadResponse> by_name(ScoringHouse &h, const char *name, bool validate_only = false)
{
    TriageLeadRequest req = TRIAGE_LEAD_REQUEST_INIT;
    req.lead_name = const_cast<char *>(name);
    req.validate_only = validate_only;
    return h.call(triage_lead, req, &TriageLeadResponse_descriptor);
}

Answer<Lead> stored(ScoringHouse &h, const std::string &name)
{
    return h.run<Lead>(
        [&](ctx * c, Lead * to) -> struct status {
            lead_row row;
            TRY(lead_load(c, name.c_str(), "name", &row));
            *to = *row.lead;
            return ok();
        },
        &Lead_descriptor);
}

TEST(TriageLead, StoresLeadDecisionAndEventTogether)
{
    ScoringHouse h;
    h.now_us = 1700000000123456;
    auto a = h.triage(likely, "ann@example.com", true);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_TRUE(a->lead_created);
    const Decision *d = a->decision;
    EXPECT_EQ(std::string(d->name).substr(0, 10), "decisions/");
    EXPECT_STREQ(d->lead, a->lead);
    EXPECT_EQ(d->kind, DECISION__KIND_TRIAGE);
    EXPECT_EQ(d->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(d->destination, AGENT_TYPE_ENGAGE);
    EXPECT_STREQ(d->rule_id, "qualified");
    EXPECT_STREQ(d->code_version, "test");
    EXPECT_STREQ(d->supersedes, "");
    EXPECT_EQ(d->create_time->seconds, 1700000000);
    EXPECT_EQ(d->create_time->nanos, 123456000);
    EXPECT_EQ(d->inputs, nullptr);
    ASSERT_EQ(d->n_contributions, 3u);
    EXPECT_STREQ(d->contributions[0]->field, "source");
    EXPECT_STREQ(d->contributions[0]->value, "demo");
    EXPECT_DOUBLE_EQ(d->contributions[0]->contribution, 0.8);
    EXPECT_EQ(h.count(leads), 1);
    EXPECT_EQ(h.count(decisions), 1);
    EXPECT_EQ(h.count(events), 1);
    auto lead = stored(h, a->lead);
    ASSERT_TRUE(lead.ok_());
    EXPECT_STREQ(lead->triage->decision, d->name);
    EXPECT_EQ(lead->triage->category, d->category);
    EXPECT_EQ(lead->triage->fit_score, d->fit->probability);
}

TEST(TriageLead, KnowsTheLeadAgainAndSupersedes)
{
    ScoringHouse h;
    auto first = h.triage(likely, "ann@example.com");
    auto second = h.triage({ { "country", "AT" } }, "ANN@example.com ");
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_FALSE(second->lead_created);
    EXPECT_STREQ(second->lead, first->lead);
    EXPECT_STREQ(second->decision->supersedes, first->decision->name);
    EXPECT_GT(second->decision->fit->probability, first->decision->fit->probability);
    EXPECT_EQ(second->decision->n_contributions, 0u);
    EXPECT_EQ(h.count(leads), 1);
    EXPECT_EQ(h.count(decisions), 2);
    EXPECT_EQ(h.count(created), 1);
    EXPECT_EQ(h.count(updated), 1);
    auto third = by_name(h, first->lead);
    EXPECT_EQ(h.count(updated), 1); // nothing new was said of the lead
    ASSERT_TRUE(third.ok_()) << third.message();
    EXPECT_EQ(third->decision->fit->margin, second->decision->fit->margin);
    EXPECT_STREQ(third->decision->supersedes, second->decision->name);
}

TEST(TriageLead, ValidateOnlyDecidesAndStoresNothing)
{
    ScoringHouse h;
    arena a;
    arena_init(&a, 1 << 20);
    TriageLeadRequest req = TRIAGE_LEAD_REQUEST_INIT;
    req.lead = ScoringHouse::lead(&a, likely, "ann@example.com");
    req.validate_only = true;
    auto tried = h.call(triage_lead, req, &TriageLeadResponse_descriptor);
    ASSERT_TRUE(tried.ok_()) << tried.message();
    EXPECT_EQ(tried.writes, 0);
    EXPECT_TRUE(tried->lead_created);
    EXPECT_STREQ(tried->lead, "");
    EXPECT_STREQ(tried->decision->name, "");
    EXPECT_EQ(tried->decision->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(h.count(leads) + h.count(decisions) + h.count(events), 0);
    auto there = h.triage(likely, "ann@example.com");
    auto again = by_name(h, there->lead, true);
    ASSERT_TRUE(again.ok_());
    EXPECT_EQ(again.writes, 0);
    EXPECT_STREQ(again->lead, there->lead);
    EXPECT_EQ(h.count(decisions), 1);
    arena_done(&a);
}

TEST(TriageLead, RefusesWhatItCannotDecideOn)
{
    ScoringHouse h;
    TriageLeadRequest nothing = TRIAGE_LEAD_REQUEST_INIT, both = TRIAGE_LEAD_REQUEST_INIT;
    Lead empty = LEAD_INIT, bad = LEAD_INIT, gone = LEAD_INIT;
    EXPECT_EQ(h.call(triage_lead, nothing, &TriageLeadResponse_descriptor).reason(), "FIELD_REQUIRED");
    nothing.lead = &empty;
    EXPECT_EQ(h.call(triage_lead, nothing, &TriageLeadResponse_descriptor).reason(), "FIELD_REQUIRED");
    bad.email = const_cast<char *>("no at sign");
    nothing.lead = &bad;
    auto refused = h.call(triage_lead, nothing, &TriageLeadResponse_descriptor);
    EXPECT_EQ(refused.reason(), "FIELD_INVALID");
    EXPECT_EQ(refused.fields(), "lead.email");
    gone.name = const_cast<char *>("leads/none");
    nothing.lead = &gone;
    EXPECT_EQ(h.call(triage_lead, nothing, &TriageLeadResponse_descriptor).reason(), "LEAD_NOT_FOUND");
    both.lead = &gone;
    both.lead_name = const_cast<char *>("leads/none");
    EXPECT_EQ(h.call(triage_lead, both, &TriageLeadResponse_descriptor).reason(), "FIELD_INVALID");
    EXPECT_EQ(by_name(h, "leads/none").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(by_name(h, "none").reason(), "FIELD_INVALID");
    EXPECT_EQ(h.count(decisions), 0);
}

TEST(TriageLead, DecidesAgainWhereAnotherWriterWasFirst)
{
    ScoringHouse h;
    auto first = h.triage(likely, "ann@example.com");
    bool once = false;
    h.before_commit = [&] {
        if (once)
            return;
        once = true;
        auto other = by_name(h, first->lead);
        EXPECT_TRUE(other.ok_()) << other.message();
    };
    auto second = by_name(h, first->lead);
    h.before_commit = nullptr;
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_EQ(second.attempts, 1);
    EXPECT_EQ(h.count(decisions), 3);
    auto lead = stored(h, first->lead);
    EXPECT_STREQ(lead->triage->decision, second->decision->name);
}

TEST(TriageLead, TwoMakersOfOneLeadEndWithOneLead)
{
    ScoringHouse h;
    bool once = false;
    h.before_commit = [&] {
        if (once)
            return;
        once = true;
        EXPECT_TRUE(h.triage({ { "country", "AT" } }, "ann@example.com").ok_());
    };
    auto second = h.triage(likely, "ann@example.com");
    h.before_commit = nullptr;
    ASSERT_TRUE(second.ok_()) << second.message();
    EXPECT_FALSE(second->lead_created);
    EXPECT_EQ(h.count(leads), 1);
    EXPECT_EQ(h.count(decisions), 2);
}

// ---- Batches ----

class Batch
{
  public:
    Batch()
    {
        arena_init(&memory_, 64 << 20);
        req_.leads = ARENA_ARRAY(&memory_, 2000, Lead *);
    }
    ~Batch()
    {
        arena_done(&memory_);
    }
    Lead *add(const char *email, const Attributes &attributes = {})
    {
        return req_.leads[req_.n_leads++] = ScoringHouse::lead(&memory_, attributes, email);
    }
    Answer<BatchTriageLeadsResponse> operator()(ScoringHouse &h)
    {
        return h.call(batch_triage_leads, req_, &BatchTriageLeadsResponse_descriptor);
    }

  private:
    arena memory_;
    BatchTriageLeadsRequest req_ = BATCH_TRIAGE_LEADS_REQUEST_INIT;
};

TEST(BatchTriageLeads, ABadRowNeverFailsItsNeighbours)
{
    ScoringHouse h;
    Batch batch;
    batch.add("ann@example.com", likely);
    batch.add("not an email");
    batch.add("bob@example.com");
    batch.add("")->name = const_cast<char *>("leads/none");
    auto a = batch(h);
    ASSERT_TRUE(a.ok_()) << a.message();
    ASSERT_EQ(a->n_results, 4u);
    EXPECT_EQ(a->results[0]->status->code, 0);
    EXPECT_EQ(a->results[0]->decision->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(a->results[1]->status->code, CODE_INVALID_ARGUMENT);
    EXPECT_STREQ(a->results[1]->status->reason, "FIELD_INVALID");
    ASSERT_EQ(a->results[1]->status->n_violations, 1u);
    EXPECT_STREQ(a->results[1]->status->violations[0]->field, "leads[1].email");
    EXPECT_EQ(a->results[1]->decision, nullptr);
    EXPECT_EQ(a->results[2]->status->code, 0);
    EXPECT_STREQ(a->results[3]->status->reason, "LEAD_NOT_FOUND");
    EXPECT_EQ(h.count(leads), 2);
    EXPECT_EQ(h.count(decisions), 2);
    EXPECT_EQ(h.count(events), 2);
}

TEST(BatchTriageLeads, RowsOfOneLeadComeOutAsIfTheyHadComeOneByOne)
{
    ScoringHouse h;
    Batch batch;
    h.triage({ { "phone", "+4311111" } }, "carl@example.com");
    batch.add("ann@example.com", { { "x", "1" }, { "y", "1" } });
    batch.add("Ann@Example.com", { { "x", "2" }, { "phone", "+4322222" } });
    batch.add("", { { "phone", "+43 22222" }, { "job_title", "CEO" } });
    batch.add("carl@example.com", { { "x", "1" } });
    batch.add("", { { "phone", "+4311111" }, { "x", "2" } });
    batch.add("ann@example.com", { { "phone", "+4311111" } }); // between two leads of this batch
    batch.add("dora@example.com");
    batch.add("dora@example.com", { { "phone", "+4333333" } });
    auto a = batch(h);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(a.attempts, 0);
    for (size_t i : { 0u, 1u, 2u, 3u, 4u, 6u, 7u })
        EXPECT_EQ(a->results[i]->status->code, 0) << i << ": " << a->results[i]->status->message;
    EXPECT_STREQ(a->results[5]->status->reason, "IDENTITY_AMBIGUOUS");
    EXPECT_STREQ(a->results[1]->lead, a->results[0]->lead);
    EXPECT_STREQ(a->results[2]->lead, a->results[0]->lead);
    EXPECT_STREQ(a->results[4]->lead, a->results[3]->lead);
    EXPECT_STREQ(a->results[2]->decision->supersedes, a->results[1]->decision->name);
    EXPECT_EQ(h.count(leads), 3);
    EXPECT_EQ(h.count(decisions), 8);
    auto ann = stored(h, a->results[0]->lead);
    ASSERT_TRUE(ann.ok_());
    EXPECT_STREQ(ann->phone, "+4322222");
    EXPECT_STREQ(ann->job_title, "CEO");
    ASSERT_EQ(ann->n_attributes, 2u);
    EXPECT_STREQ(ann->attributes[0]->value, "2");
    EXPECT_STREQ(ann->triage->decision, a->results[2]->decision->name);
}

TEST(BatchTriageLeads, AnIdentityOfAStoredLeadIsNotTakenByAnEarlierRow)
{
    ScoringHouse h;
    Batch batch;
    h.triage({ { "phone", "+4311111" } }, "carl@example.com");
    batch.add("ann@example.com");
    batch.add("ann@example.com", { { "phone", "+4311111" } });
    auto a = batch(h);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(a.attempts, 0);
    EXPECT_EQ(a->results[0]->status->code, 0);
    EXPECT_STREQ(a->results[1]->status->reason, "IDENTITY_AMBIGUOUS");
    EXPECT_STREQ(stored(h, a->results[0]->lead)->phone, "");
}

TEST(BatchTriageLeads, TakesAThousandAndNotOneMore)
{
    ScoringHouse h;
    Batch none, many;
    EXPECT_EQ(none(h).reason(), "FIELD_REQUIRED");
    for (int i = 0; i < 1000; i++)
        many.add(("lead" + std::to_string(i % 700) + "@example.com").c_str(), { { "x", std::to_string(i) } });
    auto a = many(h);
    ASSERT_TRUE(a.ok_()) << a.message();
    EXPECT_EQ(h.count(leads), 700);
    EXPECT_EQ(h.count(created), 700);
    EXPECT_EQ(h.count(updated), 300);
    EXPECT_EQ(h.count(decisions), 1000);
    many.add("last@example.com");
    auto refused = many(h);
    EXPECT_EQ(refused.reason(), "FIELD_TOO_LONG");
    EXPECT_EQ(refused.fields(), "leads");
}

// ---- Streams ----

Answer<StreamTriageResponse> row(ScoringHouse &h, const StreamTriageRequest &req)
{
    auto a = h.run<StreamTriageResponse>(
        [&](ctx *c, StreamTriageResponse *res) { return stream_triage_item(c, nullptr, &req, res); },
        &StreamTriageResponse_descriptor);
    if (a.ok_())
        return a;
    return h.run<StreamTriageResponse>(
        [&](ctx *c, StreamTriageResponse *res) {
            return stream_triage_refused(c, nullptr, &req, a.status, res);
        },
        &StreamTriageResponse_descriptor);
}

TEST(StreamTriage, AnswersEachRowByItsStatus)
{
    ScoringHouse h;
    arena a;
    arena_init(&a, 1 << 20);
    StreamTriageRequest req = STREAM_TRIAGE_REQUEST_INIT;
    req.correlation_id = const_cast<char *>("row-1");
    req.lead = ScoringHouse::lead(&a, likely, "ann@example.com");
    auto good = row(h, req);
    ASSERT_TRUE(good.ok_()) << good.message();
    EXPECT_STREQ(good->correlation_id, "row-1");
    EXPECT_EQ(good->result->status->code, 0);
    EXPECT_EQ(good->result->decision->category, LEAD_CATEGORY_CAMPAIGN_QUALIFIED);
    EXPECT_EQ(h.count(decisions), 1);
    req.lead = nullptr;
    auto bad = row(h, req);
    ASSERT_TRUE(bad.ok_()) << bad.message();
    EXPECT_STREQ(bad->correlation_id, "row-1");
    EXPECT_STREQ(bad->result->status->reason, "FIELD_REQUIRED");
    EXPECT_EQ(bad->result->decision, nullptr);
    std::string longest(129, 'x');
    req.correlation_id = longest.data();
    EXPECT_STREQ(row(h, req)->result->status->reason, "FIELD_TOO_LONG");
    arena_done(&a);
}

TEST(StreamTriage, EndsWhereTheFaultIsNotTheRows)
{
    ScoringHouse h;
    StreamTriageRequest req = STREAM_TRIAGE_REQUEST_INIT;
    for (enum reason r :
         { REASON_STORE_UNAVAILABLE, REASON_COMMIT_UNKNOWN, REASON_INTERNAL, REASON_DEADLINE_PASSED }) {
        auto ended = h.run<StreamTriageResponse>(
            [&](ctx *c, StreamTriageResponse *res) {
                return stream_triage_refused(c, nullptr, &req, fail(c->arena, r, "stop"), res);
            },
            &StreamTriageResponse_descriptor);
        EXPECT_EQ(ended.reason(), reason_name(r));
    }
}

// ---- ScoreLead ----

TEST(ScoreLead, ScoresAsGivenAndStoresNothing)
{
    ScoringHouse h;
    arena a;
    arena_init(&a, 1 << 20);
    h.now_us = 1700000000000000;
    ScoreLeadRequest req = SCORE_LEAD_REQUEST_INIT;
    EngagementState state = ENGAGEMENT_STATE_INIT;
    Timestamp as_of = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    as_of.seconds = 1700000000 - 7 * 86400;
    state.value = 20;
    state.as_of_time = &as_of;
    req.lead = ScoringHouse::lead(&a, likely, "ann@example.com");
    req.lead->engagement = &state;
    auto scored = h.call(score_lead, req, &ScoreLeadResponse_descriptor);
    ASSERT_TRUE(scored.ok_()) << scored.message();
    EXPECT_EQ(scored.writes, 0);
    EXPECT_DOUBLE_EQ(scored->decision->engagement->value, 10);
    EXPECT_STREQ(scored->decision->rule_id, "hot");
    EXPECT_STREQ(scored->decision->name, "");
    EXPECT_EQ(h.count(leads), 0);
    state.value = -1;
    EXPECT_EQ(h.call(score_lead, req, &ScoreLeadResponse_descriptor).fields(), "lead.engagement.value");
    state.value = std::nan("");
    EXPECT_EQ(h.call(score_lead, req, &ScoreLeadResponse_descriptor).fields(), "lead.engagement.value");
    state.value = 1;
    as_of.seconds = INT64_MAX;
    EXPECT_EQ(h.call(score_lead, req, &ScoreLeadResponse_descriptor).fields(), "lead.engagement.as_of_time");
    req.lead = nullptr;
    EXPECT_EQ(h.call(score_lead, req, &ScoreLeadResponse_descriptor).reason(), "FIELD_REQUIRED");
    arena_done(&a);
}

} // namespace
