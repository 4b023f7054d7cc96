/* address.h: the address that a request names, and what such requests have in common. Private. */
#ifndef AGENTS_ENGAGE_CONTACT_ADDRESS_H
#define AGENTS_ENGAGE_CONTACT_ADDRESS_H

#include "agents/record/checks.h"
#include "agents/record/leads.h"

C_BEGIN

struct address {
    struct lead_identity identity; /* in its normal form */
    struct lead_row row;           /* the lead that has it; row.before is NULL where none has */
};

/* Of exactly one of the two. Asks the store, not memory. Fails: FIELD_REQUIRED, FIELD_INVALID. */
MUSTCHECK struct status address_find(struct ctx *c, const char *email, const char *phone,
                                     struct address *ret);

/* Notes a fault of a purpose; "" is allowed. */
void purpose_check(struct checks *k, const char *parent, const char *purpose);

C_END
#endif
