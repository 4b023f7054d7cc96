/* delivery_private.h: between the files of this room: one message in hand. */
#ifndef AGENTS_ENGAGE_DELIVERY_DELIVERY_PRIVATE_H
#define AGENTS_ENGAGE_DELIVERY_DELIVERY_PRIVATE_H

#include "agents/engage/channel/channel.h"
#include "agents/engage/delivery/delivery.h"
#include "agents/engage/delivery/pace.h"
#include "agents/engage/message/message.h"
#include "agents/engage/template/form.h"

C_BEGIN

/* The longest attempt: one that finds its connection hung up begins again. */
#define ATTEMPT_US(limits) (2 * (limits)->timeout_ms * 1000)

/* What is handed over: kept with the message from the first attempt on. */
struct frozen {
    const char *to; /* a mail address or a phone; "" otherwise */
    struct str bytes;
};

/* A worker's message. It is filled by claim() and lies in the worker's arena. */
struct in_hand {
    struct app *app;
    const struct delivery_options *options;
    struct pace *pace;
    struct transfer *transfer;
    const char *id;
    struct message_row row; /* version: of the row as it stands now */
    struct channel_row channel;
    Channel *secrets;
    struct frozen frozen;
    bool first;   /* it was never on its way before */
    bool sending; /* the unit was made for an attempt */
    int64_t lease_mono_us;
    struct sent sent;
    struct form_message said; /* as words() rendered it */
};

/* Work of a task (agents/record/task.h): leaves in the unit that the message is SENDING, or whatever else is
 * to be said of it now. `arg`: the in_hand. */
MUSTCHECK struct status claim(struct ctx *c, void *arg);
/* The same for what became of the attempt. */
MUSTCHECK struct status outcome(struct ctx *c, void *arg);
/* The same for a message that nothing can be done with: FAILED, with the cause where it can be told. */
MUSTCHECK struct status park(struct ctx *c, void *arg);

/* Hands over; fills h->sent. */
void attempt(struct in_hand *h, int64_t now_us);

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
uint64_t pace_key(const char *workspace, const char *channel_id, const char *domain);

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
