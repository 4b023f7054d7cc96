/* admit.h: the gate at work: gathers what it has to know about a lead, asks it, and lets a message through in
 * the commit that sends it. */
#ifndef AGENTS_ENGAGE_CONTACT_ADMIT_H
#define AGENTS_ENGAGE_CONTACT_ADMIT_H

#include "agents/engage/gate/gate.h"
#include "agents/record/contact.h"

C_BEGIN

struct gate_request {
    const char *purpose;
    Medium medium; /* a set one */
    Priority priority;
    int64_t now_us, expire_us; /* expire_us: GATE_NEVER where it does not */
};

struct gate_result {
    struct gate_decision decision;  /* decision.answer, .decided_by, .next_us, a line for each gate */
    const struct gate_facts *facts; /* what it was asked about */
    const char *consent_entry;      /* the name of the consent relied on; "" where none was needed */
    const char *reason;             /* what decided, in a sentence; "" where all gates pass */
    bool counts;                    /* the send counts for caps */
    Medium medium;
    const struct lead_row *lead;
    struct contact_row contact; /* as it was read */
};

/* What a gate that does not pass means; "" for GATE_NAMES. */
const char *gate_sentence(enum gate_name gate);

/* Asks all gates about a message to the stored lead, through the ctx's snapshot. Changes nothing. */
MUSTCHECK struct status gate_check(struct ctx *c, const struct gate_request *r, const struct lead_row *lead,
                                   struct gate_result **ret);

/* It is going to be asked about a message to the lead: what it has to know is (db_expect). */
MUSTCHECK struct status gate_expect(struct ctx *c, const struct gate_request *r, const struct lead_row *lead);

/* Adds to the unit that the message that was let through (decision.answer is GATE_PASS) leaves now: it is
 * counted, against the version of the contact that was read. Where anything was said, suppressed or sent to
 * the lead since, the unit fails with CONFLICT. Once a result. */
MUSTCHECK struct status gate_admit(struct ctx *c, struct gate_result *r);

C_END
#endif
