/* suppression.h: whom nobody may write to, though nothing else may be known of them any more. An identity is
 * kept as a hash under a random key of the database, with what happened and what that forbids. Whatever sends
 * has to ask. */
#ifndef AGENTS_RECORD_SUPPRESSION_H
#define AGENTS_RECORD_SUPPRESSION_H

#include "agents/record/leads.h"

C_BEGIN

struct suppression {
    Suppression__Cause cause;
    const char *purpose; /* "": all */
    Medium medium;       /* MEDIUM_UNSPECIFIED: all */
};

/* A suppression of identities[identity]. */
struct suppression_hit {
    struct suppression what;
    int64_t time_us;
    size_t identity;
};

/* Adds to the unit that each of the identities is suppressed as of now, also where it is so already: consent
 * may have been given since. Leads that have one of them are the caller's matter (contact_touch). */
MUSTCHECK struct status suppression_add(struct ctx *c, const struct lead_identity *identities, size_t n,
                                        const struct suppression *what);
/* `suppressions/{suppression}` of an identity: one name an address. There must be a suppression, in the store
 * or in the unit. */
MUSTCHECK struct status suppression_name(struct ctx *c, const struct lead_identity *identity,
                                         const char **ret);
/* All suppressions of the address of that name; `identity` is 0 in each. Fails: FIELD_REQUIRED,
 * FIELD_INVALID. */
MUSTCHECK struct status suppression_named(struct ctx *c, const char *name, struct suppression_hit **ret,
                                          size_t *ret_n);
/* The names after `after` ("": the first), at most `limit`. */
MUSTCHECK struct status suppression_names(struct ctx *c, const char *after, size_t limit, const char ***ret,
                                          size_t *ret_n);
/* Adds to the unit that the address of that name is not suppressed for this cause (unset: for any) any more.
 * What an erasure suppressed stays. */
MUSTCHECK struct status suppression_remove(struct ctx *c, const char *name, Suppression__Cause cause);
/* Adds their hashes to the unit as those of a lead that was deleted: they suppress nothing until an erasure
 * asks for it (agents/privacy). */
MUSTCHECK struct status suppression_keep(struct ctx *c, const char *lead_id,
                                         const struct lead_identity *identities, size_t n);
/* They are going to be asked for (db_expect). */
MUSTCHECK struct status suppression_expect(struct ctx *c, const struct lead_identity *identities, size_t n);
/* All suppressions of the identities. */
MUSTCHECK struct status suppression_find(struct ctx *c, const struct lead_identity *identities, size_t n,
                                         struct suppression_hit **ret, size_t *ret_n);

extern const struct stmt_table suppression_statements;

C_END
#endif
