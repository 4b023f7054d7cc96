/* events.h: the event log, the nervous system of the house and its audit log. Every effect appends an event
 * in its own commit, with who asked for it; agents/audit makes a hash chain of them.
 *
 * An event holds ids, never a name, an address or other personal data: it is kept when a person is erased
 * (tests/e2e/privacy_test.go plants a word in every text and looks for it).
 *
 * Readers go by cursor over `seq`, so a number is never given twice. SQLite takes the largest one there is
 * and adds one: no statement deletes or changes an event (tests/contract/statements_test.cc), and one that
 * ever thins out the log has to leave its newest row. */
#ifndef AGENTS_RECORD_EVENTS_H
#define AGENTS_RECORD_EVENTS_H

#include "agents/record/app.h"
#include "base/ids.h"

C_BEGIN

struct event {
    AgentType agent_type;
    const char *agent_id;     /* "triage" where one of a kind */
    const char *action;       /* "lead.triaged", "lead.created" ... */
    const char *subject;      /* "leads/x" */
    const char *conversation; /* "" if none */
    const char *decision;     /* "decisions/x" or "" */
    struct str payload;       /* marketing.v1 bytes of what the action names, or empty */
};

/* Adds the event to the ctx's unit, with the ctx's principal, method, request id and trace. Texts must live
 * as long as the unit. */
void event_add(struct ctx *c, const struct event *e);

/* What "lead.event_recorded" tells of a lead event in place of what its caller wrote. */
static inline void event_id_mark(struct str event_id, char ret[ID_TEXT])
{
    id_derive(STR("lead event"), event_id, ret);
}
static inline void event_type_mark(struct str type, char ret[ID_TEXT])
{
    id_derive(STR("lead event type"), type, ret);
}

/* The same as event_add with neither decision nor payload, for what only the log wants to know:
 * "routing_policy.published" of "routingPolicies/x". */
void event_note(struct ctx *c, const char *agent, const char *action, const char *subject);

extern const struct stmt_table events_statements;

C_END
#endif
