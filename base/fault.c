#include "base/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum action { ACTION_NONE, ACTION_FAIL, ACTION_STALL, ACTION_KILL };

static struct armed {
    enum action action;
    uint64_t at; /* pass number, 1 the first; 0: every pass */
    int64_t stall_ms;
    uint64_t passes;
} armed[FAULT_COUNT];

static const char *const names[FAULT_COUNT] = {
#define FAULT_POINT(name, meaning) #name,
#include "base/faults.def"
#undef FAULT_POINT
};

const char *fault_name(enum fault f)
{
    return (size_t)f < FAULT_COUNT ? names[f] : "";
}

static enum action action_of(struct str s)
{
    return str_eq(s, STR("fail"))    ? ACTION_FAIL
           : str_eq(s, STR("stall")) ? ACTION_STALL
           : str_eq(s, STR("kill"))  ? ACTION_KILL
                                     : ACTION_NONE;
}

/* name:action[:pass[:ms]] */
static bool plan_one(struct str rule)
{
    struct str name = str_split(&rule, ':');
    enum action action = action_of(str_split(&rule, ':'));
    int64_t at = 1, ms = 1000;
    struct str pass = str_split(&rule, ':');
    if (pass.n && (!str_to_i64(pass, &at) || at < 0))
        return false;
    if (rule.n && (!str_to_i64(rule, &ms) || ms < 0))
        return false;
    for (size_t f = 0; f < FAULT_COUNT; f++) {
        if (!str_eq(str_of(names[f]), name))
            continue;
        armed[f].at = (uint64_t)at;
        armed[f].stall_ms = ms;
        armed[f].passes = 0;
        armed[f].action = action;
        return action != ACTION_NONE;
    }
    return false;
}

bool fault_plan(const char *text)
{
    struct str rest = str_of(text);
    memset(armed, 0, sizeof armed);
    bool good = true;
    while (rest.n)
        good = plan_one(str_trim(str_split(&rest, ','))) && good;
    return good;
}

static void plan_from_environment(void)
{
    const char *text = getenv("FAULTS");
    if (text && !fault_plan(text))
        BUG("FAULTS names no such point or action");
}

bool fault_pass(enum fault f)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, plan_from_environment);
    struct armed *a = &armed[f];
    uint64_t pass = __atomic_add_fetch(&a->passes, 1, __ATOMIC_RELAXED);
    if (a->action == ACTION_NONE || (a->at && pass != a->at))
        return false;
    if (a->action == ACTION_KILL) {
        kill(getpid(), SIGKILL);
        pause();
    }
    if (a->action == ACTION_STALL) {
        struct timespec t = { a->stall_ms / 1000, a->stall_ms % 1000 * 1000000 };
        nanosleep(&t, NULL);
    }
    return a->action == ACTION_FAIL;
}
