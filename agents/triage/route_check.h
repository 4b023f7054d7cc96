/* route_check.h: whether a routing policy is sound. Inside agents/triage. */
#ifndef AGENTS_TRIAGE_ROUTE_CHECK_H
#define AGENTS_TRIAGE_ROUTE_CHECK_H

#include "base/filter.h"
#include "proto/names.h"

C_BEGIN

extern const struct filter_schema route_filter_schema; /* what a rule's filter may name */

/* Fails: POLICY_INVALID with one violation for every fault found. */
MUSTCHECK struct status route_check(struct arena *a, const RoutingPolicy *p, const char *field);

C_END
#endif
