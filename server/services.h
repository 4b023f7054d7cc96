/* services.h: what the server serves: one visible table of methods (services.c), and the lists of statements,
 * loaders and reactions that go with them (agents.c).
 *
 * How to add a method is told at the top of server/rpc/rpc.h; its scope is the permission that the caller
 * must hold. */
#ifndef SERVER_SERVICES_H
#define SERVER_SERVICES_H

#include "agents/orchestrator/orchestrator.h"
#include "agents/record/active.h"
#include "server/rpc/rpc.h"
#include "store/db.h"

C_BEGIN

/* The method table with max_processing_ms as the longest time of every unary call. NULL when the arena is
 * full. */
const struct rpc_method *services(unsigned max_processing_ms, struct arena *a, size_t *ret_n);

/* Every statement of every room, NULL-ended: the list given to db_open. */
extern const struct stmt_table *const all_statements[];

extern const struct active_loader active_loaders[ACTIVE_SLOTS];

/* What happens because something happened: for orchestrator_open. */
extern const struct reaction reactions[];

C_END
#endif
