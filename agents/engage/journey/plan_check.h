/* plan_check.h: between the files of a plan: is a journey sound? */
#ifndef AGENTS_ENGAGE_JOURNEY_PLAN_CHECK_H
#define AGENTS_ENGAGE_JOURNEY_PLAN_CHECK_H

#include "agents/engage/journey/plan.h"

C_BEGIN

/* Where steps[i] goes on; a name that leads nowhere goes to PLAN_END. */
size_t journey_next(const Journey *j, size_t i);
/* The step of a name ("" stands for `otherwise`, "end" for PLAN_END). False where there is none. */
bool journey_step(const Journey *j, const char *name, size_t otherwise, size_t *ret);

MUSTCHECK struct status plan_check(struct arena *a, const Journey *j, const char *field);

C_END
#endif
