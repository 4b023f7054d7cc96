/* The unit that lets a message through. */
#include "agents/engage/contact/admit.h"
#include "agents/engage/delivery/delivery_private.h"
#include "agents/engage/delivery/delivery_sql.h"
#include "agents/engage/template/templates.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/moved.h"
#include "agents/record/row_status.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "base/ids.h"

#include <stdio.h>

#define BEHIND_US (US_PER_SECOND / 2) /* to see whether the lead's message before is through */
#define CHANGES_BITS 20

/* ---- What is at hand ---- */

static struct status load_frozen(struct ctx *c, struct in_hand *h)
{
    struct rows rows;
    TRY(DB_QUERY(c, &delivery_sql[DELIVERY_FROZEN], &rows, v_text(c->workspace), v_text(h->id)));
    unfreeze(h, row_at(&rows, 0)[0].s);
    return ok();
}

static struct status load(struct ctx *c, struct in_hand *h)
{
    h->row.id = h->id;
    h->row.message = PB_UNPACK(c->arena, Message, h->stored);
    return decoded(c, h->row.message, "messages/%s", h->id);
}

/* When it is its turn after those of the lead's that come before it; 0: now. Behind them in due time too, it
 * does not come before its turn again, however many there are. */
static struct status find_turn(struct ctx *c, const struct in_hand *h, int64_t *ret_us)
{
    struct rows rows;
    TRY(DB_QUERY(c, &delivery_sql[DELIVERY_BEFORE], &rows, v_text(h->lead), v_text(c->workspace),
                 v_text(h->id), v_int(h->found_us + BEHIND_US), v_int(h->planned_us)));
    int64_t last = row_at(&rows, 0)[0].i;
    *ret_us = last == 1 ? c->now_us + BEHIND_US : last ? last + 1 : 0;
    return ok();
}

/* h->channel.channel stays NULL where none can be used. One that was asked for and is gone stands for any;
 * what was made for it, to the last byte, is for it alone. */
static struct status find_channel(struct ctx *c, struct in_hand *h)
{
    const Message *m = h->row.message;
    memset(&h->channel, 0, sizeof h->channel);
    struct status s = *m->channel ? channel_load(c, m->channel, &h->channel) : ok();
    bool gone = s.reason == REASON_CHANNEL_NOT_FOUND;
    if (!gone)
        TRY(s);
    if (!*m->channel || (gone && h->first))
        TRY(channel_for(c, m->medium, &h->channel));
    if (h->channel.channel && (h->channel.channel->disabled || h->channel.channel->medium != m->medium))
        h->channel.channel = NULL;
    return ok();
}

struct status open_channel(struct ctx *c, struct in_hand *h)
{
    TRY(find_channel(c, h));
    struct status s = h->channel.channel ? channel_secrets(c, &h->channel, &h->secrets) : ok();
    if (s.reason != REASON_CHANNEL_STATE)
        return s;
    h->channel.channel = NULL;
    return ok();
}

/* ---- The gate ---- */

/* A message that was let through once was counted then: what it was counted by does not hold it back now. */
static bool asks(const struct in_hand *h, enum gate_name gate)
{
    return h->first || (gate != GATE_CAP && gate != GATE_MAX_MEDIA && gate != GATE_PRIORITY);
}

static enum gate_answer answer(const struct in_hand *h, const struct gate_decision *d, int64_t *next_us)
{
    enum gate_answer worst = GATE_PASS;
    *next_us = d->next_us;
    if (h->first)
        return d->answer;
    for (enum gate_name g = 0; g < GATE_NAMES; g++)
        if (asks(h, g) && d->lines[g].answer > worst) {
            worst = d->lines[g].answer;
            *next_us = d->lines[g].until_us;
        }
    return worst;
}

static struct status admit(struct ctx *c, const struct in_hand *h, struct gate_result *g)
{
    if (h->first)
        return gate_admit(c, g);
    if (g->contact.version == 0)
        lead_hold(c, g->lead);
    return contact_save(c, &g->contact);
}

static struct gate_request gate_question(const struct ctx *c, const Message *m)
{
    return (struct gate_request){ m->purpose, m->medium, m->priority, c->now_us,
                                  m->expire_time ? time_us(m->expire_time) : GATE_NEVER };
}

static struct status ask_gate(struct ctx *c, struct in_hand *h, const struct lead_row *lead,
                              struct gate_result **ret, bool *ret_pass)
{
    Message *m = h->row.message;
    struct gate_request r = gate_question(c, m);
    int64_t next_us;
    TRY(gate_check(c, &r, lead, ret));
    enum gate_answer a = answer(h, &(*ret)->decision, &next_us);
    *ret_pass = a == GATE_PASS;
    if (a == GATE_REFUSE)
        return finish(c, h, MESSAGE__STATE_REFUSED,
                      (*ret)->decision.decided_by == GATE_EXPIRY ? MESSAGE__CAUSE_EXPIRED
                                                                 : MESSAGE__CAUSE_GATE,
                      (*ret)->reason);
    if (a == GATE_DEFER && next_us == GATE_NEVER)
        return look_again(c, h, MESSAGE__CAUSE_GATE, (*ret)->reason);
    return a == GATE_DEFER ? wait_until(c, h, next_us, MESSAGE__CAUSE_GATE, (*ret)->reason) : ok();
}

/* ---- The claim ---- */

/* A version that no other claim of the message has, or would have had (marks.h): 43 bits of chance, and below
 * them how often the row has changed. */
static int64_t claim_version(int64_t version)
{
    uint64_t chance;
    random_pooled(&chance, sizeof chance);
    return (int64_t)(chance >> (CHANGES_BITS + 1) << CHANGES_BITS) + (version + 1) % (1 << CHANGES_BITS);
}

