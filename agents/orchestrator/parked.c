/* What was parked, for operators. */
#include "agents/orchestrator/orchestrator_private.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/pb.h"

#include <inttypes.h>
#include <stdlib.h>

#define PARKED_EVENTS "parkedEvents/"
#define REASON_MAX 1024

/* Of a row, in this order. */
enum {
    SUBSCRIBER,
    SEQ,
    PARK_TIME,
    WHY,
    MESSAGE,
    ACTION,
    SUBJECT,
    EVENT_TIME,
    DISMISS_TIME,
    DISMISSER,
    DISMISS_REASON
};

static struct status take(struct ctx *c, const struct value *v, ParkedEvent *to)
{
    struct arena *a = c->arena;
    to->name = arena_printf(a, PARKED_EVENTS "%s-%" PRId64, v[SUBSCRIBER].s.p, v[SEQ].i);
    to->subscriber = pb_str(a, v[SUBSCRIBER].s);
    to->action = pb_str(a, v[ACTION].s);
    to->subject = pb_str(a, v[SUBJECT].s);
    to->reason = pb_str(a, v[WHY].s);
    to->message = pb_str(a, v[MESSAGE].s);
    to->event_time = time_message(a, v[EVENT_TIME].i);
    to->park_time = time_message(a, v[PARK_TIME].i);
    to->dismiss_time = v[DISMISS_TIME].i ? time_message(a, v[DISMISS_TIME].i) : NULL;
    to->dismisser = pb_str(a, v[DISMISSER].s);
    to->dismiss_reason = pb_str(a, v[DISMISS_REASON].s);
    return a->overflow ? fail_memory() : ok();
}

/* ---- ListParkedEvents ---- */

/* A page goes on after "{seq} {subscriber}". */
static struct status read_page(struct ctx *c, const struct page *page, bool dismissed, struct rows *ret)
{
    char *rest;
    int64_t seq = (int64_t)strtoll(page->after, &rest, 10);
    return DB_QUERY(c, &reaction_sql[PARKED_LIST], ret, v_text(c->workspace), v_int(seq),
                    v_text(*rest ? rest + 1 : ""), v_int(dismissed), v_int(page->size + 1));
}

struct status list_parked_events(struct ctx *c, const ListParkedEventsRequest *req,
                                 ListParkedEventsResponse *res)
{
    struct page page;
    struct rows rows;
    const char *scope = req->show_dismissed ? "all" : "";
    TRY(page_read(c, req->page_size, req->page_token, scope, &page));
    TRY(read_page(c, &page, req->show_dismissed, &rows));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->parked_events = ARENA_ARRAY(c->arena, rows.n + 1, ParkedEvent *);
    if (!res->parked_events)
        return fail_memory();
    for (; res->n_parked_events < rows.n; res->n_parked_events++) {
        ParkedEvent *to = res->parked_events[res->n_parked_events] = PB_NEW(c->arena, ParkedEvent);
        if (!to)
            return fail_memory();
        TRY(take(c, row_at(&rows, res->n_parked_events), to));
    }
    if (!more)
        return ok();
    const struct value *last = row_at(&rows, rows.n - 1);
    const char *key = arena_printf(c->arena, "%" PRId64 " %s", last[SEQ].i, last[SUBSCRIBER].s.p);
    return page_token(c, scope, key, &res->next_page_token);
}

/* ---- One of them ---- */

/* "{subscriber}-{number}" */
static struct status read_name(struct ctx *c, const char *name, struct str *ret_subscriber, int64_t *ret_seq)
{
    const char *id;
    TRY(name_id(c->arena, name, PARKED_EVENTS, "name", &id));
    const char *dash = strrchr(id, '-');
    size_t digits = dash ? strspn(dash + 1, "0123456789") : 0;
    if (!digits || digits > 18 || dash[1 + digits])
        return fail_field(c->arena, REASON_FIELD_INVALID, "name",
                          "must be " PARKED_EVENTS "{subscriber}-{number}");
    *ret_subscriber = str_make(id, (size_t)(dash - id));
    *ret_seq = (int64_t)strtoll(dash + 1, NULL, 10);
    return ok();
}

static struct status load(struct ctx *c, const char *name, ParkedEvent *ret, int64_t *ret_seq)
{
    struct rows rows;
    struct str subscriber = STR("");
    TRY(read_name(c, name, &subscriber, ret_seq));
    TRY(DB_QUERY(c, &reaction_sql[PARKED_GET], &rows, v_text(c->workspace), v_str(subscriber),
                 v_int(*ret_seq)));
    return rows.n ? take(c, row_at(&rows, 0), ret)
                  : fail(c->arena, REASON_PARKED_EVENT_NOT_FOUND, "there is no %s", name);
}

/* ---- RetryParkedEvent ---- */

static struct status react_again(struct ctx *c, const char *subscriber, int64_t seq)
{
    struct event_seen *e;
    size_t n;
    TRY(event_log_read_own(c, seq - 1, seq, "", 1, &e, &n));
    if (n == 0)
        return fail(c->arena, REASON_INTERNAL, "event %" PRId64 " is not in the log", seq);
    struct ctx own = *c;
    struct status s = orchestrator_apply(c->app->orchestrator, &own, subscriber, e);
    c->read = own.read;
    c->after_commit = own.after_commit;
    return s;
}

struct status retry_parked_event(struct ctx *c, const RetryParkedEventRequest *req, ParkedEvent *res)
{
    int64_t seq = 0;
    TRY(load(c, req->name, res, &seq));
    TRY(react_again(c, res->subscriber, seq));
    event_note(c, res->subscriber, "event.retried", res->name);
    UNIT_ADD(c->unit, &reaction_sql[UNPARK], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(res->subscriber), v_int(seq));
    return ok();
}

/* ---- DismissParkedEvent ---- */

static struct status check_reason(struct ctx *c, const char *reason)
{
    if (!*reason)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "reason", "say why");
    if (strlen(reason) > REASON_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "reason", "at most %d bytes", REASON_MAX);
    return ok();
}

struct status dismiss_parked_event(struct ctx *c, const DismissParkedEventRequest *req, ParkedEvent *res)
{
    int64_t seq = 0;
    TRY(check_reason(c, req->reason));
    TRY(load(c, req->name, res, &seq));
    if (res->dismiss_time)
        return ok();
    res->dismiss_time = time_message(c->arena, c->now_us);
    res->dismisser = (char *)c->principal;
    res->dismiss_reason = req->reason;
    event_note(c, res->subscriber, "event.dismissed", res->name);
    UNIT_ADD(c->unit, &reaction_sql[PARKED_DISMISS], 1, REASON_CONFLICT, v_int(c->now_us),
             v_text(c->principal), v_text(req->reason), v_text(c->workspace), v_text(res->subscriber),
             v_int(seq));
    return res->dismiss_time ? ok() : fail_memory();
}
