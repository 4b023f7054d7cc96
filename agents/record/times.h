/* times.h: google.protobuf.Timestamp from and to microseconds since 1970 UTC. */
#ifndef AGENTS_RECORD_TIMES_H
#define AGENTS_RECORD_TIMES_H

#include "base/pb.h"
#include "proto/names.h"

C_BEGIN

/* NULL over the budget. */
static inline Timestamp *time_message(struct arena *a, int64_t us)
{
    Timestamp *t = PB_NEW(a, Timestamp);
    if (!t)
        return NULL;
    int64_t part = us % 1000000;
    t->seconds = us / 1000000 - (part < 0);
    t->nanos = (int32_t)(part + (part < 0 ? 1000000 : 0)) * 1000;
    return t;
}

/* Whether a time that came in is of the years 1970 to 9999, or none was given. */
static inline bool time_valid(const Timestamp *t)
{
    return !t ||
           (t->seconds >= 0 && t->seconds < INT64_C(253402300800) && t->nanos >= 0 && t->nanos < 1000000000);
}
#define TIME_INVALID "must be in the years 1970 to 9999"

/* Of a time that was checked when it came in; 0 for NULL. */
static inline int64_t time_us(const Timestamp *t)
{
    return t ? t->seconds * 1000000 + t->nanos / 1000 : 0;
}

C_END
#endif
