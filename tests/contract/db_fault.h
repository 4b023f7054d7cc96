// db_fault.h: a committer over the database of the test, and units of five rows to put into it.
#pragma once

#include "tests/contract/db_fixture.h"

using Counts = std::vector<int64_t>;

inline struct committer *start_committer(struct db *db, struct arena *a, size_t limit = 100000)
{
    struct committer *c = nullptr;
    struct status s = committer_start(db, limit, a, &c);
    EXPECT_TRUE(is_ok(s)) << s.message;
    return c;
}

class DbFault : public DbTest
{
  protected:
    const std::string blob = std::string(600, 'b');
    // One unit of five rows through the committer.
    struct status triage(struct committer *c, const char *workspace, const std::string &id)
    {
        Memory m;
        struct unit u;
        memset(&u, 0, sizeof u);
        u.arena = &m.arena;
        spine_triage(&u, workspace, id.c_str(), 1, str_make(blob.data(), blob.size()));
        struct status s = committer_run(c, &u);
        s.message = reason_name(static_cast<enum reason>(s.reason)); /* the text dies with the arena */
        return s;
    }
};
