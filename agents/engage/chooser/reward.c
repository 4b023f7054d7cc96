/* What is told of leads, not of a message, is noted with the choices that it answers: learn.c takes it from
 * there. */
#include "agents/engage/chooser/chooser.h"
#include "agents/engage/chooser/chooser_sql.h"
#include "agents/record/decoded.h"
#include "agents/record/times.h"

struct status chooser_on_outcome(struct ctx *c, const struct event_seen *e)
{
    const Outcome *o = PB_UNPACK(c->arena, Outcome, e->payload);
    TRY(decoded(c, o, "an event's payload"));
    if (o->converted)
        UNIT_ADD(c->unit, &chooser_sql[CHOICES_CONVERT], -1, REASON_CONFLICT, v_int(time_us(o->outcome_time)),
                 v_text(c->workspace), v_text(strchr(e->subject, '/') + 1));
    return ok();
}
