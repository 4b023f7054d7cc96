/* aside.h: reading much through a small request: into memory of its own, in steps, so that the request's
 * budget holds only what is kept. */
#ifndef AGENTS_RECORD_ASIDE_H
#define AGENTS_RECORD_ASIDE_H

#include "base/ctx.h"

C_BEGIN

/* A ctx like c that reads into `a`. Nothing may be added to a unit through it. */
static inline struct ctx aside(const struct ctx *c, struct arena *a)
{
    struct ctx other = *c;
    other.arena = a;
    other.unit = NULL;
    return other;
}

/* To be called once it has read: c goes on with the same snapshot, and a failure's text outlives the other's
 * memory (a reading that was too large stays REQUEST_TOO_LARGE). */
static inline struct status aside_end(struct ctx *c, const struct ctx *other, struct status s)
{
    c->read = other->read;
    return is_ok(s) ? s : fail(c->arena, (enum reason)s.reason, "%s", s.message);
}

C_END
#endif
