// Denied calls get into the log, as many as it takes; of the others their number.
#include "tests/unit/agents/audit/fixture.h"

using namespace evidence;

class AuditDenied : public AuditRoom
{
  protected:
    void denied(enum reason why, const char *peer = "ipv4:192.0.2.1")
    {
        auto a = house.run([&](ctx *c) {
            c->method = "marketing.v1.LeadService/DeleteLead";
            c->principal = principal.c_str();
            denied_note(house.app.denied, c, peer, fail(c->arena, why, "no"));
            return ok();
        });
        ASSERT_TRUE(a.ok_());
    }
    void write()
    {
        auto a = house.run(denied_write);
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    int64_t count(const std::string &where)
    {
        return house.count(("SELECT COUNT(*) FROM event WHERE workspace = $1 AND " + where).c_str());
    }
};

TEST_F(AuditDenied, IsWrittenOnceWithWhoAndWhat)
{
    denied(REASON_LEAD_NOT_FOUND);
    write();
    write();
    EXPECT_EQ(count("action = 'call.denied' AND principal = 'users/ann' AND method = 'DeleteLead'"), 1);
    EXPECT_EQ(count("action = 'call.denials_dropped'"), 0);
}

TEST_F(AuditDenied, GoesToTheCallersWorkspaceOrToDefault)
{
    house.workspace = "other";
    denied(REASON_LEAD_NOT_FOUND);
    house.workspace = "";
    denied(REASON_LEAD_NOT_FOUND);
    write();
    house.workspace = "other";
    EXPECT_EQ(count("action = 'call.denied'"), 1);
    house.workspace = "default";
    EXPECT_EQ(count("action = 'call.denied'"), 1);
}

TEST_F(AuditDenied, AFloodIsCounted)
{
    for (int i = 0; i < 1000; i++)
        denied(REASON_LEAD_NOT_FOUND);
    write();
    EXPECT_EQ(count("action = 'call.denied'"), 256);
    EXPECT_EQ(count("action = 'call.denials_dropped'"), 1);
    denied(REASON_LEAD_NOT_FOUND);
    write();
    EXPECT_EQ(count("action = 'call.denied'"), 257);
    EXPECT_EQ(count("action = 'call.denials_dropped'"), 1);
}

TEST_F(AuditDenied, IsKeptWhereTheStoreFails)
{
    denied(REASON_LEAD_NOT_FOUND);
    auto a = house.run([&](ctx *c) {
        TRY(denied_write(c));
        return fail(nullptr, REASON_STORE_UNAVAILABLE, "no");
    });
    EXPECT_EQ(a.reason(), "STORE_UNAVAILABLE");
    write();
    EXPECT_EQ(count("action = 'call.denied'"), 1);
}

TEST_F(AuditDenied, LongTextsAreCut)
{
    principal = std::string(1000, 'x');
    denied(REASON_LEAD_NOT_FOUND, std::string(1000, 'p').c_str());
    write();
    EXPECT_EQ(count("action = 'call.denied' AND length(principal) = 95"), 1);
}
