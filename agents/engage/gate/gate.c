#include "agents/engage/gate/gate_private.h"

/* ---- Gates that do not look at what was sent ---- */

static struct gate_line pause(const struct gate_facts *f, int64_t t)
{
    return defer(t, f->policy->paused ? GATE_NEVER : t, 0);
}

static struct gate_line expiry(const struct gate_facts *f, int64_t t)
{
    return t < f->expire_us ? pass() : refuse(0);
}

static struct gate_line purpose(const struct gate_facts *f, int64_t t)
{
    (void)t;
    return f->rules ? pass() : refuse(0);
}

static struct gate_line address(const struct gate_facts *f, int64_t t)
{
    (void)t;
    return f->has_address ? pass() : refuse(0);
}

/* One of its own medium goes before one for all media. */
static const struct gate_consent *consent_of(const struct gate_facts *f)
{
    const struct gate_consent *found = NULL;
    for (size_t i = 0; i < f->n_consents; i++) {
        const struct gate_consent *c = &f->consents[i];
        if (strcmp(c->purpose, f->purpose))
            continue;
        if (c->medium == f->medium || (c->medium == 0 && !found))
            found = c;
    }
    return found;
}

static struct gate_line consent(const struct gate_facts *f, int64_t t)
{
    const struct gate_consent *c = consent_of(f);
    if (!gate_rules(f).consent)
        return pass();
    if (!c || c->state == GATE_WITHDRAWN)
        return refuse(c ? GATE_WITHDRAWN : 0);
    return c->state == GATE_CONSENT_PAUSED ? defer(t, c->until_us, GATE_CONSENT_PAUSED) : pass();
}

static bool consented_later(const struct gate_facts *f, int64_t time_us)
{
    const struct gate_consent *c = consent_of(f);
    return c && c->state != GATE_WITHDRAWN && c->time_us > time_us;
}

static bool binds(const struct gate_facts *f, const struct gate_suppression *s)
{
    if ((s->medium && s->medium != f->medium) || (*s->purpose && strcmp(s->purpose, f->purpose)))
        return false;
    return s->cause != GATE_UNSUBSCRIBE || (gate_rules(f).consent && !consented_later(f, s->time_us));
}

static struct gate_line suppression(const struct gate_facts *f, int64_t t)
{
    (void)t;
    for (size_t i = 0; i < f->n_suppressions; i++)
        if (binds(f, &f->suppressions[i]))
            return refuse(f->suppressions[i].cause);
    return pass();
}

static struct gate_line owner(const struct gate_facts *f, int64_t t)
{
    return defer(t, f->owned && gate_rules(f).owner ? GATE_NEVER : t, 0);
}

static struct gate_line hold_out(const struct gate_facts *f, int64_t t)
{
    (void)t;
    return gate_rules(f).hold_out && f->hold_out_point < f->policy->hold_out_below ? refuse(0) : pass();
}

/* ---- All of them ---- */

static struct gate_line (*const gates[GATE_NAMES])(const struct gate_facts *, int64_t t) = {
    [GATE_PAUSE] = pause,
    [GATE_EXPIRY] = expiry,
    [GATE_PURPOSE] = purpose,
    [GATE_ADDRESS] = address,
    [GATE_SUPPRESSION] = suppression,
    [GATE_CONSENT] = consent,
    [GATE_OWNER] = owner,
    [GATE_HOLD_OUT] = hold_out,
    [GATE_QUIET_HOURS] = gate_quiet_hours,
    [GATE_CAP] = gate_cap,
    [GATE_MAX_MEDIA] = gate_max_media,
    [GATE_PRIORITY] = gate_priority,
};

static enum gate_name first_of(const struct gate_decision *d, enum gate_answer answer)
{
    int i = 0;
    while (i < GATE_NAMES && d->lines[i].answer != answer)
        i++;
    return (enum gate_name)i;
}

/* The latest that one gate asks for at t; t itself where all pass. */
static int64_t latest(const struct gate_facts *f, int64_t t)
{
    int64_t until = t;
    for (int i = 0; i < GATE_NAMES; i++) {
        struct gate_line l = gates[i](f, t);
        if (l.answer != GATE_PASS)
            until = MAX(until, l.until_us);
    }
    return until;
}

/* A gate's end may lie where another one is closed, so they are asked again until all pass at one instant. No
 * step leaves out an instant at which all would pass. */
static int64_t next_time(const struct gate_facts *f)
{
    int64_t t = f->now_us, until;
    while (t != GATE_NEVER && (until = latest(f, t)) != t)
        t = until;
    return t;
}

void gate_decide(const struct gate_facts *f, struct gate_decision *ret)
{
    for (int i = 0; i < GATE_NAMES; i++)
        ret->lines[i] = gates[i](f, f->now_us);
    ret->consent = consent_of(f);
    ret->decided_by = first_of(ret, GATE_REFUSE);
    ret->answer = GATE_REFUSE;
    ret->next_us = GATE_NEVER;
    if (ret->decided_by != GATE_NAMES)
        return;
    ret->decided_by = first_of(ret, GATE_DEFER);
    ret->answer = ret->decided_by == GATE_NAMES ? GATE_PASS : GATE_DEFER;
    ret->next_us = next_time(f);
}
