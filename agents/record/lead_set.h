/* lead_set.h: the leads that one unit of work deals with, when it deals with many.
 *
 * A snapshot does not show what the unit itself has decided. A set does: each lead is resolved against the
 * rows before it, then against the store, as if every row had been committed before the next one came, and
 * each lead is saved once. All of it lives in the ctx's arena. */
#ifndef AGENTS_RECORD_LEAD_SET_H
#define AGENTS_RECORD_LEAD_SET_H

#include "agents/record/leads.h"

C_BEGIN

struct lead_set;

/* `leads`: about how many. NULL over the budget. */
struct lead_set *lead_set_new(struct ctx *c, size_t leads);

/* The leads of `earlier` (NULL: none) are saved by a unit that is on its way into the store. Where the set
 * would have to look for one of them there, the ctx's too_early is set and the call fails with CONFLICT. */
void lead_set_follow(struct lead_set *s, const struct lead_set *earlier);

/* Looks up the identities of many leads (checked) with few statements; the next calls then need not ask for
 * them. Names are not looked up. */
MUSTCHECK struct status lead_set_prefetch(struct lead_set *s, Lead *const *given, size_t n);

/* The same for ids that lead_set_put will be called with. The texts live as long as the set. */
MUSTCHECK struct status lead_set_prefetch_ids(struct lead_set *s, const char *const *ids, size_t n);

/* As lead_resolve. The row is the set's own and the same for all that mean one lead. `field` is the path of
 * `given`. */
MUSTCHECK struct status lead_set_resolve(struct lead_set *s, const Lead *given, const char *field,
                                         struct lead_row **ret);
/* The lead of this name. Fails: as lead_load. */
MUSTCHECK struct status lead_set_load(struct lead_set *s, const char *name, const char *field,
                                      struct lead_row **ret);
/* Lays `given`, which has no identity, over the lead of this id, which is made where there is none. */
MUSTCHECK struct status lead_set_put(struct lead_set *s, const Lead *given, const char *id,
                                     struct lead_row **ret);

/* What the last call that resolved or put a lead did to it. */
enum lead_effect { LEAD_UNCHANGED, LEAD_UPDATED, LEAD_CREATED };
enum lead_effect lead_set_effect(const struct lead_set *s);

/* Calls f with every lead of the set that is new or changed, in the order in which they came in. Stops at the
 * first that fails. */
MUSTCHECK struct status lead_set_each(struct lead_set *s, struct status (*f)(void *arg, struct lead_row *row),
                                      void *arg);

/* Saves the leads that changed and puts the unit's writes in order. Identities that another writer took
 * meanwhile: CONFLICT. Once, as the last thing that adds to the unit. */
MUSTCHECK struct status lead_set_save(struct lead_set *s);

C_END
#endif
