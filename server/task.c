#include "server/task.h"

#include "base/clock.h"
#include "store/committer.h"

struct status task_run(struct app *app, const char *name, struct arena *a,
                       struct status (*work)(struct ctx *c))
{
    struct unit unit;
    struct ctx c;
    memset(&unit, 0, sizeof unit);
    memset(&c, 0, sizeof c);
    unit.arena = a;
    c.arena = a;
    c.app = app;
    c.db = app->db;
    c.method = name;
    c.workspace = c.principal = c.request_id = c.trace_id = c.peer = "";
    c.now_us = clock_wall_us();
    c.deadline_us = clock_mono_us() + 10 * US_PER_SECOND;
    c.unit = &unit;
    struct status s = work(&c);
    db_read_done(&c);
    unit.workspace = db_reach(&c);
    if (is_ok(s) && unit.n)
        s = committer_run(app->committer, &unit);
    if (is_ok(s) && c.after_commit)
        c.after_commit(&c);
    return s;
}
