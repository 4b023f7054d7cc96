/* decisions.h: the decision log. A decision is written once, in the commit of what it decided, and never
 * changed. What is personal in it (inputs, contributions, justification) lies under the key of its lead's
 * person (subject_key.h): an erasure destroys that, and from then on the decision is read without them. Those
 * of builds without keys lie in plain, and an erasure takes it out of them (agents/privacy). */
#ifndef AGENTS_RECORD_DECISIONS_H
#define AGENTS_RECORD_DECISIONS_H

#include "agents/record/leads.h"

C_BEGIN

/* Gives the decision a new name and the ctx's time as its create_time. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status decision_name(struct ctx *c, Decision *d);

/* Adds a named decision on the lead, inputs included, to the ctx's unit. The caller saves the lead. Fails:
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status decision_add(struct ctx *c, const struct lead_row *row, const Decision *d);

/* Reads a decision by `decisions/{decision}`, inputs included where they were not erased. Fails:
 * FIELD_REQUIRED, FIELD_INVALID, DECISION_NOT_FOUND. */
MUSTCHECK struct status decision_get(struct ctx *c, const char *name, Decision **ret);

/* A decision of a list: what is personal in it is still closed. */
struct listed_decision {
    const char *id; /* without "decisions/" */
    Decision *decision;
    struct str sealed, key;
};

struct decision_list {
    struct listed_decision *at;
    size_t n;
};

/* Completes l->decision to what decision_get reads. */
MUSTCHECK struct status decision_open(struct ctx *c, struct listed_decision *l);

/* At most `limit` decisions with ids after `after` (""  from the first), oldest first; of the lead with this
 * id (its merged duplicates' included; one that was itself merged stands for its survivor), or of all where
 * lead_id is "". */
MUSTCHECK struct status decisions_after(struct ctx *c, const char *lead_id, const char *after, size_t limit,
                                        struct decision_list *ret);
/* At most `limit` of kind TRIAGE with ids before `before` ("" from the newest), newest first. */
MUSTCHECK struct status decisions_before(struct ctx *c, const char *before, size_t limit,
                                         struct decision_list *ret);

extern const struct stmt_table decisions_statements;

C_END
#endif
