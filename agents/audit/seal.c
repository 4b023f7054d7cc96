/* The chain follows the log, as far as that is complete (agents/record/event_log.h): an event that is
 * committed later with a smaller number than one that was sealed would never be sealed. */
#include "agents/audit/audit.h"
#include "agents/audit/audit_private.h"
#include "agents/audit/audit_sql.h"
#include "agents/audit/entry.h"
#include "agents/record/aside.h"

#define SEALED_AT_ONCE 4096
#define SEAL_BYTES (size_t)(32 * 1024 * 1024)

struct status audit_open(struct arena *a, struct audit **ret)
{
    struct audit *audit = ARENA_NEW(a, struct audit);
    if (!audit)
        return fail_memory();
    event_log_init(&audit->log);
    *ret = audit;
    return ok();
}

void audit_close(struct audit *audit)
{
    if (audit)
        event_log_done(&audit->log);
}

/* ---- One workspace's stretch ---- */

struct stretch {
    const char *workspace;
    int64_t position; /* of its last entry */
    unsigned char head[SHA256_BYTES];
    struct buf links;
    struct stretch *next;
};

static void stretch_done(void *s)
{
    buf_done(&((struct stretch *)s)->links);
}

static struct status stretch_begin(struct ctx *c, const char *workspace, struct stretch **list)
{
    struct stretch *s = ARENA_NEW(c->arena, struct stretch);
    if (!s || !(s->workspace = arena_dup(c->arena, str_of(workspace))) ||
        !arena_on_reset(c->arena, stretch_done, s))
        return fail_memory();
    buf_init(&s->links, SEALED_AT_ONCE * LINK_BYTES);
    TRY(chain_head(c, workspace, &s->position, s->head));
    s->next = *list;
    *list = s;
    return ok();
}

static struct status stretch_add(struct ctx *c, struct stretch *s, const struct value *row)
{
    unsigned char link[LINK_BYTES];
    if (!entry_hash(c->arena, s->head, row, s->head))
        return fail_memory();
    link_put(link, row[ENTRY_SEQ].i, s->head);
    buf_put(&s->links, link, sizeof link);
    s->position++;
    return s->links.overflow ? fail_memory() : ok();
}

static struct status stretch_of(struct ctx *c, const char *workspace, struct stretch **list,
                                struct stretch **ret)
{
    for (struct stretch *s = *list; s; s = s->next)
        if (strcmp(s->workspace, workspace) == 0) {
            *ret = s;
            return ok();
        }
    TRY(stretch_begin(c, workspace, list));
    *ret = *list;
    return ok();
}

/* ---- The job ---- */

/* Adds the rows to the stretches of their workspaces. The rows may go afterwards. */
static struct status chain_rows(struct ctx *c, const struct rows *rows, struct stretch **list)
{
    struct stretch *s;
    for (size_t i = 0; i < rows->n; i++) {
        TRY(stretch_of(c, row_at(rows, i)[ENTRY_WORKSPACE].s.p, list, &s));
        TRY(stretch_add(c, s, row_at(rows, i)));
    }
    return ok();
}

static void store(struct ctx *c, const struct stretch *list, int64_t from, int64_t to)
{
    for (const struct stretch *s = list; s; s = s->next)
        UNIT_ADD(c->unit, &audit_sql[SEAL_INSERT], 1, REASON_CONFLICT, v_text(s->workspace),
                 v_int(s->position), v_int(c->now_us), v_bytes(buf_str(&s->links)));
    UNIT_ADD(c->unit, &audit_sql[CURSOR_MOVE], 1, REASON_CONFLICT, v_int(to), v_int(from));
}

/* At most `limit` entries, read into memory of their own; *ret_too_large where that does not do. */
static struct status seal_some(struct ctx *c, int64_t from, int64_t to, int64_t limit, bool *ret_too_large)
{
    struct aside own;
    struct rows rows;
    struct stretch *list = NULL;
    aside_begin(&own, c, SEAL_BYTES);
    struct status st = DB_QUERY(&own.ctx, &audit_sql[LOG_AFTER], &rows, v_int(from), v_int(to), v_int(limit));
    *ret_too_large = own.memory.overflow;
    st = aside_return(&own, c, st);
    if (is_ok(st) && (int64_t)rows.n == limit)
        to = row_at(&rows, rows.n - 1)[ENTRY_SEQ].i;
    if (is_ok(st))
        st = chain_rows(c, &rows, &list);
    if (is_ok(st))
        store(c, list, from, to);
    arena_done(&own.memory);
    return st;
}

static struct status seal_up_to(struct ctx *c, int64_t from, int64_t to)
{
    bool too_large = true;
    struct status st = ok();
    for (int64_t limit = SEALED_AT_ONCE; too_large && limit; limit /= 4)
        st = seal_some(c, from, to, limit, &too_large);
    return st;
}

struct status audit_seal(struct ctx *c)
{
    struct event_log *log = &c->app->audit->log;
    int64_t from;
    db_reach_all(c);
    TRY(event_log_follow(c, log));
    TRY(chain_cursor(c, &from));
    return log->complete > from ? seal_up_to(c, from, log->complete) : ok();
}
