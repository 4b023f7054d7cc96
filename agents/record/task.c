#include "agents/record/task.h"

#include "base/clock.h"
#include "base/fault.h"
#include "store/committer.h"

void task_ctx(struct ctx *c, struct app *app, const char *name, const char *workspace, struct arena *a,
              struct unit *unit)
{
    memset(unit, 0, sizeof *unit);
    memset(c, 0, sizeof *c);
    unit->arena = a;
    unit->workspace = workspace;
    c->arena = a;
    c->app = app;
    c->db = app->db;
    c->method = name;
    c->workspace = workspace;
    c->principal = c->request_id = c->trace_id = c->peer = "";
    c->now_us = clock_wall_us();
    c->deadline_us = clock_mono_us() + 10 * US_PER_SECOND;
    c->unit = unit;
}

static struct status commit(struct app *app, struct unit *u)
{
    (void)FAULT(task_before_commit);
    TRY(committer_run(app->committer, u));
    (void)FAULT(task_after_commit);
    return ok();
}

struct status task_run_in(struct app *app, const char *name, const char *workspace, struct arena *a,
                          struct status (*work)(struct ctx *c, void *arg), void *arg)
{
    struct unit unit;
    struct ctx c;
    task_ctx(&c, app, name, workspace, a, &unit);
    struct status s = work(&c, arg);
    db_read_done(&c);
    unit.workspace = db_reach(&c);
    if (is_ok(s) && unit.n)
        s = commit(app, &unit);
    if (is_ok(s) && c.after_commit)
        c.after_commit(&c);
    return s;
}

struct plain {
    struct status (*work)(struct ctx *c);
};

static struct status run_plain(struct ctx *c, void *arg)
{
    return ((const struct plain *)arg)->work(c);
}

struct status task_run(struct app *app, const char *name, struct arena *a,
                       struct status (*work)(struct ctx *c))
{
    struct plain p = { work };
    return task_run_in(app, name, "", a, run_plain, &p);
}
