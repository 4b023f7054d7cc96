/* Quiet hours: a function of what the lead's clock shows, so an hour that a clock skips or repeats needs no
 * rule of its own. */
#include "agents/engage/gate/gate_private.h"

#define DAY 86400
#define WEEK (7 * DAY)
#define THURSDAY 4 /* 1970-01-01 */

static int64_t remainder_of(int64_t a, int64_t unit)
{
    int64_t part = a % unit;
    return part < 0 ? part + unit : part;
}

/* The second of the week, from Sunday midnight, that a clock shows. */
static int32_t second_of_week(int64_t local)
{
    return (int32_t)remainder_of(local + THURSDAY * DAY, WEEK);
}

static bool begins_on(const struct gate_quiet *q, int32_t day)
{
    return q->days & 1 << (day + 7) % 7;
}

/* How long, at second s of the week, these quiet hours still go on; 0 where they are not on. */
static int32_t left_of(const struct gate_quiet *q, int32_t s)
{
    int32_t day = s / DAY, at = s % DAY;
    bool over_midnight = q->end <= q->start;
    if (begins_on(q, day) && at >= q->start && (over_midnight || at < q->end))
        return q->end - at + (over_midnight ? DAY : 0);
    if (over_midnight && at < q->end && begins_on(q, day - 1))
        return q->end - at;
    return 0;
}

/* How long it is quiet from second s on; WEEK where that never ends. */
static int32_t quiet_for(const struct gate_policy *p, int32_t s)
{
    int32_t total = 0, step = 1;
    while (step && total < WEEK) {
        step = 0;
        for (size_t i = 0; i < p->n_quiet; i++)
            step = MAX(step, left_of(&p->quiet[i], (s + total) % WEEK));
        total += step;
    }
    return MIN(total, WEEK);
}

bool gate_quiet_leaves_time(const struct gate_policy *p)
{
    return quiet_for(p, 0) < WEEK;
}

/* The end, as far as it is known, of the quiet hours that are on at s in the zone; s where none are. */
static int64_t quiet_until(const struct gate_policy *p, const struct zone *z, int64_t s)
{
    struct zone_span span = zone_at(z, s);
    int32_t left = quiet_for(p, second_of_week(s + span.offset));
    return left ? MIN(s + left, span.until) : s;
}

static int64_t quiet_anywhere(const struct gate_facts *f, int64_t s)
{
    int64_t until = s;
    for (size_t i = 0; i < f->n_zones; i++)
        until = MAX(until, quiet_until(f->policy, f->zones[i], s));
    return until;
}

struct gate_line gate_quiet_hours(const struct gate_facts *f, int64_t t)
{
    int64_t now = (t - remainder_of(t, US_PER_SECOND)) / US_PER_SECOND, s = now, until;
    if (!gate_rules(f).quiet_hours)
        return pass();
    while ((until = quiet_anywhere(f, s)) != s && until - now <= GATE_QUIET_MAX / US_PER_SECOND)
        s = until;
    if (until != s)
        return line(GATE_DEFER, GATE_NEVER, 0);
    return s == now ? pass() : defer(t, s * US_PER_SECOND, 0);
}
