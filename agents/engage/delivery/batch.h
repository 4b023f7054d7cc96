/* batch.h: claims, many decided on through one snapshot and handed to the committer together. Nobody waits
 * for the commit: what is durable joins the line on the committer's thread. One thread. */
#ifndef AGENTS_ENGAGE_DELIVERY_BATCH_H
#define AGENTS_ENGAGE_DELIVERY_BATCH_H

#include "agents/engage/delivery/hands.h"

C_BEGIN

struct batch {
    struct app *app;
    struct hands *hands;
    struct arena memory;
    unsigned reach;     /* due messages that are looked at */
    bool more;          /* more may be due */
    struct mark *marks; /* of claims that nobody came to attempt */
    size_t n_marks;
    int64_t left_us; /* leases that end by then are nobody's; 0: all are looked at when they end */
    size_t n;        /* messages taken */
    struct in_hand *taken[BATCH_MAX];
};

void batch_open(struct batch *b, struct app *app, struct hands *hands);
void batch_close(struct batch *b);

/* Claims up to `want` messages that are due. */
void batch_claim(struct batch *b, unsigned want);
/* Messages on their way whose leases end by then were left by somebody who is gone: nobody waits for that. */
void batch_take_over(struct batch *b, int64_t leases_until_us);
/* Messages on their way by these claims, if they are, were not attempted: they are due again. The marks are
 * kept until then. */
void batch_give_back(struct batch *b, struct mark *marks, size_t n);
/* Does what is to be done with those whose claim failed for good. */
void batch_give_up(struct batch *b);

C_END
#endif
