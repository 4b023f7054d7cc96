#include "agents/engage/message/watch.h"

#include "agents/record/checks.h"
#include "agents/record/event_log.h"
#include "agents/record/leads.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "base/pb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define HEARTBEAT_US (15 * US_PER_SECOND)
#define AT_ONCE 100
#define TURNS 16 /* readings of which nothing is told, before others have their turn */

struct message_watch {
    struct event_log log;
    int64_t at; /* up to here the log has been read */
    bool from_now, gap;
    int64_t told_mono_us; /* 0: never */
    const char *lead;     /* NULL: of all */
    const char *alias;    /* the same by the name that was asked for */
    Message__State state;
};

/* ---- Opening ---- */

static void let_go(void *w)
{
    event_log_done(&((struct message_watch *)w)->log);
}

static struct status read_cursor(struct ctx *c, const char *text, struct message_watch *w)
{
    char *end;
    w->from_now = !*text;
    w->at = (int64_t)strtoll(text, &end, 10);
    bool number = strspn(text, "0123456789") == strlen(text) && strlen(text) <= 18;
    return number ? ok() : fail_field(c->arena, REASON_FIELD_INVALID, "cursor", "must be from a reply");
}

static struct status read_lead(struct ctx *c, const char *name, struct message_watch *w)
{
    struct lead_row lead;
    if (!*name)
        return ok();
    TRY(lead_load(c, name, "lead", &lead));
    w->lead = lead.lead->name;
    w->alias = name;
    return ok();
}

struct status watch_messages_open(struct ctx *c, const WatchMessagesRequest *req, struct message_watch **ret)
{
    struct message_watch *w = ARENA_NEW(c->arena, struct message_watch);
    if (!w)
        return fail_memory();
    w->state = req->state;
    TRY(read_cursor(c, req->cursor, w));
    TRY(read_lead(c, req->lead, w));
    event_log_init(&w->log);
    if (!arena_on_reset(c->arena, let_go, w)) {
        let_go(w);
        return fail_memory();
    }
    *ret = w;
    return ok();
}

/* ---- Telling ---- */

static bool is_wanted(const struct message_watch *w, const Message *m)
{
    return (!w->state || m->state == w->state) &&
           (!w->lead || strcmp(m->lead, w->lead) == 0 || strcmp(m->lead, w->alias) == 0);
}

static struct status tell(struct ctx *c, const struct message_watch *w, const struct event_seen *e,
                          WatchMessagesResponse *res)
{
    Message *m = PB_UNPACK(c->arena, Message, e->payload);
    if (!m && c->arena->overflow)
        return fail_memory();
    if (!m || !is_wanted(w, m))
        return ok(); /* some events of messages tell of something else */
    MessageChange *change = PB_NEW(c->arena, MessageChange);
    if (!change)
        return fail_memory();
    change->message = m;
    change->action = (char *)e->action;
    change->time = time_message(c->arena, e->time_us);
    res->changes[res->n_changes++] = change;
    return change->time ? ok() : fail_memory();
}

static struct status read_some(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res)
{
    struct event_seen *events;
    size_t n;
    TRY(event_log_read_own(c, w->at, w->log.complete, "message.", AT_ONCE, &events, &n));
    for (size_t i = 0; i < n; i++)
        TRY(tell(c, w, &events[i], res));
    w->at = n == AT_ONCE ? events[n - 1].seq : w->log.complete;
    return ok();
}

/* Where the watch begins, once it is known up to where the log is complete. */
static void begin(struct message_watch *w)
{
    w->gap = !w->from_now && w->at > w->log.end;
    if (w->from_now || w->gap)
        w->at = w->log.complete;
    w->from_now = false;
}

static struct status put_cursor(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res)
{
    res->cursor = arena_printf(c->arena, "%" PRId64, w->at);
    res->gap = w->gap;
    w->gap = false;
    w->told_mono_us = clock_mono_us();
    return res->cursor ? ok() : fail_memory();
}

struct status watch_messages(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res,
                             bool *ret_send)
{
    TRY(event_log_follow(c, &w->log));
    if (w->log.end && !w->log.complete)
        return ok(); /* it is not known yet where "now" is */
    if (!w->told_mono_us)
        begin(w);
    res->changes = ARENA_ARRAY(c->arena, AT_ONCE, MessageChange *);
    if (!res->changes)
        return fail_memory();
    for (int i = 0; i < TURNS && w->told_mono_us && w->at < w->log.complete && !res->n_changes; i++)
        TRY(read_some(c, w, res));
    *ret_send = !w->told_mono_us || res->n_changes || clock_mono_us() - w->told_mono_us >= HEARTBEAT_US;
    return *ret_send ? put_cursor(c, w, res) : ok();
}
