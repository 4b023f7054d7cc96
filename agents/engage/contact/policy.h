/* policy.h: a workspace's rules of sending, as they are stored and as the gate takes them. */
#ifndef AGENTS_ENGAGE_CONTACT_POLICY_H
#define AGENTS_ENGAGE_CONTACT_POLICY_H

#include "agents/engage/gate/gate.h"
#include "agents/record/app.h"

C_BEGIN

struct send_rules {
    const SendPolicy *policy;
    struct gate_policy gate;
    const struct gate_purpose *purposes; /* of policy->purposes */
};

/* Checks a policy against the limits of contact.proto and compiles it; `field` is its path in the request.
 * Fails: FIELD_INVALID, FIELD_OUT_OF_RANGE, FIELD_REQUIRED, with a violation for each fault. */
MUSTCHECK struct status send_rules_compile(struct ctx *c, const SendPolicy *p, const char *field,
                                           struct send_rules *ret);

/* The rules in force. */
MUSTCHECK struct status send_rules_load(struct ctx *c, struct send_rules *ret);

/* NULL where there is no such purpose. */
const struct gate_purpose *send_rules_purpose(const struct send_rules *r, const char *id);

extern const struct stmt_table send_policy_statements;

C_END
#endif
