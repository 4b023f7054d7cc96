#include "base/status.h"

static const struct reason_row {
    enum reason reason;
    enum code code;
    const char *name, *meaning;
} reasons[] = {
#define REASON(name, number, code, meaning) { REASON_##name, CODE_##code, #name, meaning },
#include "base/reasons.def"
#undef REASON
};

static const char *const code_names[] = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

static const struct reason_row *find(enum reason r)
{
    static const struct reason_row internal = { REASON_INTERNAL, CODE_INTERNAL, "INTERNAL",
                                                "a fault of the server" };
    for (size_t i = 0; i < COUNT(reasons); i++)
        if (reasons[i].reason == r)
            return &reasons[i];
    return &internal;
}

const char *reason_name(enum reason r)
{
    return find(r)->name;
}

enum code reason_code(enum reason r)
{
    return find(r)->code;
}

const char *reason_meaning(enum reason r)
{
    return find(r)->meaning;
}

const char *code_name(enum code c)
{
    return (size_t)c < COUNT(code_names) ? code_names[c] : "UNKNOWN";
}

static struct status make(enum reason r, const char *message)
{
    struct status s = ok();
    s.code = (uint8_t)reason_code(r);
    s.reason = (uint16_t)r;
    s.message = message ? message : reason_meaning(r);
    if (r == REASON_OVERLOADED)
        s.retry_after_ms = 100;
    return s;
}

struct status fail(struct arena *a, enum reason r, const char *fmt, ...)
{
    if (!a)
        return make(r, fmt);
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return make(r, text);
}

struct status fail_field(struct arena *a, enum reason r, const char *field, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    struct violation *v = ARENA_NEW(a, struct violation);
    struct status s = make(r, text ? arena_printf(a, "%s: %s", field, text) : NULL);
    if (v) {
        v->field = arena_dup(a, str_of(field));
        v->description = text ? text : reason_meaning(r);
        if (v->field)
            s.violations = v;
    }
    return s;
}

struct status fail_memory(void)
{
    return make(REASON_REQUEST_TOO_LARGE, NULL);
}
