/* one.h: between the files of agents/triage: deciding on one lead. */
#ifndef AGENTS_TRIAGE_ONE_H
#define AGENTS_TRIAGE_ONE_H

#include "agents/record/leads.h"

C_BEGIN

/* Names the decision, makes it the lead's last, and adds it with an event of this action to the unit; the
 * caller saves the lead. */
MUSTCHECK struct status decision_record(struct ctx *c, struct lead_row *row, Decision *d, const char *action);

/* A checked lead that says anything at all. Fails: FIELD_REQUIRED and as lead_check. */
MUSTCHECK struct status lead_given(struct ctx *c, Lead *lead, const char *field);

/* The decision as a reply carries it: a copy without inputs. NULL over the budget. */
Decision *decision_basic(struct arena *a, const Decision *d);

C_END
#endif
