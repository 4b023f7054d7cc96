/* hands.h: the messages in hand, of each lead one, and the line of those whose claim is durable. How many are
 * claimed is bounded by what can be attempted within BACKLOG_US: what waits in line longer than its claim
 * stands (may_go) was claimed in vain. Any thread. */
#ifndef AGENTS_ENGAGE_DELIVERY_HANDS_H
#define AGENTS_ENGAGE_DELIVERY_HANDS_H

#include "agents/engage/delivery/delivery_private.h"

#include <pthread.h>

C_BEGIN

#define HANDS 512
#define BATCH_MAX 128

struct hands {
    pthread_mutex_t lock; /* over what follows, and the state of each hand */
    pthread_cond_t room, work, told;
    bool stopping, ending, woken;
    unsigned threads, idle;                 /* that attempt; those that wait for something to attempt */
    unsigned used, claimed, ready, waiting; /* hands; waiting: FAILED or UNTOLD */
    uint64_t looks;                         /* made so far */
    unsigned contended;                     /* looks to come that are to mind other replicas */
    int64_t pause_mono_us;                  /* nothing is claimed before */
    int64_t attempt_us;                     /* how long one takes, a running average */
    struct in_hand *first, **last;
    struct marks *marks;  /* of the claims, each at its hand's place */
    struct unit *telling; /* outcomes to go to the committer as one, the newest first */
    unsigned n_telling;
    struct in_hand all[HANDS];
    struct {               /* what a look has to know of each, close together */
        uint64_t freed;    /* during which look it became free; the largest number: it is not */
        uint64_t lead_key; /* of its message's workspace and lead */
    } places[HANDS];
};

void hands_open(struct hands *t, unsigned threads);
/* Frees what they hold. No thread has one any more. */
void hands_close(struct hands *t);
/* Nothing is claimed any more; then: nothing comes into the line any more but what was claimed before. */
void hands_stop(struct hands *t);
void hands_end(struct hands *t);

/* Waits until there may be something to claim (at once where `more`), and room for it; LOOK_US at most.
 * *ret: how many to claim now, BATCH_MAX at most; 0: none. False where the delivery stops. */
bool hands_wait(struct hands *t, bool more, unsigned *ret);
/* An emptied hand for a message; NULL where there is none, or one of the lead's messages is in hand. */
struct in_hand *hands_claim(struct hands *t, const char *workspace, const char *id, const char *lead);
/* The mark that its claim, which is to be stored, was not attempted; the attempt begins. */
void hands_mark(struct hands *t, const struct in_hand *h);
void hands_begin(struct hands *t, const struct in_hand *h);
/* Puts it into the line. */
void hands_ready(struct hands *t, struct in_hand *h);
/* The next in line, waiting for one; NULL after the end. */
struct in_hand *hands_next(struct hands *t);
/* It was attempted, which took so long. */
void hands_attempted(struct hands *t, int64_t us);
/* Its unit tells the outcome. Those of others go to the committer with it: returned are all that are to go
 * now, as committer_submit_chain takes them; none where more come within TELL_US. */
struct unit *hands_tell(struct hands *t, struct in_hand *h);
/* All that are to go still. */
struct unit *hands_telling(struct hands *t);
void hands_set(struct hands *t, struct in_hand *h, enum in_hand_state state);
/* One in the state `from` whose time has come, now in the state `to`; NULL: none. */
struct in_hand *hands_find(struct hands *t, enum in_hand_state from, enum in_hand_state to, int64_t now_us);
/* A claim was not stored: another replica (`conflict`) was first, or the database fails. */
void hands_failed(struct hands *t, bool conflict);
/* Begins a look, before its snapshot is opened: what leaves our hands from now on is in hand for it still.
 * Whether another replica was first lately. */
bool hands_look(struct hands *t);
/* How many claims are on their way. */
unsigned hands_claimed(struct hands *t);
/* Waits until no hand is used, or the time; false: there are some. */
bool hands_empty(struct hands *t, int64_t wait_us);

C_END
#endif
