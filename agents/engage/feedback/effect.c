/* What an event does. */
#include "agents/engage/contact/consent.h"
#include "agents/engage/feedback/feedback_private.h"
#include "agents/record/contact.h"
#include "agents/record/lead_text.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"

/* ---- Kinds of events ---- */

#define NOT_COUNTED SIZE_MAX

/* Where a message keeps when it happened first, and how often. */
static const struct kind {
    const char *name;
    size_t first, count;
} kinds[] = {
    [DELIVERY_EVENT__TYPE_DELIVERED] = { "message.delivered", offsetof(Message, deliver_time), NOT_COUNTED },
    [DELIVERY_EVENT__TYPE_OPENED] = { "message.opened", offsetof(Message, open_time),
                                      offsetof(Message, open_count) },
    [DELIVERY_EVENT__TYPE_CLICKED] = { "message.clicked", offsetof(Message, click_time),
                                       offsetof(Message, click_count) },
    [DELIVERY_EVENT__TYPE_REPLIED] = { "message.replied", offsetof(Message, reply_time), NOT_COUNTED },
    [DELIVERY_EVENT__TYPE_BOUNCED] = { "message.bounced", offsetof(Message, bounce_time), NOT_COUNTED },
    [DELIVERY_EVENT__TYPE_COMPLAINED] = { "message.complained", offsetof(Message, complaint_time),
                                          NOT_COUNTED },
};

const char *happening_name(DeliveryEvent__Type type)
{
    return kinds[type].name;
}

/* ---- Status codes ---- */

/* Permanent failures (class 5) that do not mean that the address is none, by subject and detail as RFC 3463
 * has them; detail -1: all. */
static const struct {
    int subject, detail;
} passing[] = {
    { 2, 2 },  /* mailbox full */
    { 2, 3 },  /* message length exceeds a limit of the mailbox */
    { 3, -1 }, /* mail system: full, not accepting, message too big for it */
    { 4, -1 }, /* network and routing */
    { 5, -1 }, /* protocol */
    { 6, -1 }, /* content and media */
    { 7, -1 }, /* security and policy: of the sender, not of the address */
};

/* Up to three digits and what follows them. */
static bool digits(const char **p, int *ret)
{
    int n = 0, value = 0;
    while (n < 3 && (*p)[n] >= '0' && (*p)[n] <= '9')
        value = value * 10 + ((*p)[n++] - '0');
    *p += n;
    *ret = value;
    return n > 0;
}

static bool skip(const char **p, char c)
{
    return **p == c && (*p)++;
}

Message__Bounce bounce_by_status(const char *status)
{
    int class, subject, detail;
    if (!digits(&status, &class) || !skip(&status, '.') || !digits(&status, &subject) ||
        !skip(&status, '.') || !digits(&status, &detail) || *status || (class != 4 && class != 5))
        return MESSAGE__BOUNCE_UNSPECIFIED;
    for (size_t i = 0; i < COUNT(passing); i++)
        if (subject == passing[i].subject && (passing[i].detail == -1 || detail == passing[i].detail))
            return MESSAGE__BOUNCE_SOFT;
    return class == 5 ? MESSAGE__BOUNCE_HARD : MESSAGE__BOUNCE_SOFT;
}

/* ---- The message ---- */

static Timestamp **time_at(Message *m, size_t offset)
{
    return (Timestamp **)(void *)((char *)m + offset);
}

/* Whether its provider took it was not known yet. */
static bool is_open(const Message *m)
{
    return m->state == MESSAGE__STATE_SCHEDULED || m->state == MESSAGE__STATE_SENDING ||
           m->state == MESSAGE__STATE_UNKNOWN;
}

