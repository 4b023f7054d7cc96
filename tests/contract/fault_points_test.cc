// The store's fault points: bazel test --config=opt --config=faults //tests/contract:fault_points_test
#include "base/fault.h"
#include "tests/contract/db_fault.h"

#ifndef FAULTS
#error "fault points are compiled in with --config=faults"
#endif

namespace
{

class FaultPoints : public DbFault
{
};

TEST_P(FaultPoints, EachActsAsItsRowSays)
{
    open();
    struct committer *c = start_committer(db, &memory.arena);
    ASSERT_TRUE(fault_plan("store_before_commit:fail:1"));
    EXPECT_EQ(triage(c, "w", "a").reason, REASON_STORE_UNAVAILABLE);
    EXPECT_EQ(count("w"), (Counts{ 0, 0, 0, 0, 0 }));
    EXPECT_TRUE(is_ok(triage(c, "w", "a"))) << "once is once";
    ASSERT_TRUE(fault_plan("store_before_write:fail:1"));
    EXPECT_EQ(triage(c, "w", "b").reason, REASON_STORE_UNAVAILABLE);
    ASSERT_TRUE(fault_plan("store_after_commit:fail:1"));
    EXPECT_EQ(triage(c, "w", "c").reason, REASON_COMMIT_UNKNOWN);
    EXPECT_EQ(count("w"), (Counts{ 2, 2, 2, 2, 2 }));
    committer_stop(c);
}

INSTANTIATE_TEST_SUITE_P(Databases, FaultPoints, testing::Values("sqlite", "postgresql"));

} // namespace
