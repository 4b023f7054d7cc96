/* simulate.h: SimulateJourney: a journey tried on past leads. */
#ifndef AGENTS_ENGAGE_JOURNEY_SIMULATE_H
#define AGENTS_ENGAGE_JOURNEY_SIMULATE_H

#include "agents/record/app.h"

C_BEGIN

struct simulation; /* one thread at a time uses it */

/* Checks the request and compiles its journey, in the ctx's arena. Fails: FIELD_INVALID, FIELD_OUT_OF_RANGE,
 * FIELD_REQUIRED, JOURNEY_NOT_FOUND, JOURNEY_INVALID (the draft). */
MUSTCHECK struct status simulate_journey_open(struct ctx *c, const SimulateJourneyRequest *req,
                                              struct simulation **ret);
/* Looks at the next leads and makes one part of the reply, with the numbers of all parts so far. Changes
 * nothing that is stored. *ret_more is false where there is none any more. */
MUSTCHECK struct status simulate_journey(struct ctx *c, struct simulation *s, SimulateJourneyResponse *res,
                                         bool *ret_more);

C_END
#endif