/* Its process is gone. What it did not come to attempt goes on as if it had been handed back. Else of a mail
 * nobody knows more, and a webhook goes on as after an attempt that told nothing. */
static struct status take_over(struct ctx *c, struct in_hand *h)
{
    if (h->unbegun)
        return hand_back(c, h);
    h->sent.outcome = SEND_UNKNOWN;
    snprintf(h->sent.detail, sizeof h->sent.detail, "the server stopped while it was on its way");
    TRY(find_channel(c, h));
    return outcome(c, h);
}

static struct status send_now(struct ctx *c, struct in_hand *h, struct gate_result *g, struct str frozen)
{
    Message *m = h->row.message;
    bool stored_is_sent = m->medium == MEDIUM_IN_APP;
    int64_t lease = lease_us(c->app, h->options);
    m->channel = arena_printf(c->arena, CHANNELS "%s", h->channel.id);
    h->row.next = claim_version(h->row.version);
    m->consent_entry = (char *)g->consent_entry;
    m->attempt_count++;
    m->state = stored_is_sent ? MESSAGE__STATE_SENT : MESSAGE__STATE_SENDING;
    m->cause = m->cause == MESSAGE__CAUSE_INTERRUPTED ? m->cause : MESSAGE__CAUSE_UNSPECIFIED;
    m->detail = (char *)protobuf_c_empty_string;
    m->next_attempt_time = NULL;
    m->sent_time = stored_is_sent ? time_message(c->arena, c->now_us) : NULL;
    if (!m->channel)
        return fail_memory();
    TRY(message_save(c, &h->row, c->now_us + lease, frozen,
                     stored_is_sent ? "message.sent" : "message.sending"));
    h->lease_mono_us = clock_mono_us() + lease;
    h->sending = !stored_is_sent;
    return admit(c, h, g);
}

/* What was planned before its template was in service has no purpose yet. */
static struct status find_purpose(struct ctx *c, Message *m)
{
    const char *id, *purpose;
    if (*m->purpose)
        return ok();
    TRY(name_id(c->arena, m->template_, "templates/", "template", &id));
    TRY(template_purpose(c, id, &purpose));
    m->purpose = (char *)purpose;
    return ok();
}

static struct status decide(struct ctx *c, struct in_hand *h, const struct lead_row *lead)
{
    struct gate_result *g;
    struct str frozen = str_make(NULL, 0);
    bool pass;
    TRY(find_purpose(c, h->row.message));
    if (!*h->row.message->purpose)
        return finish(c, h, MESSAGE__STATE_REFUSED, MESSAGE__CAUSE_TEMPLATE,
                      "the template is not in service");
    TRY(ask_gate(c, h, lead, &g, &pass));
    if (!pass)
        return ok();
    TRY(open_channel(c, h));
    if (!h->channel.channel)
        return look_again(c, h, MESSAGE__CAUSE_NO_CHANNEL,
                          "no channel in service reaches by this medium, or its secrets are to be set again");
    if (h->channel.channel->smtp && !mail_address(str_of(lead->before->email)))
        return finish(c, h, MESSAGE__STATE_REFUSED, MESSAGE__CAUSE_NO_ADDRESS,
                      "the address is not one of ASCII");
    if (h->first) {
        struct status s = words(c, h, lead->before, &frozen);
        if (row_is_at_fault(s))
            return finish(c, h, MESSAGE__STATE_REFUSED, MESSAGE__CAUSE_TEMPLATE, s.message);
        TRY(s);
    }
    int64_t wait = pace_ask(c, h, lead->before);
    if (wait) {
        defer(c, h, c->now_us + wait);
        return ok();
    }
    return send_now(c, h, g, frozen);
}

/* Whether it may have left before the database was put back. What lies in the product itself never left. */
static bool may_have_left(const struct ctx *c, const Message *m)
{
    return m->medium != MEDIUM_IN_APP && time_us(m->send_time) <= moved_until_us(c->app->moved);
}

struct status claim_expect(struct ctx *c, void *arg)
{
    const struct in_hand *h = arg;
    DB_EXPECT(c, &delivery_sql[DELIVERY_BEFORE], v_text(h->lead), v_text(c->workspace), v_text(h->id),
              v_int(h->found_us + BEHIND_US), v_int(h->planned_us));
    lead_expect(c, h->lead);
    return ok();
}

struct status claim_expect_more(struct ctx *c, void *arg)
{
    struct in_hand *h = arg;
    struct lead_row lead;
    TRY(load(c, h));
    TRY(lead_load(c, h->row.message->lead, "lead", &lead));
    struct gate_request r = gate_question(c, h->row.message);
    return gate_expect(c, &r, &lead);
}

struct status claim(struct ctx *c, void *arg)
{
    struct in_hand *h = arg;
    struct lead_row lead;
    int64_t turn_us;
    h->sending = false;
    TRY(load(c, h));
    if (!h->first)
        TRY(load_frozen(c, h));
    if (may_have_left(c, h->row.message))
        return finish(c, h, MESSAGE__STATE_UNKNOWN, MESSAGE__CAUSE_RESTORED, "the database was put back");
    if (h->row.message->state == MESSAGE__STATE_SENDING)
        return take_over(c, h);
    TRY(find_turn(c, h, &turn_us));
    if (turn_us) {
        defer(c, h, turn_us);
        return ok();
    }
    struct status s = lead_load(c, h->row.message->lead, "lead", &lead);
    if (s.reason == REASON_LEAD_NOT_FOUND)
        return finish(c, h, MESSAGE__STATE_CANCELLED, MESSAGE__CAUSE_LEAD_GONE, "the lead is gone");
    TRY(s);
    return decide(c, h, &lead);
}
