/* metrics_listener.h: GET /metrics as Prometheus text, on an address of its own. */
#ifndef SERVER_METRICS_LISTENER_H
#define SERVER_METRICS_LISTENER_H

#include "base/status.h"

C_BEGIN

struct metrics_listener;

/* address: host:port, loopback only. Fails: FIELD_INVALID where it is not, or not free. */
MUSTCHECK struct status metrics_listen(const char *address, struct arena *a, struct metrics_listener **ret);
void metrics_listener_stop(struct metrics_listener *); /* NULL is allowed */

C_END
#endif
