/* zone.h: the offsets of one IANA time zone, read from the bytes of a TZif file (RFC 9636) with the rule in
 * its footer, so every time to come has its offset too. libc's own functions know one zone at a time, and
 * that for the whole process. */
#ifndef BASE_ZONE_H
#define BASE_ZONE_H

#include "base/arena.h"

C_BEGIN

struct zone;

#define ZONE_FOREVER INT64_MAX

/* What is in force from some instant on. */
struct zone_span {
    int32_t offset; /* seconds east of UTC */
    int64_t until;  /* seconds since 1970 UTC: the first instant that may have another; ZONE_FOREVER: none */
};

/* Reads a file of version 2 or later, without leap seconds. The zone lies in the arena and keeps nothing of
 * `file`; it never changes, so any thread may read it. NULL where the bytes are no such file, or the arena is
 * full (then `overflow` is set). */
const struct zone *zone_parse(struct arena *a, struct str file);

/* The zone that is always 0, without a file. */
extern const struct zone *const zone_utc;

/* What is in force at t, in seconds since 1970 UTC, of the years 1 to 9999. */
struct zone_span zone_at(const struct zone *z, int64_t t);

C_END
#endif
