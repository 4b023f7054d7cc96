#include "agents/record/decoded.h"

struct status decoded(struct ctx *c, const void *message, const char *what, ...)
{
    va_list args;
    if (message)
        return ok();
    if (c->arena->overflow)
        return fail_memory();
    va_start(args, what);
    const char *text = arena_vprintf(c->arena, what, args);
    va_end(args);
    return fail(c->arena, REASON_INTERNAL, "%s cannot be decoded", text ? text : "what is stored");
}
