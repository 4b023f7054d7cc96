#include "agents/record/mask.h"

bool mask_has(const FieldMask *m, const char *field)
{
    if (!m || !m->n_paths)
        return true;
    for (size_t i = 0; i < m->n_paths; i++)
        if (strcmp(m->paths[i], field) == 0)
            return true;
    return false;
}

struct status mask_check(struct ctx *c, const FieldMask *m, const char *const *fields)
{
    for (size_t i = 0; m && i < m->n_paths; i++) {
        size_t k = 0;
        while (fields[k] && strcmp(fields[k], m->paths[i]))
            k++;
        if (!fields[k])
            return fail_field(c->arena, REASON_UPDATE_MASK_INVALID, "update_mask",
                              "%.160s is not a field that can be changed", m->paths[i]);
    }
    return ok();
}
