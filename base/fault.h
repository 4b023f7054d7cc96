/* fault.h: points where tests make the program fail, stall or die. Compiled in with -DFAULTS (bazel
 * --config=faults) only.
 *
 *     if (FAULT(commit_write)) return STORE_UNAVAILABLE ...   fail: the expression is true
 *
 * Armed by the environment: FAULTS="commit_write:fail:3,rpc_reply:kill" acts at the third pass through the
 * first point (and that pass only) and at the first pass through the second; ":stall:n:ms" sleeps; ":fail:0"
 * fails every pass. To add a point: a row in faults.def and the call. tests/exactlyonce kills the server at
 * every row while messages leave, tests/kill walks those of calls and commits under load; what stands after
 * "fail:" in a row is what a caller sees of that action. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/base.h"

C_BEGIN

enum fault {
#define FAULT_POINT(name, meaning) FAULT_##name,
#include "base/faults.def"
#undef FAULT_POINT
    FAULT_COUNT
};

#ifdef FAULTS
#define FAULT(name) fault_pass(FAULT_##name)
#else
#define FAULT(name) false
#endif

/* True where this pass is to fail. May sleep, or end the process as SIGKILL would. Any thread. */
bool fault_pass(enum fault f);
/* Reads a plan in the form of the environment variable; false where it names no such point or action. Not
 * while others pass. */
bool fault_plan(const char *text);
const char *fault_name(enum fault f);

C_END
#endif
