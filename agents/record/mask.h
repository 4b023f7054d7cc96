/* mask.h: which fields an update concerns. */
#ifndef AGENTS_RECORD_MASK_H
#define AGENTS_RECORD_MASK_H

#include "base/ctx.h"
#include "proto/names.h"

C_BEGIN

/* Whether an update concerns the field: an empty mask means all. */
bool mask_has(const FieldMask *m, const char *field);
/* Fails with UPDATE_MASK_INVALID where the mask names another field than these, which are NULL-ended. */
MUSTCHECK struct status mask_check(struct ctx *c, const FieldMask *m, const char *const *fields);

C_END
#endif
