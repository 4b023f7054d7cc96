/* change.h: between the files of agents/triage: the smallest change of a lead that changes its category. */
#ifndef AGENTS_TRIAGE_CHANGE_H
#define AGENTS_TRIAGE_CHANGE_H

#include "agents/triage/decide.h"

C_BEGIN

#define CHANGE_FIELDS_MAX 2

struct change_set {
    size_t n;                           /* 0: there is none */
    struct field to[CHANGE_FIELDS_MAX]; /* an empty text leaves the field out */
    LeadCategory category;              /* after it */
    double probability;
    double cost;
};

/* Finds the cheapest change of one field, else of two, after which `with` decides another category than
 * `category`; fields named in immutable stay as they are. By the model a change costs what
 * model_smallest_change says, by the scorecard its points. Milliseconds to a second: not for the hot path. */
MUSTCHECK struct status change_find(struct arena *a, const struct decide_inputs *in,
                                    const struct decide_with *with, LeadCategory category,
                                    char *const *immutable, size_t n_immutable, struct change_set *ret);

C_END
#endif
