/* task.h: work that no call asks for: it reads through a ctx and leaves its effects in the ctx's unit, like a
 * handler. */
#ifndef SERVER_TASK_H
#define SERVER_TASK_H

#include "agents/record/app.h"

C_BEGIN

/* Runs the work once, with memory from the arena, and commits what it left. For threads of our own, never for
 * one that serves calls. */
MUSTCHECK struct status task_run(struct app *app, const char *name, struct arena *a,
                                 struct status (*work)(struct ctx *c));

C_END
#endif