/* What came back, opened or answered has been taken: it is not sent again. */
static void settle(Message *m, const struct happening *h, Timestamp *when)
{
    bool failed = h->event->type == DELIVERY_EVENT__TYPE_BOUNCED;
    m->state = failed ? MESSAGE__STATE_FAILED : MESSAGE__STATE_SENT;
    m->cause = MESSAGE__CAUSE_REPORTED;
    m->detail = (char *)protobuf_c_empty_string;
    m->next_attempt_time = NULL;
    if (!failed)
        m->sent_time = when;
}

struct status happening_note(struct ctx *c, const struct happening *h)
{
    const struct kind *k = &kinds[h->event->type];
    Message *m = h->of->row.message;
    Timestamp **first = time_at(m, k->first), *when = time_message(c->arena, h->time_us);
    if (!when)
        return fail_memory();
    if (!*first || h->time_us < time_us(*first))
        *first = when;
    if (k->count != NOT_COUNTED)
        (*(int32_t *)(void *)((char *)m + k->count))++;
    if (h->bounce && m->bounce != MESSAGE__BOUNCE_HARD)
        m->bounce = h->bounce;
    if (is_open(m))
        settle(m, h, when);
    h->of->noted = true;
    return ok();
}

/* ---- Whom nobody may write to ---- */

/* The address that the message went to, as an identity; *ret_found is false where it is neither a mail
 * address nor a phone. */
static struct status find_address(struct ctx *c, const struct subject *s, struct lead_identity *ret,
                                  bool *ret_found)
{
    const char *to;
    TRY(message_address(c, s->row.id, &to));
    size_t kind = strchr(to, '@') ? LEAD_EMAIL : LEAD_PHONE;
    *ret = (struct lead_identity){ v_int((int64_t)kind + 1), v_text(to), false };
    *ret_found = *to != 0;
    return ok();
}

struct status subject_suppress(struct ctx *c, struct subject *s, Suppression__Cause cause)
{
    /* An address that does not exist says nothing of the lead's other ones; a complaint is about all. */
    const struct suppression what = { cause, "",
                                      cause == SUPPRESSION__CAUSE_HARD_BOUNCE ? s->row.message->medium
                                                                              : MEDIUM_UNSPECIFIED };
    struct lead_identity address;
    bool found;
    TRY(find_address(c, s, &address, &found));
    if (found)
        TRY(suppression_add(c, &address, 1, &what));
    s->suppressed = true;
    return ok();
}

struct status happening_suppress(struct ctx *c, const struct happening *h)
{
    if (h->bounce == MESSAGE__BOUNCE_HARD)
        return subject_suppress(c, h->of, SUPPRESSION__CAUSE_HARD_BOUNCE);
    if (h->event->type != DELIVERY_EVENT__TYPE_COMPLAINED)
        return ok();
    h->of->complained = true;
    return subject_suppress(c, h->of, SUPPRESSION__CAUSE_COMPLAINT);
}

/* ---- The leads ---- */

/* Whether the lead of all[i] complained about it or about one before it. */
static bool has_complained(const struct subject *all, size_t i, const struct lead_row *lead)
{
    for (size_t k = 0; k < i; k++)
        if (all[k].complained && all[k].lead == lead)
            return true;
    return false;
}

static struct status unsubscribe_lead(struct ctx *c, const struct lead_row *lead)
{
    UnsubscribeRequest wish = UNSUBSCRIBE_REQUEST_INIT;
    UnsubscribeResponse done = UNSUBSCRIBE_RESPONSE_INIT;
    wish.lead = lead->lead->name;
    wish.source = "complaint about a message";
    return unsubscribe(c, &wish, &done);
}

/* A lead's contact is moved once: by its unsubscription, or else because an address of it is suppressed. */
struct status subjects_heed(struct ctx *c, struct subject *all, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (all[i].lead && all[i].complained && !has_complained(all, i, all[i].lead))
            TRY(unsubscribe_lead(c, all[i].lead));
    for (size_t i = 0; i < n; i++)
        if (all[i].lead && all[i].suppressed && !has_complained(all, n, all[i].lead))
            contact_touch(c, all[i].lead->id);
    return ok();
}
