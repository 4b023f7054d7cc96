/* delivery_private.h: between the files of this room: one message in hand. */
#ifndef AGENTS_ENGAGE_DELIVERY_DELIVERY_PRIVATE_H
#define AGENTS_ENGAGE_DELIVERY_DELIVERY_PRIVATE_H

#include "agents/engage/channel/channel.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/delivery/marks.h"
#include "agents/engage/delivery/pace.h"
#include "agents/engage/message/message.h"
#include "agents/engage/template/form.h"

C_BEGIN

/* The longest attempt: one that finds its connection hung up begins again. */
#define ATTEMPT_US(limits) (2 * (limits)->timeout_ms * 1000)

/* How long a message that is claimed is its process's. */
static inline int64_t lease_us(const struct app *app, const struct delivery_options *o)
{
    return ATTEMPT_US(app->send) + o->margin_us;
}

/* What is handed over: kept with the message from the first attempt on. */
struct frozen {
    const char *to; /* a mail address or a phone; "" otherwise */
    struct str bytes;
};

#define IN_HAND_ID MARK_ID

/* Where a message in hand is. */
enum in_hand_state {
    IN_HAND_FREE,
    IN_HAND_CLAIMED, /* it is decided on, or the unit with its claim is with the committer */
    IN_HAND_FAILED,  /* nothing can be done with it: to be parked */
    IN_HAND_READY,   /* the claim is durable: in line for an attempt */
    IN_HAND_TAKEN,   /* a thread attempts it */
    IN_HAND_TELLING, /* the unit with the outcome is with the committer */
    IN_HAND_UNTOLD   /* it could not be stored and goes there again at again_us */
};

/* A message in hand: one thread at a time has it, as its state says. */
struct in_hand {
    enum in_hand_state state; /* under the delivery's lock */
    struct in_hand *next;     /* in line; under the lock too */
    struct hands *hands;
    struct app *app;
    const struct delivery_options *options;
    struct pace *pace;
    struct transfer *transfer;                                    /* of the thread that has it */
    char workspace[IN_HAND_ID], id[IN_HAND_ID], lead[IN_HAND_ID]; /* lead: as it is now, merged or not */
    struct arena arena;                                           /* of all that follows */
    struct unit unit;
    struct message_row row; /* version: of the row as it stands now */
    struct str stored;      /* the message as it was found, while it is decided on */
    int64_t planned_us, found_us;
    struct channel_row channel;
    Channel *secrets;
    struct frozen frozen;
    bool first;   /* it was never on its way before */
    bool unbegun; /* on its way, and no attempt was begun */
    bool sending; /* the unit was made for an attempt */
    int64_t lease_mono_us, claimed_mono_us;
    struct status failed; /* how the claim ended */
    struct sent sent;
    struct form_message said; /* as words() rendered it */
    unsigned told;            /* how often the outcome went to the committer */
    int64_t again_us;
};

#define DELIVERY_TASK "delivery"

/* Logs what happened to a message. */
void in_hand_log(const struct in_hand *h, const char *what, struct status s);

/* Work of a task (agents/record/task.h): leaves in the unit that the message is SENDING, or whatever else is
 * to be said of it now. `arg`: the in_hand. */
MUSTCHECK struct status claim(struct ctx *c, void *arg);
/* What it is going to ask (db_expect): first what is told by the message's names, then, where that is
 * answered, what it is asked by that. A failure is the claim's to find again. */
MUSTCHECK struct status claim_expect(struct ctx *c, void *arg);
MUSTCHECK struct status claim_expect_more(struct ctx *c, void *arg);
/* The same for what became of the attempt. */
MUSTCHECK struct status outcome(struct ctx *c, void *arg);
/* The same where the attempt was not made: it is claimed again. */
MUSTCHECK struct status hand_back(struct ctx *c, void *arg);
/* The same for a message that nothing can be done with: FAILED, with the cause where it can be told. */
MUSTCHECK struct status park(struct ctx *c, void *arg);

/* Whether the claim still holds good: what the lead said since, or a provider that asks to wait, counts. */
bool may_go(const struct in_hand *h);
/* Hands over; fills h->sent. */
void attempt(struct in_hand *h);

/* ---- The parts of a claim ---- */

/* Finds the message's channel and opens its secrets; h->channel.channel is NULL where none can be used. */
MUSTCHECK struct status open_channel(struct ctx *c, struct in_hand *h);

/* Renders and freezes a message's words. Fails: a status whose row is at fault (row_status.h) where the
 * template does not fit the lead. */
MUSTCHECK struct status words(struct ctx *c, struct in_hand *h, const Lead *lead, struct str *ret);
/* What was frozen. */
void unfreeze(struct in_hand *h, struct str bytes);

/* Takes a place in the lines of the channel and, of a mail, of the domain; 0, or in how many microseconds to
 * ask again. */
int64_t pace_ask(struct ctx *c, struct in_hand *h, const Lead *lead);
/* The channel's line. */
uint64_t pace_key(const struct in_hand *h);

/* Adds to the unit that the message is looked at again then. */
void defer(struct ctx *c, const struct in_hand *h, int64_t due_us);
/* The same with a cause that GetMessage shows. */
MUSTCHECK struct status wait_until(struct ctx *c, struct in_hand *h, int64_t due_us, Message__Cause cause,
                                   const char *detail);
/* The same where nobody knows when: it waits for somebody to change something. Told once, with one event,
 * however often it is looked at. */
MUSTCHECK struct status look_again(struct ctx *c, struct in_hand *h, Message__Cause cause,
                                   const char *detail);
/* Adds to the unit the message's end. One that may have been taken by its provider at an earlier attempt ends
 * as UNKNOWN instead, but for SENT. */
MUSTCHECK struct status finish(struct ctx *c, struct in_hand *h, Message__State state, Message__Cause cause,
                               const char *detail);

C_END
#endif
