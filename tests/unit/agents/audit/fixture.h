// fixture.h: a house whose event log is sealed, and ways to damage it behind the server's back.
#ifndef TESTS_UNIT_AGENTS_AUDIT_FIXTURE_H
#define TESTS_UNIT_AGENTS_AUDIT_FIXTURE_H

#include "agents/audit/audit.h"
#include "agents/record/denied.h"
#include "agents/record/event_log.h"
#include "agents/record/events.h"
#include "agents/record/signer.h"
#include "tests/unit/agents/harness.h"

#include <list>

namespace evidence
{

using harness::Answer;
using harness::House;

// What the last message of VerifyAuditChain says.
struct Verdict {
    int64_t entries, ours, foreign;
    std::string damage, event; // "" where all is well, else e.g. "ALTERED at 3"
    int messages;
};

class AuditRoom : public testing::Test
{
  protected:
    AuditRoom()
    {
        arena_init(&memory, 64 << 20);
        with_secret("a secret of thirty-two characters");
        EXPECT_EQ(audit_open(&memory, &house.app.audit).code, CODE_OK);
        EXPECT_EQ(denied_open(&memory, &house.app.denied).code, CODE_OK);
    }
    ~AuditRoom() override
    {
        audit_close(house.app.audit);
        arena_done(&memory);
    }

    // As after a start with this SECRET_KEY.
    void with_secret(const char *secret)
    {
        EXPECT_EQ(signer_open(str_of(secret), &memory, &house.app.signer).code, CODE_OK);
    }

    char *text(const std::string &s)
    {
        return pb_str(&memory, str_make(s.data(), s.size()));
    }

    void happens(const std::string &subject, const char *action = "lead.created")
    {
        auto a = house.run([&](ctx *c) {
            c->method = "marketing.v1.LeadService/CreateLead";
            c->principal = principal.c_str();
            c->request_id = "request-0001";
            event_note(c, "lead", action, subject.c_str());
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << a.message();
    }
    void happen(int n)
    {
        for (int i = 0; i < n; i++)
            happens("leads/" + std::to_string(i));
    }

    // What the job does, until it has caught up.
    void seal()
    {
        for (int i = 0; i < 3; i++)
            ASSERT_EQ(house.run(audit_seal).reason(), "OK");
    }

    Answer<AuditCheckpoint> checkpoint()
    {
        CreateCheckpointRequest req = CREATE_CHECKPOINT_REQUEST_INIT;
        return house.call(create_checkpoint, req, &AuditCheckpoint_descriptor);
    }

    Verdict verify(AuditCheckpoint *given = nullptr)
    {
        Verdict v = {};
        auto a = house.run([&](ctx *c) {
            VerifyAuditChainRequest req = VERIFY_AUDIT_CHAIN_REQUEST_INIT;
            verification *state = nullptr;
            bool more = true;
            req.checkpoint = given;
            TRY(verify_audit_chain_open(c, &req, &state));
            for (;;) {
                VerifyAuditChainResponse *res = PB_NEW(c->arena, VerifyAuditChainResponse);
                TRY(verify_audit_chain(c, state, res, &more));
                if (!more)
                    return ok();
                take(v, *res);
                db_read_done(c);
            }
        });
        EXPECT_TRUE(a.ok_()) << a.message();
        return v;
    }

    // A statement of the test's own, e.g. somebody's with the database's password.
    void tamper(const std::string &sql)
    {
        Statement &s = statements.emplace_back();
        s.name = "test_tamper_" + std::to_string(statements.size());
        s.sql = sql;
        s.stmt = { s.name.c_str(), "", "", s.sql.c_str(), nullptr, nullptr };
        auto a = house.run([&](ctx *c) {
            db_reach_all(c);
            unit_add(c->unit, &s.stmt, -1, REASON_INTERNAL, nullptr);
            return ok();
        });
        ASSERT_TRUE(a.ok_()) << sql << ": " << a.message();
    }
    // The seq of the n-th event of all, from 1, as SQL.
    static std::string nth(int n)
    {
        return "(SELECT seq FROM event ORDER BY seq LIMIT 1 OFFSET " + std::to_string(n - 1) + ")";
    }

    arena memory;
    std::string principal = "users/ann";
    House house{ { &events_statements, &event_log_statements, &audit_statements } };

  private:
    static void take(Verdict &v, const VerifyAuditChainResponse &res)
    {
        v.messages++;
        v.entries = res.verified_entries;
        v.ours = res.verified_checkpoints;
        v.foreign = res.foreign_checkpoints;
        EXPECT_EQ(res.head.len, 32u);
        if (!res.damage)
            return;
        EXPECT_TRUE(res.finished);
        const ProtobufCEnumValue *kind =
            protobuf_c_enum_descriptor_get_value(&AuditDamage__Kind_descriptor, res.damage->kind);
        v.damage = std::string(kind->name).substr(5) + " at " + std::to_string(res.damage->position);
        v.event = res.damage->audit_event;
    }

    struct Statement {
        std::string name, sql;
        struct stmt stmt;
    };
    std::list<Statement> statements;
};

} // namespace evidence

#endif
