/* What was sent lately, and what is due: caps, the number of media, priority. */
#include "agents/engage/gate/gate_private.h"

static bool counts_for(const struct gate_cap *cap, int medium)
{
    return cap->medium == 0 || cap->medium == medium;
}

/* How many sends that count for the cap were after `since`. */
static size_t sent_after(const struct gate_facts *f, const struct gate_cap *cap, int64_t since)
{
    size_t n = 0;
    for (size_t i = f->n_sends; i > 0 && f->sends[i - 1].time_us > since; i--)
        n += counts_for(cap, f->sends[i - 1].medium);
    return n;
}

/* ---- Caps ---- */

/* The time of the newest send but limit - 1: the slot is free once it is out of the window. */
static int64_t frees_slot(const struct gate_facts *f, const struct gate_cap *cap)
{
    uint32_t n = 0;
    for (size_t i = f->n_sends; i > 0; i--)
        if (counts_for(cap, f->sends[i - 1].medium) && ++n == cap->limit)
            return f->sends[i - 1].time_us + cap->window_us;
    return INT64_MIN;
}

struct gate_line gate_cap(const struct gate_facts *f, int64_t t)
{
    struct gate_line worst = pass();
    for (size_t i = 0; gate_rules(f).caps && i < f->policy->n_caps; i++) {
        const struct gate_cap *cap = &f->policy->caps[i];
        int64_t until = counts_for(cap, f->medium) ? frees_slot(f, cap) : t;
        if (until > t && (worst.answer == GATE_PASS || until > worst.until_us))
            worst = defer(t, until, (int)i);
    }
    return worst;
}

/* ---- How many media ---- */

struct gate_line gate_max_media(const struct gate_facts *f, int64_t t)
{
    bool seen[GATE_MEDIA] = { false };
    uint32_t n = 0;
    seen[f->medium] = true;
    for (size_t i = f->n_sends; gate_rules(f).caps && i > 0; i--) {
        const struct gate_send *s = &f->sends[i - 1];
        n += !seen[s->medium];
        seen[s->medium] = true;
        if (n == f->policy->max_media)
            return defer(t, s->time_us + f->policy->media_window_us, 0);
    }
    return pass();
}

/* ---- Priority ---- */

static bool goes_first(const struct gate_facts *f, const struct gate_cap *cap, const struct gate_pending *p)
{
    return p->priority > f->priority && counts_for(cap, p->medium);
}

/* A more important message is taken to go when it is due, or now where that has passed. */
static int64_t goes_at(const struct gate_facts *f, const struct gate_pending *p)
{
    return MAX(p->due_us, f->now_us);
}

static size_t due_within(const struct gate_facts *f, const struct gate_cap *cap, int64_t t)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_pending; i++) {
        int64_t at = goes_at(f, &f->pending[i]);
        n += goes_first(f, cap, &f->pending[i]) && at > t - cap->window_us && at <= t;
    }
    return n;
}

/* Sent at t, this message would have a slot that a more important one has by then, or needs before it is free
 * again. Where the cap is full without them, that is the cap's to say. */
static bool takes_slot(const struct gate_facts *f, const struct gate_cap *cap, int64_t t)
{
    size_t sent = sent_after(f, cap, t - cap->window_us);
    if (sent < cap->limit && sent + due_within(f, cap, t) >= cap->limit)
        return true;
    for (size_t i = 0; i < f->n_pending; i++) {
        int64_t at = goes_at(f, &f->pending[i]);
        if (goes_first(f, cap, &f->pending[i]) && at > t && at < t + cap->window_us &&
            sent_after(f, cap, at - cap->window_us) + due_within(f, cap, at) >= cap->limit)
            return true;
    }
    return false;
}

static bool takes_a_slot(const struct gate_facts *f, int64_t t)
{
    for (size_t i = 0; i < f->policy->n_caps; i++)
        if (counts_for(&f->policy->caps[i], f->medium) && takes_slot(f, &f->policy->caps[i], t))
            return true;
    return false;
}

static void earlier(int64_t t, int64_t candidate, int64_t *best)
{
    if (candidate > t && candidate < *best)
        *best = candidate;
}

/* The answer can become better only where a message goes, or leaves a window. */
static int64_t next_change(const struct gate_facts *f, int64_t t)
{
    int64_t best = GATE_NEVER;
    for (size_t i = 0; i < f->n_pending; i++)
        earlier(t, goes_at(f, &f->pending[i]), &best);
    for (size_t k = 0; k < f->policy->n_caps; k++) {
        int64_t window = f->policy->caps[k].window_us;
        for (size_t i = 0; i < f->n_pending; i++)
            earlier(t, goes_at(f, &f->pending[i]) + window, &best);
        for (size_t i = 0; i < f->n_sends; i++)
            earlier(t, f->sends[i].time_us + window, &best);
    }
    return best;
}

struct gate_line gate_priority(const struct gate_facts *f, int64_t t)
{
    int64_t until = t;
    if (!gate_rules(f).caps || !f->n_pending)
        return pass();
    while (until != GATE_NEVER && takes_a_slot(f, until))
        until = next_change(f, until);
    return defer(t, until, 0);
}
