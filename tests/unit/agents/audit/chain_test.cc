// The chain follows the log, and whatever is done to log, chain or checkpoints behind the server's back is
// named.
#include "tests/unit/agents/audit/fixture.h"

#include <cstdio>
#include <unistd.h>

using namespace evidence;

class AuditChain : public AuditRoom
{
};

TEST_F(AuditChain, HoldsEveryEntryOfItsWorkspace)
{
    happen(5);
    house.workspace = "other";
    happen(3);
    house.workspace = "default";
    happen(2);
    seal();
    EXPECT_EQ(verify().entries, 7);
    EXPECT_EQ(verify().damage, "");
    house.workspace = "other";
    EXPECT_EQ(verify().entries, 3);
    house.workspace = "empty";
    EXPECT_EQ(verify().entries, 0);
    EXPECT_EQ(verify().damage, "");
}

TEST_F(AuditChain, GrowsWithTheLog)
{
    for (int i = 1; i <= 4; i++) {
        happen(i);
        seal();
    }
    EXPECT_EQ(verify().entries, 10);
    EXPECT_EQ(verify().damage, "");
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM audit_seal WHERE workspace = $1"), 4);
}

TEST_F(AuditChain, TellsHowFarItIs)
{
    auto a = house.run([&](ctx *c) {
        for (int i = 0; i < 45000; i++)
            event_note(c, "lead", "lead.created", "leads/x");
        return ok();
    });
    ASSERT_TRUE(a.ok_()) << a.message();
    for (int i = 0; i < 5; i++)
        seal();
    Verdict v = verify();
    EXPECT_EQ(v.entries, 45000);
    EXPECT_EQ(v.messages, 3);
}

TEST_F(AuditChain, AnAlteredEntryIsNamed)
{
    happen(6);
    seal();
    const char *columns[] = { "create_time = create_time + 1",
                              "agent_type = 4",
                              "agent_id = 'x'",
                              "action = 'x'",
                              "subject = 'x'",
                              "conversation = 'x'",
                              "decision_id = 'x'",
                              "payload = trace_id",
                              "principal = 'users/eve'",
                              "method = 'x'",
                              "request_id = 'x'",
                              "trace_id = NULL" };
    for (const char *change : columns) {
        tamper("CREATE TEMPORARY TABLE kept AS SELECT * FROM event WHERE seq = " + nth(4));
        tamper(std::string("UPDATE event SET ") + change + " WHERE seq = " + nth(4));
        Verdict v = verify();
        EXPECT_EQ(v.damage, "ALTERED at 4") << change;
        EXPECT_EQ(v.entries, 3) << change;
        for (const char *column :
             { "create_time", "agent_type", "agent_id", "action", "subject", "conversation", "decision_id",
               "payload", "principal", "method", "request_id", "trace_id" })
            tamper(std::string("UPDATE event SET ") + column + " = (SELECT " + column +
                   " FROM kept) WHERE seq = " + nth(4));
        tamper("DROP TABLE kept");
        EXPECT_EQ(verify().damage, "") << change;
    }
}

TEST_F(AuditChain, AMissingEntryIsNamed)
{
    happen(6);
    seal();
    tamper("DELETE FROM event WHERE seq = " + nth(2));
    EXPECT_EQ(verify().damage, "MISSING at 2");
}

TEST_F(AuditChain, EntriesThatChangedPlacesAreNamed)
{
    happen(6);
    seal();
    for (const char *column : { "create_time", "subject" }) {
        tamper(std::string("CREATE TEMPORARY TABLE kept AS SELECT ") + column +
               " AS v FROM event WHERE seq = " + nth(3));
        tamper(std::string("UPDATE event SET ") + column + " = (SELECT " + column +
               " FROM event WHERE seq = " + nth(5) + ") WHERE seq = " + nth(3));
        tamper(std::string("UPDATE event SET ") + column + " = (SELECT v FROM kept) WHERE seq = " + nth(5));
        tamper("DROP TABLE kept");
    }
    EXPECT_EQ(verify().damage, "REORDERED at 3");
}

TEST_F(AuditChain, AnEntryThatWasNeverSealedIsNamed)
{
    house.workspace = "other";
    happen(1);
    house.workspace = "default";
    happen(2);
    house.workspace = "other";
    happen(1);
    seal();
    tamper("UPDATE event SET workspace = 'default' WHERE seq = " + nth(1));
    house.workspace = "default";
    EXPECT_EQ(verify().damage, "ADDED at 1");
    tamper("UPDATE event SET workspace = 'other' WHERE seq = " + nth(1));
    EXPECT_EQ(verify().damage, "");
    tamper("UPDATE event SET workspace = 'default' WHERE seq = " + nth(4));
    EXPECT_EQ(verify().damage, "ADDED at 3");
}

TEST_F(AuditChain, AnAlteredHashIsNamed)
{
    happen(3);
    seal();
    happen(3);
    seal();
    tamper("UPDATE audit_seal SET entries = (SELECT entries FROM audit_seal WHERE last_position = 3) WHERE "
           "last_position = 6");
    EXPECT_NE(verify().damage, "");
    EXPECT_EQ(verify().entries, 3);
}

TEST_F(AuditChain, AMissingStretchIsNamed)
{
    for (int i = 0; i < 3; i++) {
        happen(2);
        seal();
    }
    tamper("DELETE FROM audit_seal WHERE last_position = 4");
    EXPECT_EQ(verify().damage, "MISSING at 3");
}

