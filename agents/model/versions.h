/* versions.h: between the files of agents/model: versions as stored, and the one in service. */
#ifndef AGENTS_MODEL_VERSIONS_H
#define AGENTS_MODEL_VERSIONS_H

#include "agents/record/app.h"

C_BEGIN

struct version_name {
    const char *model, *version;
};

/* Fails: FIELD_REQUIRED, FIELD_INVALID. */
MUSTCHECK struct status version_name_read(struct ctx *c, const char *name, const char *field,
                                          struct version_name *ret);

/* As stored, with its state. Fails: MODEL_NOT_FOUND. */
MUSTCHECK struct status version_get(struct ctx *c, const struct version_name *name, ModelVersion **ret);

/* Adds to the unit that the version is in service from now on, and sets its state. Checks the gates against
 * the one that was, unless forced. Fails: MODEL_GATE_FAILED, and as scoring_model where its file cannot be
 * loaded. */
MUSTCHECK struct status version_promote(struct ctx *c, const struct version_name *name, ModelVersion *m,
                                        bool force);

C_END
#endif
