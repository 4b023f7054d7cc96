/* Any bytes as a time zone file: refused, or a zone whose spans end after they begin and whose offsets are
 * less than a day and a bit. */
#include "base/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Around 1970, today, and both ends of the years that have dates. */
static const int64_t instants[] = { -62135596800, -1, 0, 1795694400, 4102444800, 253402300799 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct zone *z = zone_parse(&a, str_make((const char *)data, n));
    for (size_t i = 0; z && i < COUNT(instants); i++) {
        struct zone_span s = zone_at(z, instants[i]);
        ASSERT(s.until > instants[i]);
        ASSERT(s.offset > -27 * 3600 && s.offset < 27 * 3600);
    }
    arena_done(&a);
    return 0;
}
