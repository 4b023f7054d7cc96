/* aside.h: reading much through a small request: into memory of its own, in steps, so that the request's
 * budget holds only what is kept. */
#ifndef AGENTS_RECORD_ASIDE_H
#define AGENTS_RECORD_ASIDE_H

#include "base/ctx.h"

C_BEGIN

/* Not to be copied or moved. */
struct aside {
    struct arena memory;
    struct ctx ctx; /* like c, but it reads into the memory; nothing may be added to a unit through it */
};

static inline void aside_begin(struct aside *x, const struct ctx *c, size_t budget)
{
    arena_init(&x->memory, budget);
    x->ctx = *c;
    x->ctx.arena = &x->memory;
    x->ctx.unit = NULL;
}

/* A failure whose text outlives the memory that it was made in. Too large stays REQUEST_TOO_LARGE. */
static inline struct status aside_status(struct ctx *c, struct status s)
{
    return is_ok(s) ? s : fail(c->arena, (enum reason)s.reason, "%s", s.message);
}

/* To be called once it has read: c goes on with the same snapshot, and a failure's text stays. What was read
 * stays until arena_done. */
static inline struct status aside_return(const struct aside *x, struct ctx *c, struct status s)
{
    c->read = x->ctx.read;
    return aside_status(c, s);
}

/* The same, and frees what was read. */
static inline struct status aside_end(struct aside *x, struct ctx *c, struct status s)
{
    s = aside_return(x, c, s);
    arena_done(&x->memory);
    return s;
}

C_END
#endif
