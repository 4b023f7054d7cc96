// The handlers of consent, suppression and the send policy.
#include "agents/engage/contact/consent.h"
#include "tests/unit/agents/engage/fixture.h"

#include <unistd.h>

#include <set>

using namespace fixture;

namespace
{

constexpr int64_t YEAR_10000 = INT64_C(253402300800) * US_PER_SECOND;

class ConsentRoom : public EngageRoom
{
  protected:
    ConsentRoom()
    {
        create({ { "email", "a@mail.example" }, { "phone", "+431234567" } }, "a");
    }

    Answer<Consent> say(Consent__State state, const char *purpose = "marketing", Medium medium = MEDIUM_EMAIL,
                        int64_t pause_end_us = 0)
    {
        UpdateConsentRequest req = UPDATE_CONSENT_REQUEST_INIT;
        Consent said = CONSENT_INIT;
        req.name = text("leads/a");
        said.purpose = text(purpose);
        said.medium = medium;
        said.state = state;
        said.source = text("form 7");
        said.pause_end_time = pause_end_us ? time_message(&memory, pause_end_us) : nullptr;
        req.consent = &said;
        usleep(2000); // entries of one millisecond are in no order
        return house.call(update_consent, req, &Consent_descriptor);
    }
    Answer<GetConsentResponse> consent(const char *name = "leads/a")
    {
        GetConsentRequest req = GET_CONSENT_REQUEST_INIT;
        req.name = text(name);
        return house.call(get_consent, req, &GetConsentResponse_descriptor);
    }
    Answer<UnsubscribeResponse> stop(const char *lead, const char *email = "", const char *purpose = "",
                                     Medium medium = MEDIUM_UNSPECIFIED)
    {
        UnsubscribeRequest req = UNSUBSCRIBE_REQUEST_INIT;
        req.lead = text(lead);
        req.email = text(email);
        req.purpose = text(purpose);
        req.medium = medium;
        return house.call(unsubscribe, req, &UnsubscribeResponse_descriptor);
    }
    Answer<Suppression> suppress(const char *email, Suppression__Cause cause, const char *purpose = "")
    {
        CreateSuppressionRequest req = CREATE_SUPPRESSION_REQUEST_INIT;
        req.email = text(email);
        req.cause = cause;
        req.purpose = text(purpose);
        return house.call(create_suppression, req, &Suppression_descriptor);
    }
    Answer<Suppression> suppression_of(const char *name, const char *email = "")
    {
        GetSuppressionRequest req = GET_SUPPRESSION_REQUEST_INIT;
        req.name = text(name);
        req.email = text(email);
        return house.call(get_suppression, req, &Suppression_descriptor);
    }
    Answer<Empty> allow(const char *name, Suppression__Cause cause = SUPPRESSION__CAUSE_UNSPECIFIED)
    {
        DeleteSuppressionRequest req = DELETE_SUPPRESSION_REQUEST_INIT;
        req.name = text(name);
        req.cause = cause;
        return house.call(delete_suppression, req, &Empty_descriptor);
    }
    Answer<SendPolicy> policy()
    {
        GetSendPolicyRequest req = GET_SEND_POLICY_REQUEST_INIT;
        return house.call(get_send_policy, req, &SendPolicy_descriptor);
    }
    Answer<SendPolicy> change(SendPolicy *p, bool validate_only = false)
    {
        UpdateSendPolicyRequest req = UPDATE_SEND_POLICY_REQUEST_INIT;
        req.send_policy = p;
        req.validate_only = validate_only;
        return house.call(update_send_policy, req, &SendPolicy_descriptor);
    }
    Answer<ExplainSendDecisionResponse> explain(const char *purpose = "marketing", const char *message = "",
                                                Timestamp *expire = nullptr)
    {
        ExplainSendDecisionRequest req = EXPLAIN_SEND_DECISION_REQUEST_INIT;
        req.message = text(message);
        req.expire_time = expire;
        if (!*message) {
            req.lead = text("leads/a");
            req.purpose = text(purpose);
            req.medium = MEDIUM_EMAIL;
        }
        return house.call(explain_send_decision, req, &ExplainSendDecisionResponse_descriptor);
    }
};

TEST_F(ConsentRoom, IsRecordedWithItsProofAndShownNewestFirst)
{
    auto first = say(CONSENT__STATE_GRANTED);
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_STREQ(first->source, "form 7");
    EXPECT_STREQ(first->principal, "tester");
    ASSERT_TRUE(say(CONSENT__STATE_WITHDRAWN).ok_());
    auto all = consent();
    ASSERT_TRUE(all.ok_()) << all.message();
    ASSERT_EQ(all->n_entries, 2u);
    EXPECT_EQ(all->entries[0]->state, CONSENT__STATE_WITHDRAWN);
    EXPECT_STREQ(all->entries[1]->name, first->name);
    ASSERT_EQ(all->contact->n_consents, 1u);
    EXPECT_EQ(all->contact->consents[0]->state, CONSENT__STATE_WITHDRAWN);
    EXPECT_EQ(consent("leads/none").reason(), "LEAD_NOT_FOUND");
}

TEST_F(ConsentRoom, IsCheckedFieldByField)
{
    EXPECT_EQ(say(CONSENT__STATE_UNSPECIFIED).fields(), "consent.state");
    EXPECT_EQ(say(CONSENT__STATE_PAUSED).fields(), "consent.pause_end_time");
    EXPECT_EQ(say(CONSENT__STATE_GRANTED, "marketing", MEDIUM_EMAIL, 1).fields(), "consent.pause_end_time");
    EXPECT_EQ(say(CONSENT__STATE_PAUSED, "x", MEDIUM_EMAIL, -1).fields(), "consent.pause_end_time");
    EXPECT_EQ(say(CONSENT__STATE_PAUSED, "x", MEDIUM_EMAIL, YEAR_10000).fields(), "consent.pause_end_time");
    EXPECT_TRUE(say(CONSENT__STATE_PAUSED, "x", MEDIUM_EMAIL, YEAR_10000 - 1).ok_());
    EXPECT_EQ(say(CONSENT__STATE_GRANTED, "Bad Purpose").fields(), "consent.purpose");
    EXPECT_EQ(say(CONSENT__STATE_GRANTED, "").fields(), "consent.purpose");
}

TEST_F(ConsentRoom, UnsubscribingWithdrawsSuppressesAndIsIdempotent)
{
    say(CONSENT__STATE_GRANTED);
    say(CONSENT__STATE_GRANTED, "survey", MEDIUM_SMS);
    auto one = stop("leads/a", "", "survey");
    ASSERT_TRUE(one.ok_()) << one.message();
    EXPECT_EQ(one->n_withdrawn, 1u);
    auto rest = stop("leads/a");
    ASSERT_TRUE(rest.ok_()) << rest.message();
    ASSERT_EQ(rest->n_withdrawn, 1u);
    EXPECT_STREQ(rest->withdrawn[0]->purpose, "marketing");
    auto again = stop("leads/a");
    ASSERT_TRUE(again.ok_());
    EXPECT_EQ(again->n_withdrawn, 0u);
    EXPECT_EQ(explain()->verdict, SEND_VERDICT_REFUSE);
    EXPECT_EQ(house.count("SELECT count(*) FROM suppression WHERE workspace = $1"),
              4); // two addresses, two scopes
}

TEST_F(ConsentRoom, AnAddressUnsubscribesWithOrWithoutALead)
{
    say(CONSENT__STATE_GRANTED);
    auto with = stop("", " A@Mail.Example ");
    ASSERT_TRUE(with.ok_()) << with.message();
    EXPECT_STREQ(with->lead, "leads/a");
    EXPECT_EQ(with->n_withdrawn, 1u);
    auto without = stop("", "stranger@mail.example");
    ASSERT_TRUE(without.ok_()) << without.message();
    EXPECT_STREQ(without->lead, "");
    EXPECT_EQ(suppression_of("suppressions/-", "stranger@mail.example")->n_entries, 1u);
    EXPECT_EQ(stop("leads/a", "a@mail.example").reason(), "FIELD_INVALID");
    EXPECT_EQ(stop("").reason(), "FIELD_REQUIRED");
    EXPECT_EQ(stop("", "no address").reason(), "FIELD_INVALID");
    EXPECT_EQ(stop("leads/none").reason(), "LEAD_NOT_FOUND");
}

TEST_F(ConsentRoom, SuppressionsAreFoundByNameAndAddressAndTellNoAddress)
{
    auto s = suppress("a@mail.example", SUPPRESSION__CAUSE_COMPLAINT);
    ASSERT_TRUE(s.ok_()) << s.message();
    ASSERT_TRUE(suppress("a@mail.example", SUPPRESSION__CAUSE_MANUAL, "marketing").ok_());
    auto by_name = suppression_of(s->name), by_address = suppression_of("suppressions/-", "a@mail.example");
    ASSERT_TRUE(by_name.ok_() && by_address.ok_()) << by_name.message() << by_address.message();
    EXPECT_STREQ(by_name->name, by_address->name);
    ASSERT_EQ(by_name->n_entries, 2u);
    EXPECT_EQ(by_name->entries[0]->cause, SUPPRESSION__CAUSE_COMPLAINT);
    EXPECT_STREQ(by_name->entries[1]->purpose, "marketing");
    EXPECT_EQ(std::string(s->name).find("mail"), std::string::npos);
    EXPECT_EQ(explain("transactional")->decided_by, SEND_GATE_SUPPRESSION);
    EXPECT_EQ(suppress("b@mail.example", SUPPRESSION__CAUSE_HARD_BOUNCE)->entries[0]->medium, MEDIUM_EMAIL);
    EXPECT_EQ(suppress("a@mail.example", SUPPRESSION__CAUSE_ERASURE).fields(), "cause");
    EXPECT_EQ(suppression_of("suppressions/-", "c@mail.example").reason(), "SUPPRESSION_NOT_FOUND");
    EXPECT_EQ(suppression_of("suppressions/1zz").reason(), "FIELD_INVALID");
}

TEST_F(ConsentRoom, ASuppressionIsDeletedByCause)
{
    auto s = suppress("a@mail.example", SUPPRESSION__CAUSE_COMPLAINT);
    suppress("a@mail.example", SUPPRESSION__CAUSE_HARD_BOUNCE);
    EXPECT_EQ(allow(s->name, SUPPRESSION__CAUSE_MANUAL).reason(), "SUPPRESSION_NOT_FOUND");
    ASSERT_TRUE(allow(s->name, SUPPRESSION__CAUSE_HARD_BOUNCE).ok_());
    EXPECT_EQ(suppression_of(s->name)->n_entries, 1u);
    ASSERT_TRUE(allow(s->name).ok_());
    EXPECT_EQ(suppression_of(s->name).reason(), "SUPPRESSION_NOT_FOUND");
    EXPECT_EQ(allow(s->name).reason(), "SUPPRESSION_NOT_FOUND");
}

TEST_F(ConsentRoom, SuppressionsAreListedInPages)
{
    std::set<std::string> made, listed;
    for (int i = 0; i < 5; i++)
        made.insert(
            suppress(("x" + std::to_string(i) + "@mail.example").c_str(), SUPPRESSION__CAUSE_MANUAL)->name);
    ListSuppressionsRequest req = LIST_SUPPRESSIONS_REQUEST_INIT;
    req.page_size = 2;
    int pages = 0;
    do {
        auto a = house.call(list_suppressions, req, &ListSuppressionsResponse_descriptor);
        ASSERT_TRUE(a.ok_()) << a.message();
        for (size_t i = 0; i < a->n_suppressions; i++)
            EXPECT_TRUE(listed.insert(a->suppressions[i]->name).second);
        req.page_token = text(a->next_page_token);
    } while (++pages < 9 && *req.page_token);
    EXPECT_EQ(pages, 3);
    EXPECT_EQ(listed, made);
}

TEST_F(ConsentRoom, ThePolicyIsVersionedAndChangedAgainstItsEtag)
{
    auto builtin = policy();
    ASSERT_TRUE(builtin.ok_()) << builtin.message();
    EXPECT_EQ(builtin->version, 0);
    EXPECT_EQ(builtin->n_purposes, 2u);
    EXPECT_EQ(builtin->max_channels, 5);
    builtin->paused = true;
    EXPECT_TRUE(change(builtin.res, true).ok_());
    EXPECT_EQ(policy()->version, 0);
    auto first = change(builtin.res);
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_EQ(first->version, 1);
    EXPECT_EQ(change(builtin.res).reason(), "ETAG_MISMATCH");
    auto now = policy();
    EXPECT_STREQ(now->etag, first->etag);
    EXPECT_TRUE(now->paused);
    auto e = explain("transactional");
    EXPECT_EQ(e->verdict, SEND_VERDICT_WAIT);
    EXPECT_EQ(e->decided_by, SEND_GATE_PAUSE);
    EXPECT_EQ(e->next_eligible_time, nullptr);
}

TEST_F(ConsentRoom, EveryFaultOfAPolicyIsNamed)
{
    struct {
        const char *field;
        std::function<void(SendPolicy *)> spoil;
    } rows[] = {
        { "send_policy.purposes", [](SendPolicy *p) { p->n_purposes = 0; } },
        { "send_policy.purposes[1].id", [](SendPolicy *p) { p->purposes[1]->id = p->purposes[0]->id; } },
        { "send_policy.purposes[0].id", [&](SendPolicy *p) { p->purposes[0]->id = text("No Id"); } },
        { "send_policy.frequency_caps[0].limit", [](SendPolicy *p) { p->frequency_caps[0]->limit = 51; } },
        { "send_policy.frequency_caps[2].window",
          [](SendPolicy *p) { p->frequency_caps[2]->window->seconds = 59; } },
        { "send_policy.frequency_caps[1].window",
          [](SendPolicy *p) { p->frequency_caps[1]->window = nullptr; } },
        { "send_policy.quiet_hours[0].start",
          [&](SendPolicy *p) { p->quiet_hours[0]->start = text("24:00"); } },
        { "send_policy.quiet_hours[0].end", [&](SendPolicy *p) { p->quiet_hours[0]->end = text("8:00"); } },
        { "send_policy.quiet_hours[0].end", [&](SendPolicy *p) { p->quiet_hours[0]->end = text("08:60"); } },
        { "send_policy.quiet_hours", [&](SendPolicy *p) { p->quiet_hours[0]->end = text("21:00"); } },
        { "send_policy.max_channels", [](SendPolicy *p) { p->max_channels = 0; } },
        { "send_policy.max_channels_window",
          [](SendPolicy *p) { p->max_channels_window->seconds = 8000000; } },
        { "send_policy.hold_out_fraction", [](SendPolicy *p) { p->hold_out_fraction = 1.5; } },
        { "send_policy.default_time_zone", [&](SendPolicy *p) { p->default_time_zone = text("Mars"); } },
    };
    for (const auto &r : rows) {
        auto p = policy();
        r.spoil(p.res);
        EXPECT_EQ(change(p.res).fields(), r.field);
    }
}

TEST_F(ConsentRoom, AHeldOutLeadStaysHeldOut)
{
    say(CONSENT__STATE_GRANTED);
    auto p = policy();
    p->hold_out_fraction = 1;
    p->n_quiet_hours = 0;
    auto changed = change(p.res);
    ASSERT_TRUE(changed.ok_());
    EXPECT_EQ(explain()->decided_by, SEND_GATE_HOLD_OUT);
    EXPECT_EQ(explain("transactional")->verdict, SEND_VERDICT_PASS);
    changed->hold_out_fraction = 0;
    ASSERT_TRUE(change(changed.res).ok_());
    EXPECT_EQ(explain()->verdict, SEND_VERDICT_PASS);
}

TEST_F(ConsentRoom, EveryGateIsExplainedAlsoOfAStoredMessage)
{
    std::string name = plan("leads/a");
    for (const char *message : { "", name.c_str() }) {
        auto e = explain("marketing", message);
        ASSERT_TRUE(e.ok_()) << e.message();
        ASSERT_EQ(e->n_gates, 12u);
        EXPECT_EQ(e->verdict, SEND_VERDICT_REFUSE);
        EXPECT_EQ(e->decided_by, SEND_GATE_CONSENT);
        for (size_t i = 0; i < e->n_gates; i++) {
            EXPECT_EQ(e->gates[i]->gate, static_cast<SendGate>(i + 1));
            EXPECT_EQ(*e->gates[i]->reason == 0, e->gates[i]->verdict == SEND_VERDICT_PASS);
        }
    }
    EXPECT_EQ(explain("").fields(), "purpose");
    Timestamp never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    never.seconds = INT64_MAX;
    EXPECT_EQ(explain("marketing", "", &never).fields(), "expire_time");
    EXPECT_EQ(explain("", "messages/none").reason(), "MESSAGE_NOT_FOUND");
}

} // namespace
