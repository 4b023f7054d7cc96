// ListAuditEvents.
#include "tests/unit/agents/audit/fixture.h"

using namespace evidence;

class AuditList : public AuditRoom
{
  protected:
    Answer<ListAuditEventsResponse> page(const std::string &filter, int size = 0,
                                         const std::string &token = "")
    {
        ListAuditEventsRequest req = LIST_AUDIT_EVENTS_REQUEST_INIT;
        req.filter = text(filter);
        req.page_size = size;
        req.page_token = text(token);
        return house.call(list_audit_events, req, &ListAuditEventsResponse_descriptor);
    }
    // The subjects of all pages, with blanks between.
    std::string subjects(const std::string &filter, int size = 0)
    {
        std::string all, token;
        do {
            auto a = page(filter, size, token);
            if (!a.ok_())
                return a.reason();
            for (size_t i = 0; i < a->n_audit_events; i++)
                all += (all.empty() ? "" : " ") + std::string(a->audit_events[i]->subject);
            token = a->next_page_token;
        } while (!token.empty());
        return all;
    }
};

TEST_F(AuditList, TellsWhoWhatAndWhen)
{
    house.now_us = INT64_C(1700000000123456);
    happens("leads/x", "lead.deleted");
    auto a = page("");
    ASSERT_TRUE(a.ok_()) << a.message();
    ASSERT_EQ(a->n_audit_events, 1u);
    const AuditEvent *e = a->audit_events[0];
    EXPECT_STREQ(e->name, "auditEvents/1");
    EXPECT_STREQ(e->action, "lead.deleted");
    EXPECT_STREQ(e->subject, "leads/x");
    EXPECT_STREQ(e->principal, "users/ann");
    EXPECT_STREQ(e->method, "CreateLead");
    EXPECT_STREQ(e->request_id, "request-0001");
    EXPECT_STREQ(e->trace_id, "0123456789abcdef0123456789abcdef");
    EXPECT_EQ(e->create_time->seconds, 1700000000);
    EXPECT_EQ(e->denial, nullptr);
}

TEST_F(AuditList, IsNewestFirstInPages)
{
    for (const char *s : { "a", "b", "c", "d", "e" })
        happens(s);
    EXPECT_EQ(subjects(""), "e d c b a");
    EXPECT_EQ(subjects("", 2), "e d c b a");
    EXPECT_EQ(subjects("", 5), "e d c b a");
    EXPECT_EQ(page("", 2, "nonsense").reason(), "PAGE_TOKEN_INVALID");
}

TEST_F(AuditList, Filters)
{
    house.now_us = INT64_C(1700000000000000);
    happens("a", "lead.created");
    principal = "users/bob";
    house.now_us += 10000000;
    happens("b", "lead.created");
    happens("c", "lead.deleted");
    EXPECT_EQ(subjects("principal = \"users/bob\""), "c b");
    EXPECT_EQ(subjects("action = \"lead.created\"", 1), "b a");
    EXPECT_EQ(subjects("action = \"lead.created\" AND principal = \"users/bob\""), "b");
    EXPECT_EQ(subjects("subject = a"), "a");
    EXPECT_EQ(subjects("create_time < \"2023-11-14T22:13:25Z\""), "a");
    EXPECT_EQ(subjects("trace_id = \"0123456789abcdef0123456789abcdef\""), "c b a");
    EXPECT_EQ(subjects("trace_id = \"x\""), "");
    EXPECT_EQ(subjects("colour = red"), "FILTER_INVALID");
}

TEST_F(AuditList, ShowsOneWorkspaceBehindMuchOfAnother)
{
    happens("mine");
    house.workspace = "other";
    auto a = house.run([&](ctx *c) {
        for (int i = 0; i < 5000; i++)
            event_note(c, "lead", "lead.created", "theirs");
        return ok();
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    house.workspace = "default";
    EXPECT_EQ(subjects(""), "mine");
}

TEST_F(AuditList, TellsWhyACallWasDenied)
{
    auto a = house.run([&](ctx *c) {
        denied_note(house.app.denied, c, "ipv4:192.0.2.1", fail(c->arena, REASON_LEAD_NOT_FOUND, "no"));
        return ok();
    });
    ASSERT_TRUE(house.run(denied_write).ok_());
    auto p = page("");
    ASSERT_EQ(p->n_audit_events, 1u);
    ASSERT_NE(p->audit_events[0]->denial, nullptr);
    EXPECT_EQ(p->audit_events[0]->denial->code, 5);
    EXPECT_STREQ(p->audit_events[0]->denial->reason, "LEAD_NOT_FOUND");
    EXPECT_STREQ(p->audit_events[0]->denial->peer, "ipv4:192.0.2.1");
}
