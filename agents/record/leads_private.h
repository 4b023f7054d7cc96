/* leads_private.h: between the files of agents/record that deal with leads. */
#ifndef AGENTS_RECORD_LEADS_PRIVATE_H
#define AGENTS_RECORD_LEADS_PRIVATE_H

#include "agents/record/leads.h"
#include "store/db.h"

/* By id or alias. Fails: LEAD_NOT_FOUND. */
MUSTCHECK struct status lead_by_id(struct ctx *c, const char *id, struct lead_row *ret);
/* Takes a result row of (id, version, data, subject_key). */
MUSTCHECK struct status lead_take(struct ctx *c, const struct value *v, struct lead_row *ret);

/* A bit for each identity that is set. */
unsigned lead_identity_mask(const Lead *l);
/* False where no lead has identity number i with this text, as far as can be told without asking the store.
 */
bool lead_identity_may_exist(struct ctx *c, size_t i, const char *text);
void lead_identity_seen(struct ctx *c, size_t i, const char *text);
/* Which leads the identities in `mask` belong to: rows of (kind, lead id), none for those that are free. */
MUSTCHECK struct status lead_owners(struct ctx *c, const Lead *l, unsigned mask, struct rows *ret);
/* lead_overlay without the identities in `except`. */
MUSTCHECK struct status lead_overlay_except(struct ctx *c, Lead *lead, const Lead *from, unsigned except);
/* Those of the identities in `owned`, all the lead's own, that are not in its fields: they lead to it and are
 * not laid over what it has. */
unsigned lead_secondary(const Lead *lead, const Lead *given, unsigned owned);

/* lead_save in two steps, so that a unit of many leads gives identities up before it takes them. */
void lead_save_given_up(struct ctx *c, const struct lead_row *row);
MUSTCHECK struct status lead_save_rest(struct ctx *c, struct lead_row *row, enum reason identity_taken);

#endif
