/* jobs.h: work that no call asks for, on a thread of its own. A table: to add a job, add its row in jobs.c.
 */
#ifndef SERVER_JOBS_H
#define SERVER_JOBS_H

#include "agents/record/app.h"

C_BEGIN

struct jobs;

MUSTCHECK struct status jobs_start(struct app *app, struct jobs **ret);
void jobs_stop(struct jobs *); /* waits for a tick under way; NULL is allowed */

C_END
#endif
