/* pace.h: how fast channels may go, in this replica: a token bucket each, a time before which a provider
 * wants nothing, and places in a line for those who have to wait. Any thread. */
#ifndef AGENTS_ENGAGE_DELIVERY_PACE_H
#define AGENTS_ENGAGE_DELIVERY_PACE_H

#include "base/status.h"

C_BEGIN

struct pace;

MUSTCHECK struct status pace_open(struct arena *a, struct pace **ret);

/* Whose pace it is, a hash of its name; and at most so many a second, 0.001 or more; 0: no limit. */
struct pace_line {
    uint64_t key;
    double rate;
};

/* Takes a place in each line now and returns 0; or takes none, and returns in how many microseconds to ask
 * again, an hour at most. Those who are told less one after the other are told different times. */
int64_t pace_take(struct pace *p, const struct pace_line *lines, size_t n, int64_t now_us);
/* Nothing goes before then. */
void pace_hold(struct pace *p, uint64_t key, int64_t until_us);
/* In how many microseconds something may go; 0: now. */
int64_t pace_held(struct pace *p, uint64_t key, int64_t now_us);

C_END
#endif
