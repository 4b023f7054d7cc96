/* suppression.h: whom nobody may write to again, though nothing else is known of them any more. An identity
 * is kept as a hash under a random key of the database. Whatever sends has to ask. */
#ifndef AGENTS_RECORD_SUPPRESSION_H
#define AGENTS_RECORD_SUPPRESSION_H

#include "agents/record/leads.h"

C_BEGIN

/* Adds the identities to the unit. */
MUSTCHECK struct status suppression_add(struct ctx *c, const struct lead_identity *identities, size_t n);
/* Adds their hashes to the unit as those of a lead that was deleted: they suppress nothing until an erasure
 * asks for it (agents/privacy). */
MUSTCHECK struct status suppression_keep(struct ctx *c, const char *lead_id,
                                         const struct lead_identity *identities, size_t n);
/* Whether one of them was suppressed. */
MUSTCHECK struct status suppression_find(struct ctx *c, const struct lead_identity *identities, size_t n,
                                         bool *ret);

extern const struct stmt_table suppression_statements;

C_END
#endif
