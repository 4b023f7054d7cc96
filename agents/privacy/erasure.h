/* erasure.h: what the files of this room share. Private. */
#ifndef AGENTS_PRIVACY_ERASURE_H
#define AGENTS_PRIVACY_ERASURE_H

#include "agents/record/app.h"

C_BEGIN

#define ERASURES "erasures/"

/* Adds n to what was erased in this store (a text that lasts); a store of which nothing was erased is listed
 * too. */
MUSTCHECK struct status erasure_count(struct ctx *c, Erasure *e, const char *store, int64_t n);

C_END
#endif
