/* What became of a message: the units that say so. */
#include "agents/engage/delivery/delivery_private.h"
#include "agents/engage/delivery/delivery_sql.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "base/ids.h"

#define BUSY_US (30 * US_PER_SECOND) /* a provider that asks to slow down and does not say for how long */
#define WAIT_MAX_US (3600 * US_PER_SECOND)
#define AGAIN_US (60 * US_PER_SECOND) /* to see whether a channel, a policy or an owner has changed */

static const char *const events[] = {
    [MESSAGE__STATE_SENT] = "message.sent",       [MESSAGE__STATE_FAILED] = "message.failed",
    [MESSAGE__STATE_UNKNOWN] = "message.unknown", [MESSAGE__STATE_CANCELLED] = "message.cancelled",
    [MESSAGE__STATE_REFUSED] = "message.refused", [MESSAGE__STATE_SCHEDULED] = "message.deferred",
};

/* ---- What units say ---- */

void defer(struct ctx *c, const struct in_hand *h, int64_t due_us)
{
    UNIT_ADD(c->unit, &delivery_sql[DELIVERY_DEFER], 1, REASON_CONFLICT, v_int(due_us), v_text(c->workspace),
             v_text(h->id), v_int(h->row.version));
}

/* next_us: what callers are told; 0: it is not known, or nothing is to come. */
static struct status say(struct ctx *c, struct in_hand *h, Message__State state, Message__Cause cause,
                         const char *detail, int64_t due_us, int64_t next_us)
{
    Message *m = h->row.message;
    m->state = state;
    m->cause = cause;
    m->detail = pb_str(c->arena, str_of(detail));
    m->next_attempt_time = next_us ? time_message(c->arena, next_us) : NULL;
    if (!m->detail || (next_us && !m->next_attempt_time))
        return fail_memory();
    return message_save(c, &h->row, due_us, str_make(NULL, 0), events[state]);
}

/* An attempt that told nothing stays in mind until one tells more. */
static bool is_in_doubt(const struct in_hand *h)
{
    return !h->first && h->row.message->cause == MESSAGE__CAUSE_INTERRUPTED;
}

struct status wait_until(struct ctx *c, struct in_hand *h, int64_t due_us, Message__Cause cause,
                         const char *detail)
{
    return say(c, h, MESSAGE__STATE_SCHEDULED, is_in_doubt(h) ? MESSAGE__CAUSE_INTERRUPTED : cause, detail,
               due_us, due_us);
}

/* Once it is told, looking again and again leaves no trace. */
struct status look_again(struct ctx *c, struct in_hand *h, Message__Cause cause, const char *detail)
{
    const Message *m = h->row.message;
    if (is_in_doubt(h))
        cause = MESSAGE__CAUSE_INTERRUPTED;
    if (m->cause != cause || strcmp(m->detail, detail))
        return say(c, h, MESSAGE__STATE_SCHEDULED, cause, detail, c->now_us + AGAIN_US, 0);
    defer(c, h, c->now_us + AGAIN_US);
    return ok();
}

struct status finish(struct ctx *c, struct in_hand *h, Message__State state, Message__Cause cause,
                     const char *detail)
{
    if (is_in_doubt(h) && state != MESSAGE__STATE_SENT)
        return say(c, h, MESSAGE__STATE_UNKNOWN, MESSAGE__CAUSE_INTERRUPTED, detail, 0, 0);
    return say(c, h, state, cause, detail, 0, 0);
}

/* ---- After an attempt ---- */

/* Four times as long after each attempt, a quarter more or less by chance. */
static int64_t backoff_us(const struct in_hand *h)
{
    int64_t wait = h->options->first_wait_us;
    uint32_t chance;
    for (int i = 1; i < h->row.message->attempt_count && wait < WAIT_MAX_US; i++)
        wait *= 4;
    wait = MIN(wait, WAIT_MAX_US);
    random_bytes(&chance, sizeof chance);
    return wait - wait / 4 + (int64_t)(chance % 1024) * (wait / 2) / 1024;
}

