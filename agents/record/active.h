/* active.h: which version of what is in service in a workspace.
 *
 * The truth is the table active_version, one row a slot. Each replica keeps the loaded thing (a model, a
 * compiled policy) in memory and hands out references, so that a request uses one version from its start to
 * its end while another is put into service. A change is seen at once by the replica that made it and within
 * a second by the others. */
#ifndef AGENTS_RECORD_ACTIVE_H
#define AGENTS_RECORD_ACTIVE_H

#include "agents/record/app.h"

C_BEGIN

enum active_slot { ACTIVE_MODEL, ACTIVE_POLICY, ACTIVE_ENGAGEMENT, ACTIVE_JOURNEYS, ACTIVE_SLOTS };

/* How a slot's resource is loaded and let go; a table in server/agents.c names one a slot. */
struct active_loader {
    const char *slot; /* "model", "routing_policy" ...: the row's key */
    /* Loads what is in service. resource_id "" means nothing was ever put into service: the built-in. May
     * read through c. */
    struct status (*load)(struct ctx *c, const char *resource_id, const char *version, void **ret);
    void (*unload)(void *); /* may be called on any thread, after the last reference is gone */
};

struct active_ref; /* one loaded version, counted */

MUSTCHECK struct status active_open(const struct active_loader loaders[ACTIVE_SLOTS], struct arena *a,
                                    struct active **ret);
void active_close(struct active *);

/* What is in service for the ctx's workspace, held until the ctx's arena is reset. The first use in a
 * workspace, and the first after a change, loads it through the ctx's snapshot; all others only count a
 * reference. */
MUSTCHECK struct status active_get(struct ctx *c, enum active_slot slot, void **ret);

/* Adds to the unit that (resource_id, version) is in service from now on, remembering what was (for
 * active_rollback), and marks this replica's copy stale after the commit. */
MUSTCHECK struct status active_put(struct ctx *c, enum active_slot slot, const char *resource_id,
                                   const char *version);
/* Adds to the unit that what was in service before is again; *ret_id is "" where that is the built-in. Fails
 * with `none` where nothing was put into service. */
MUSTCHECK struct status active_rollback(struct ctx *c, enum active_slot slot, enum reason none,
                                        const char **ret_id, const char **ret_version);
/* Reads the row: "" and "" for the built-in. */
MUSTCHECK struct status active_read(struct ctx *c, enum active_slot slot, const char **ret_id,
                                    const char **ret_version);
/* Once a second, by a job: marks copies stale whose row has another revision. */
MUSTCHECK struct status active_refresh(struct ctx *c);

extern const struct stmt_table active_statements;

C_END
#endif
