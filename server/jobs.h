/* jobs.h: work that no call asks for, on threads of its own. To add a job, add its row in jobs.c. */
#ifndef SERVER_JOBS_H
#define SERVER_JOBS_H

#include "agents/record/app.h"

C_BEGIN

struct jobs;

MUSTCHECK struct status jobs_start(struct app *app, struct jobs **ret);
/* Waits for ticks under way, and writes down what waits in memory. NULL is allowed. */
void jobs_stop(struct jobs *);

C_END
#endif
