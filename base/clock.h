/* clock.h: time as int64 microseconds. Wall time since 1970-01-01 UTC for what is stored or shown, monotonic
 * time for deadlines. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/base.h"

C_BEGIN

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_DAY (INT64_C(86400) * US_PER_SECOND)

int64_t clock_wall_us(void);
int64_t clock_mono_us(void);
/* CPU time of this thread, for benches. */
int64_t clock_thread_cpu_ns(void);

#define CLOCK_TEXT 32
/* RFC 3339 in UTC with microseconds, "2026-11-24T22:28:24.000123Z". Years 1 to 9999 only. */
void clock_format(int64_t us, char text[CLOCK_TEXT]);
/* RFC 3339, or a date alone (midnight UTC). False on anything else. */
bool clock_parse(struct str s, int64_t *ret_us);

C_END
#endif
