/* The room as a whole: opened and closed, kept current, and what a new installation begins with. */
#include "server/iam/iam_private.h"

#include "base/clock.h"

#include <stdlib.h>

#define SWEEP_US (60 * US_PER_SECOND)
#define SWEEP_ROWS 1000
#define FIRST_PASSWORD_CHARS 24

struct status iam_open(struct str secret, struct iam **ret)
{
    struct iam *i = calloc(1, sizeof *i);
    if (!i)
        return fail_memory();
    struct status s = keys_open(secret, &i->keys);
    if (is_ok(s))
        s = cache_open(&i->cache);
    if (is_ok(s))
        s = limits_open(&i->limits);
    if (!is_ok(s)) {
        iam_close(i);
        return s;
    }
    *ret = i;
    return ok();
}

void iam_close(struct iam *i)
{
    if (!i)
        return;
    keys_close(i->keys);
    cache_close(i->cache);
    limits_close(i->limits);
    free(i);
}

bool iam_ready(struct iam *i, int64_t now_us)
{
    return !keys_due(i->keys, now_us);
}

/* ---- Changes ---- */

static void forget(struct ctx *c)
{
    cache_forget(c->app->iam->cache);
}

void rights_changed(struct ctx *c)
{
    unit_add(c->unit, &iam_sql[REVISION_MOVE], 1, REASON_CONFLICT, NULL);
    c->after_commit = forget;
}

/* ---- Upkeep ---- */

static struct status sweep(struct ctx *c, struct iam *i)
{
    int64_t now = clock_mono_us();
    if (keys_due(i->keys, c->now_us)) {
        TRY(keys_renew(c, i->keys));
        rights_changed(c);
    }
    if (i->swept_us && now - i->swept_us < SWEEP_US)
        return ok();
    i->swept_us = now;
    UNIT_ADD(c->unit, &iam_sql[SESSION_EXPIRE], -1, REASON_CONFLICT, v_int(c->now_us), v_int(SWEEP_ROWS));
    return ok();
}

struct status iam_refresh(struct ctx *c)
{
    struct iam *i = c->app->iam;
    struct rows rows;
    int64_t now = clock_mono_us();
    db_reach_all(c);
    TRY(db_query(c, &iam_sql[REVISION_GET], NULL, &rows));
    int64_t revision = rows.n ? row_at(&rows, 0)[0].i : 0;
    if (revision != i->revision) {
        TRY(keys_load(c, i->keys));
        cache_forget(i->cache);
        i->revision = revision;
    }
    __atomic_store_n(&i->checked_us, now, __ATOMIC_RELEASE);
    return sweep(c, i);
}

/* ---- First start ---- */

static struct status add_default_workspace(struct ctx *c)
{
    Workspace w = WORKSPACE_INIT;
    return resource_add(c, RESOURCE_WORKSPACE, FIRST_WORKSPACE, "workspace", false,
                        (struct resource_head *)&w);
}

struct status iam_first_start(struct ctx *c, const char *given, const char **ret_password)
{
    struct resource found;
    char random[FIRST_PASSWORD_CHARS + 1];
    *ret_password = NULL;
    db_reach_all(c);
    struct status s = resource_get(c, RESOURCE_WORKSPACE, FIRST_WORKSPACE, &found);
    if (s.reason != REASON_ACCOUNT_NOT_FOUND)
        return s;
    random_text(random, FIRST_PASSWORD_CHARS);
    const char *password = *given ? given : arena_dup(c->arena, str_make(random, FIRST_PASSWORD_CHARS));
    if (!password)
        return fail_memory();
    c->workspace = FIRST_WORKSPACE;
    TRY(add_default_workspace(c));
    TRY(admin_add(c, FIRST_WORKSPACE, "user", password));
    *ret_password = password;
    return ok();
}
