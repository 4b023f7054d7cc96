/* zones.h: the time zones of the machine's zoneinfo folder, each read once, and which ones a country has. Any
 * thread. */
#ifndef AGENTS_ENGAGE_GATE_ZONES_H
#define AGENTS_ENGAGE_GATE_ZONES_H

#include "base/status.h"
#include "base/zone.h"

C_BEGIN

#define ZONES_FOLDER "/usr/share/zoneinfo"
#define ZONES_MAX 32 /* of one country; more are left out */

struct zones;

/* Reads which zones each country has (zone.tab). Fails: INTERNAL where the folder has no such file: without
 * zones no quiet hour could be kept. */
MUSTCHECK struct status zones_open(const char *folder, struct arena *a, struct zones **ret);
void zones_close(struct zones *z); /* NULL is allowed */

/* NULL where there is no zone of this name. Lasts as long as z. */
const struct zone *zones_find(struct zones *z, struct str name);

/* Where a person may be: in the zone of that name; without one, in all that the country (ISO 3166-1 alpha-2)
 * has; else in `otherwise`, or UTC. */
struct zones_of_lead {
    const struct zone *all[ZONES_MAX];
    size_t n; /* at least 1 */
};
void zones_of_lead(struct zones *z, const char *name, const char *country, const char *otherwise,
                   struct zones_of_lead *ret);

C_END
#endif
