/* task.h: work that no call asks for: it reads through a ctx and leaves its effects in the ctx's unit, like a
 * handler. */
#ifndef AGENTS_RECORD_TASK_H
#define AGENTS_RECORD_TASK_H

#include "agents/record/app.h"

C_BEGIN

/* The ctx of such work within one workspace, for those who commit several units together: memory from the
 * arena, effects into the unit, which is emptied. Both, and the texts, are the caller's. */
void task_ctx(struct ctx *c, struct app *app, const char *name, const char *workspace, struct arena *a,
              struct unit *unit);

/* Runs the work once, with memory from the arena, and commits what it left. For threads of our own, never for
 * one that serves calls. */
MUSTCHECK struct status task_run(struct app *app, const char *name, struct arena *a,
                                 struct status (*work)(struct ctx *c));

/* The same within one workspace, with an argument for the work. */
MUSTCHECK struct status task_run_in(struct app *app, const char *name, const char *workspace, struct arena *a,
                                    struct status (*work)(struct ctx *c, void *arg), void *arg);

C_END
#endif