TEST_F(AuditChain, ACheckpointIsSignedOnceForAPlace)
{
    EXPECT_EQ(checkpoint().reason(), "AUDIT_EMPTY");
    happen(3);
    seal();
    auto first = checkpoint(), again = checkpoint();
    ASSERT_TRUE(first.ok_()) << first.message();
    EXPECT_EQ(first->position, 3);
    EXPECT_STREQ(first->name, "auditCheckpoints/3");
    EXPECT_EQ(memcmp(first->signature.data, again->signature.data, 64), 0);
    EXPECT_EQ(verify(first.res).ours, 2) << "the stored one and the caller's";
    seal(); /* the making of the checkpoint is an entry too */
    EXPECT_EQ(verify(first.res).entries, 4);
    ASSERT_EQ(house.run(audit_checkpoints).reason(), "OK");
    EXPECT_EQ(verify().ours, 1) << "not within the hour";
    house.now_us = clock_wall_us() + 2 * 3600 * US_PER_SECOND;
    ASSERT_EQ(house.run(audit_checkpoints).reason(), "OK");
    ASSERT_EQ(house.run(audit_checkpoints).reason(), "OK");
    EXPECT_EQ(verify().ours, 2);
}

TEST_F(AuditChain, ACutTailIsCaughtByTheCheckpoint)
{
    happen(4);
    seal();
    happen(3);
    seal();
    auto kept = checkpoint();
    ASSERT_TRUE(kept.ok_());
    tamper("DELETE FROM event WHERE seq > " + nth(4));
    tamper("DELETE FROM audit_seal WHERE last_position > 4");
    tamper("UPDATE audit_cursor SET seq = " + nth(4));
    EXPECT_EQ(verify().damage, "TAIL_CUT at 5");
    tamper("DELETE FROM audit_checkpoint");
    EXPECT_EQ(verify().damage, "") << "nothing in the database tells";
    EXPECT_EQ(verify(kept.res).damage, "TAIL_CUT at 5") << "the caller's checkpoint does";
}

TEST_F(AuditChain, AChainWrittenAnewIsCaughtByTheCheckpoint)
{
    happen(5);
    seal();
    auto kept = checkpoint();
    tamper("UPDATE event SET subject = 'leads/other' WHERE seq = " + nth(2));
    tamper("DELETE FROM audit_seal");
    tamper("UPDATE audit_cursor SET seq = 0");
    seal();
    EXPECT_EQ(verify().damage, "REWRITTEN at 5");
    tamper("DELETE FROM audit_checkpoint");
    EXPECT_EQ(verify().damage, "");
    EXPECT_EQ(verify(kept.res).damage, "REWRITTEN at 5");
}

TEST_F(AuditChain, AForgedCheckpointIsNamed)
{
    happen(5);
    seal();
    ASSERT_TRUE(checkpoint().ok_());
    auto forged = checkpoint();
    forged->signature.data[7] ^= 1;
    VerifyAuditChainRequest req = VERIFY_AUDIT_CHAIN_REQUEST_INIT;
    req.checkpoint = forged.res;
    auto a = house.run([&](ctx *c) {
        verification *state = nullptr;
        return verify_audit_chain_open(c, &req, &state);
    });
    EXPECT_EQ(a.reason(), "FIELD_INVALID");
    tamper("UPDATE audit_checkpoint SET data = (SELECT trace_id FROM event LIMIT 1)");
    EXPECT_EQ(verify().damage, "CHECKPOINT_FORGED at 5");
}

TEST_F(AuditChain, AnotherSecretsCheckpointIsToldApart)
{
    happen(2);
    seal();
    ASSERT_TRUE(checkpoint().ok_());
    with_secret("another secret of some thirty characters");
    Verdict v = verify();
    EXPECT_EQ(v.damage, "");
    EXPECT_EQ(v.ours, 0);
    EXPECT_EQ(v.foreign, 1);
}

TEST_F(AuditChain, ASealedCursorThatWasMovedOnHidesNothing)
{
    happen(3);
    tamper("UPDATE audit_cursor SET seq = " + nth(3));
    seal();
    EXPECT_EQ(verify().damage, "ADDED at 1");
}

// A transaction that took a smaller number and commits later: what comes behind it waits.
TEST_F(AuditChain, WaitsForWritersOfOtherReplicas)
{
    if (house.server.empty())
        return; // SQLite has one writer
    std::string command = "psql -X -q '" + house.url + "' > /dev/null";
    FILE *replica = popen(command.c_str(), "w");
    ASSERT_NE(replica, nullptr);
    fputs("BEGIN; INSERT INTO event (workspace, create_time, agent_type, agent_id, action, subject, "
          "conversation, decision_id, payload) VALUES ('default', 1, 0, 'a', 'late', 's', '', '', '');\n",
          replica);
    fflush(replica);
    const char *writing = "SELECT COUNT(*) FROM pg_locks WHERE relation = 'event'::regclass AND mode = "
                          "'RowExclusiveLock' AND $1 <> ''";
    for (int i = 0; i < 500 && house.count(writing) == 0; i++)
        usleep(10000);
    happen(3);
    seal();
    seal();
    EXPECT_EQ(verify().entries, 0);
    fputs("COMMIT;\n", replica);
    pclose(replica);
    seal();
    EXPECT_EQ(verify().entries, 4);
    EXPECT_EQ(verify().damage, "");
    EXPECT_EQ(house.count("SELECT COUNT(*) FROM event WHERE workspace = $1 AND action = 'late' AND seq = 1"),
              1);
}
