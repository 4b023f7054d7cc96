/* simulate.h: SimulateJourney: a journey tried on past leads. */
#ifndef AGENTS_ENGAGE_JOURNEY_SIMULATE_H
#define AGENTS_ENGAGE_JOURNEY_SIMULATE_H

#include "agents/record/app.h"

C_BEGIN

struct simulation;
MUSTCHECK struct status simulate_journey_open(struct ctx *c, const SimulateJourneyRequest *req,
                                              struct simulation **ret);
/* One part of the reply. *ret_more is false where there is none any more. */
MUSTCHECK struct status simulate_journey(struct ctx *c, struct simulation *s, SimulateJourneyResponse *res,
                                         bool *ret_more);

C_END
#endif