static struct status again(struct ctx *c, struct in_hand *h, Message__Cause cause)
{
    if ((unsigned)h->row.message->attempt_count >= h->options->attempts)
        return finish(c, h, MESSAGE__STATE_FAILED, cause, h->sent.detail);
    return wait_until(c, h, c->now_us + backoff_us(h), cause, h->sent.detail);
}

/* The attempt does not count. */
static struct status slow_down(struct ctx *c, struct in_hand *h)
{
    int64_t wait = h->sent.retry_after_ms ? h->sent.retry_after_ms * 1000 : BUSY_US;
    int64_t until = c->now_us + MIN(wait, WAIT_MAX_US);
    h->row.message->attempt_count--;
    pace_hold(h->pace, pace_key(h), until);
    return wait_until(c, h, until, MESSAGE__CAUSE_PROVIDER_BUSY, h->sent.detail);
}

/* A webhook acts once on a key, so it is asked again. A message whose channel is gone is as a mail. */
static struct status in_doubt(struct ctx *c, struct in_hand *h)
{
    h->row.message->cause = MESSAGE__CAUSE_INTERRUPTED;
    h->first = false;
    if (h->channel.channel && h->channel.channel->webhook)
        return again(c, h, MESSAGE__CAUSE_INTERRUPTED);
    return finish(c, h, MESSAGE__STATE_UNKNOWN, MESSAGE__CAUSE_INTERRUPTED, h->sent.detail);
}

struct status outcome(struct ctx *c, void *arg)
{
    struct in_hand *h = arg;
    switch (h->sent.outcome) {
    case SEND_SENT:
        h->row.message->sent_time = time_message(c->arena, c->now_us);
        return finish(c, h, MESSAGE__STATE_SENT, MESSAGE__CAUSE_UNSPECIFIED, "");
    case SEND_RETRY:
        return again(c, h,
                     h->sent.code ? MESSAGE__CAUSE_PROVIDER_REFUSED : MESSAGE__CAUSE_PROVIDER_UNREACHABLE);
    case SEND_BUSY:
        return slow_down(c, h);
    case SEND_FAILED:
        return finish(c, h, MESSAGE__STATE_FAILED, MESSAGE__CAUSE_PROVIDER_REFUSED, h->sent.detail);
    case SEND_UNKNOWN:
        break;
    }
    return in_doubt(c, h);
}

struct status hand_back(struct ctx *c, void *arg)
{
    struct in_hand *h = arg;
    int64_t held = pace_held(h->pace, pace_key(h), c->now_us);
    h->row.message->attempt_count--; /* by the claim */
    return wait_until(c, h, c->now_us + held,
                      held ? MESSAGE__CAUSE_PROVIDER_BUSY : MESSAGE__CAUSE_UNSPECIFIED, "");
}

struct status park(struct ctx *c, void *arg)
{
    struct in_hand *h = arg;
    if (h->row.message)
        return finish(c, h, MESSAGE__STATE_FAILED, MESSAGE__CAUSE_UNSPECIFIED, h->sent.detail);
    if (h->row.version)
        UNIT_ADD(c->unit, &delivery_sql[DELIVERY_PARK], 1, REASON_CONFLICT, v_text(c->workspace),
                 v_text(h->id), v_int(h->row.version));
    return ok();
}

/* ---- Pace ---- */

static uint64_t line(const struct in_hand *h, const char *domain)
{
    uint64_t key = hash64(str_of(domain), hash64(str_of(h->channel.id), hash64(str_of(h->workspace), 1)));
    return key ? key : 1;
}

uint64_t pace_key(const struct in_hand *h)
{
    return line(h, "");
}

int64_t pace_ask(struct ctx *c, struct in_hand *h, const Lead *lead)
{
    const Channel *channel = h->channel.channel;
    const char *at = strchr(lead->email, '@');
    struct pace_line lines[] = {
        { line(h, ""), channel->messages_per_second },
        { line(h, at ? at : "@"), channel->messages_per_second_per_domain },
    };
    return pace_take(h->pace, lines, channel->smtp ? 2 : 1, c->now_us);
}
