/* zone_rule.h: the rule in a time zone file's footer, a POSIX TZ string: "CET-1CEST,M3.5.0,M10.5.0/3".
 * Private to zone.c. */
#ifndef BASE_ZONE_RULE_H
#define BASE_ZONE_RULE_H

#include "base/zone.h"

C_BEGIN

/* A day of every year, and the second of it on the clock before the change (may be of another day). */
struct zone_day {
    enum { ZONE_DAY_OF_YEAR, ZONE_DAY_NO_LEAP, ZONE_DAY_OF_WEEK } form;
    int32_t month, week; /* ZONE_DAY_OF_WEEK: 1 to 12; 1 to 5, which is the last */
    int32_t day;         /* of the week from Sunday, or of the year from 0 */
    int32_t second;
};

struct zone_rule {
    int32_t standard, summer;   /* offsets east of UTC */
    bool has_summer;            /* else `standard` all year */
    struct zone_day start, end; /* of summer */
};

/* False on anything but a whole TZ string with its days written out. */
bool zone_rule_parse(struct str text, struct zone_rule *ret);

struct zone_span zone_rule_at(const struct zone_rule *r, int64_t t);

C_END
#endif
