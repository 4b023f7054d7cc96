/* stored.h: templates as they are stored. */
#ifndef AGENTS_ENGAGE_STORED_H
#define AGENTS_ENGAGE_STORED_H

#include "agents/record/app.h"

C_BEGIN

#define TEMPLATES "templates/"

/* A stored version. Fails: TEMPLATE_NOT_FOUND. */
MUSTCHECK struct status template_stored(struct ctx *c, const char *id, int64_t version, Template **ret);

/* The version in service; 0 where none is. */
MUSTCHECK struct status template_serving(struct ctx *c, const char *id, int64_t *ret);

C_END
#endif
