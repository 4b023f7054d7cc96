/* common.h: between the files of agents/lead. */
#ifndef AGENTS_LEAD_COMMON_H
#define AGENTS_LEAD_COMMON_H

#include "agents/record/leads.h"

/* Adds an event about the lead to the unit. Where the lead's row says all, event_note does: personal data is
 * kept in one place. */
void lead_event(struct ctx *c, const char *action, const Lead *lead, const char *decision,
                struct str payload);

/* Adds "lead.created" or "lead.updated": for lead_set_each. */
MUSTCHECK struct status lead_announce(void *ctx, struct lead_row *row);

/* Fails with FIELD_REQUIRED where the lead is missing or says nothing by which it could be known. */
MUSTCHECK struct status lead_required(struct ctx *c, const Lead *lead, const char *field);

/* Changes the fields named by the mask to what is given. Fails: UPDATE_MASK_INVALID, FIELD_TOO_LONG. */
MUSTCHECK struct status lead_mask_apply(struct ctx *c, Lead *lead, const Lead *given, const FieldMask *mask);

/* Half-life and weights of what leads do, as in service. */
struct engagement_axis;
MUSTCHECK struct status lead_axis(struct ctx *c, const struct engagement_axis **ret);

/* A time given by the caller: now where it is unset. Fails: FIELD_INVALID, FIELD_OUT_OF_RANGE (more than a
 * day ahead). */
MUSTCHECK struct status given_time(struct ctx *c, const Timestamp *t, const char *field, int64_t *ret_us);

#endif
