/* stored.h: between the files that keep templates and render them. */
#ifndef AGENTS_ENGAGE_TEMPLATE_STORED_H
#define AGENTS_ENGAGE_TEMPLATE_STORED_H

#include "agents/engage/template/form.h"
#include "agents/record/app.h"

C_BEGIN

#define TEMPLATES "templates/"

/* A stored version. Fails: TEMPLATE_NOT_FOUND. */
MUSTCHECK struct status template_stored(struct ctx *c, const char *id, int64_t version, Template **ret);

/* The version that a request means: the one that it names; for 0 the one in service, else the newest. Fails:
 * FIELD_OUT_OF_RANGE. */
MUSTCHECK struct status template_chosen(struct ctx *c, const char *id, int64_t asked, int64_t *ret);

/* Holds a form until the ctx's arena is reset; takes the caller's reference. */
MUSTCHECK struct status form_hold(struct ctx *c, struct form *f, const struct form **ret);

/* A stored version compiled, held until the ctx's arena is reset. Fails: TEMPLATE_NOT_FOUND. */
MUSTCHECK struct status form_get(struct ctx *c, const char *id, int64_t version, const struct form **ret);

C_END
#endif
