/* gate_private.h: between the files of the gate. Each function is one gate at time t. */
#ifndef AGENTS_ENGAGE_GATE_GATE_PRIVATE_H
#define AGENTS_ENGAGE_GATE_GATE_PRIVATE_H

#include "agents/engage/gate/gate.h"

struct gate_line gate_quiet_hours(const struct gate_facts *f, int64_t t);
struct gate_line gate_cap(const struct gate_facts *f, int64_t t);
struct gate_line gate_max_media(const struct gate_facts *f, int64_t t);
struct gate_line gate_priority(const struct gate_facts *f, int64_t t);

static inline struct gate_line line(enum gate_answer answer, int64_t until_us, int detail)
{
    struct gate_line l = { answer, until_us, detail };
    return l;
}

static inline struct gate_line pass(void)
{
    return line(GATE_PASS, 0, 0);
}

static inline struct gate_line refuse(int detail)
{
    return line(GATE_REFUSE, GATE_NEVER, detail);
}

/* Passes from `until` on. */
static inline struct gate_line defer(int64_t t, int64_t until_us, int detail)
{
    return until_us > t ? line(GATE_DEFER, until_us, detail) : pass();
}

/* Which gates this message passes through; of an unknown purpose all. */
static inline struct gate_purpose gate_rules(const struct gate_facts *f)
{
    static const struct gate_purpose strictest = { true, true, true, true, true };
    return f->rules ? *f->rules : strictest;
}

#endif
