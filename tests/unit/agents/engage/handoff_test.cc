// Conversations that journeys hand over to people, and that people take and give back.
#include "agents/engage/contact/consent.h"
#include "agents/engage/contact/owner.h"
#include "tests/unit/agents/engage/journey_room.h"

using namespace fixture;

namespace
{

class Handoffs : public Journeys
{
  protected:
    Handoffs()
    {
        create({ { "email", "a@mail.example" } }, "a");
    }
    Answer<Contact> take(const std::string &owner, bool force = false)
    {
        AssignOwnerRequest req = ASSIGN_OWNER_REQUEST_INIT;
        req.name = text("leads/a");
        req.owner = text(owner);
        req.force = force;
        return house.call(assign_owner, req, &Contact_descriptor);
    }
    Answer<Contact> give_back(const std::string &owner = "")
    {
        ReleaseOwnerRequest req = RELEASE_OWNER_REQUEST_INIT;
        req.name = text("leads/a");
        req.owner = text(owner);
        return house.call(release_owner, req, &Contact_descriptor);
    }
    std::string owner()
    {
        GetConsentRequest req = GET_CONSENT_REQUEST_INIT;
        req.name = text("leads/a");
        return house.call(get_consent, req, &GetConsentResponse_descriptor)->contact->owner;
    }
    Answer<ExplainSendDecisionResponse> explain()
    {
        ExplainSendDecisionRequest req = EXPLAIN_SEND_DECISION_REQUEST_INIT;
        req.lead = text("leads/a");
        req.purpose = text("marketing");
        req.medium = MEDIUM_EMAIL;
        return house.call(explain_send_decision, req, &ExplainSendDecisionResponse_descriptor);
    }
    // Hands over for an hour, then writes.
    void put_handoff()
    {
        put("talk", b.journey({ b.handoff("ask", 3600), b.send("after") }, "visit"));
    }
};

} // namespace

TEST_F(Handoffs, TheLeadGoesOnWhenItIsGivenBack)
{
    put_handoff();
    does("leads/a", "visit");
    EXPECT_EQ(where("leads/a"), Places{ "a/ask" });
    EXPECT_EQ(owner(), "queues/sales");
    EXPECT_EQ(events("lead.handoff_requested"), 1);
    auto e = explain();
    EXPECT_STREQ(e->owner, "queues/sales");
    EXPECT_EQ(e->gates[SEND_GATE_OWNER - 1]->verdict, SEND_VERDICT_WAIT);
    EXPECT_STREQ(take("users/ann")->owner, "users/ann");
    react();
    EXPECT_EQ(where("leads/a"), Places{ "a/ask" });
    does("leads/a", "lead.owner_released"); // a caller's own event of that type is no such action
    EXPECT_EQ(where("leads/a"), Places{ "a/ask" });
    EXPECT_STREQ(give_back("users/ann")->owner, "");
    react();
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(messages("leads/a").size(), 1u);
    EXPECT_EQ(owner(), "");
    EXPECT_EQ(explain()->gates[SEND_GATE_OWNER - 1]->verdict, SEND_VERDICT_PASS);
}

TEST_F(Handoffs, WhatIsGivenBackWhileTheJourneyIsPausedEndsItOnceItIsResumed)
{
    put_handoff();
    does("leads/a", "visit");
    ASSERT_TRUE(pause("talk").ok_());
    ASSERT_TRUE(give_back().ok_());
    react();
    pass(1);
    EXPECT_EQ(where("leads/a"), Places{ "a/ask" });
    ASSERT_TRUE(resume("talk").ok_());
    pass(1);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(messages("leads/a").size(), 1u);
}

TEST_F(Handoffs, WhereNobodyTakesItItGoesOnByTime)
{
    put_handoff();
    does("leads/a", "visit");
    pass(3000);
    EXPECT_EQ(where("leads/a"), Places{ "a/ask" });
    pass(1000);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(owner(), "");
}

TEST_F(Handoffs, WhoTookItKeepsIt)
{
    put_handoff();
    does("leads/a", "visit");
    ASSERT_TRUE(take("users/ann").ok_());
    pass(4000);
    EXPECT_EQ(where("leads/a"), Places{ "a!1" });
    EXPECT_EQ(owner(), "users/ann");
}

TEST_F(Handoffs, WhoIsTakenOutLeavesNoQueueBehind)
{
    put_handoff();
    does("leads/a", "visit");
    ASSERT_EQ(owner(), "queues/sales");
    ASSERT_TRUE(unenroll("talk", "leads/a").ok_());
    EXPECT_EQ(owner(), "");
    react();
    EXPECT_EQ(where("leads/a"), Places{ "a!4" });
    EXPECT_EQ(messages("leads/a").size(), 0u);
}

TEST_F(Handoffs, WhoTookItKeepsItWhenTheLeadIsTakenOut)
{
    put_handoff();
    does("leads/a", "visit");
    ASSERT_TRUE(take("users/ann").ok_());
    ASSERT_TRUE(unenroll("talk", "leads/a").ok_());
    EXPECT_EQ(owner(), "users/ann");
}

// Two journeys that hand the same lead over in one commit: the first one's queue has it.
TEST_F(Handoffs, OfTwoAtOnceTheFirstHasIt)
{
    put("one", b.journey({ b.handoff("ask", 3600, "queues/one") }, "visit"));
    put("two", b.journey({ b.handoff("ask", 7200, "queues/two") }, "visit"));
    does("leads/a", "visit");
    EXPECT_EQ(where("leads/a"), (Places{ "a/ask", "a/ask" }));
    EXPECT_EQ(owner(), "queues/one");
    EXPECT_EQ(events("lead.handoff_requested"), 2);
    ASSERT_TRUE(give_back().ok_());
    react();
    EXPECT_EQ(where("leads/a"), (Places{ "a!1", "a!1" }));
}

TEST_F(Handoffs, APersonTakesFromAQueueAndFromNobodyElse)
{
    EXPECT_EQ(take("").fields(), "owner") << "the caller is no user";
    EXPECT_EQ(take("leads/b").fields(), "owner");
    ASSERT_TRUE(take("queues/sales").ok_());
    ASSERT_TRUE(take("users/ann").ok_());
    EXPECT_EQ(take("users/ann").writes, 0);
    EXPECT_EQ(take("users/ben").reason(), "OWNER_TAKEN");
    EXPECT_EQ(give_back("users/ben").reason(), "OWNER_TAKEN");
    EXPECT_STREQ(take("users/ben", true)->owner, "users/ben");
    EXPECT_NE(take("users/ben")->owner_time, nullptr);
    EXPECT_EQ(give_back("users/ben")->owner_time, nullptr);
    EXPECT_EQ(give_back().writes, 0);
    EXPECT_EQ(events("lead.owner_assigned"), 3);
    EXPECT_EQ(events("lead.owner_released"), 1);
    house.workspace = "acme";
    EXPECT_EQ(take("users/ann").reason(), "LEAD_NOT_FOUND");
    EXPECT_EQ(give_back().reason(), "LEAD_NOT_FOUND");
}
