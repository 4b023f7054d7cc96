#include "agents/lead/common.h"

#include "agents/record/active.h"
#include "agents/record/events.h"
#include "agents/record/lead_text.h"
#include "base/clock.h"

#define YEAR_1_SECONDS INT64_C(-62135596800)

void lead_event(struct ctx *c, const char *action, const Lead *lead, const char *decision, struct str payload)
{
    const struct event e = { AGENT_TYPE_UNSPECIFIED, "lead", action, lead->name, "", decision, payload };
    event_add(c, &e);
}

struct status lead_announce(void *ctx, struct lead_row *row)
{
    event_note(ctx, "lead", row->before ? "lead.updated" : "lead.created", row->lead->name);
    return ok();
}

struct status lead_required(struct ctx *c, const Lead *lead, const char *field)
{
    size_t texts = 0;
    for (size_t i = 0; lead && i < LEAD_IDENTITIES; i++)
        texts += *lead_text(lead, i) != 0;
    if (lead && texts + lead->n_attributes)
        return ok();
    return fail_field(c->arena, REASON_FIELD_REQUIRED, field,
                      "give an email, phone, external_id or attribute");
}

struct status lead_axis(struct ctx *c, const struct engagement_axis **ret)
{
    void *axis;
    TRY(active_get(c, ACTIVE_ENGAGEMENT, &axis));
    *ret = axis;
    return ok();
}

struct status given_time(struct ctx *c, const Timestamp *t, const char *field, int64_t *ret_us)
{
    *ret_us = c->now_us;
    if (!t)
        return ok();
    if (t->nanos < 0 || t->nanos > 999999999 || t->seconds < YEAR_1_SECONDS)
        return fail_field(c->arena, REASON_FIELD_INVALID, field, "not a time");
    if (t->seconds > (c->now_us + US_PER_DAY) / US_PER_SECOND)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, field, "at most a day ahead");
    *ret_us = t->seconds * US_PER_SECOND + t->nanos / 1000;
    return ok();
}
