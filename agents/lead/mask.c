#include "agents/lead/common.h"
#include "agents/record/lead_text.h"
#include "base/pb.h"

static const struct str attribute_prefix = { "attributes.", 11 };

static struct status bad_path(struct ctx *c, const char *path)
{
    return fail_field(c->arena, REASON_UPDATE_MASK_INVALID, "update_mask",
                      "%.160s is not a field that can be changed", path);
}

/* The lead's attributes without `name`, or with another value for it. The list is made anew: the old one is
 * shared. */
static struct status set_attribute(struct ctx *c, Lead *lead, struct str name, const char *value)
{
    Lead__AttributesEntry **all = ARENA_ARRAY(c->arena, lead->n_attributes + 1, Lead__AttributesEntry *),
                          *e = NULL;
    size_t n = 0, i = 0;
    if (value && (e = PB_NEW(c->arena, Lead__AttributesEntry))) {
        e->key = pb_str(c->arena, name);
        e->value = (char *)value;
    }
    if (!all || (value && (!e || !e->key)))
        return fail_memory();
    for (; i < lead->n_attributes && str_cmp(str_of(lead->attributes[i]->key), name) < 0; i++)
        all[n++] = lead->attributes[i];
    if (e)
        all[n++] = e;
    i += i < lead->n_attributes && str_eq(str_of(lead->attributes[i]->key), name);
    for (; i < lead->n_attributes; i++)
        all[n++] = lead->attributes[i];
    lead->attributes = all;
    lead->n_attributes = n;
    return ok();
}

static void replace_all(Lead *lead, const Lead *given)
{
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        *lead_text_at(lead, i) = (char *)lead_text(given, i);
    lead->attributes = given->attributes;
    lead->n_attributes = given->n_attributes;
}

static struct status apply_path(struct ctx *c, Lead *lead, const Lead *given, const char *path)
{
    struct str name = str_of(path);
    size_t i = lead_text_find(name);
    if (i < LEAD_TEXTS) {
        *lead_text_at(lead, i) = (char *)lead_text(given, i);
    } else if (str_eq(name, STR("attributes"))) {
        lead->attributes = given->attributes;
        lead->n_attributes = given->n_attributes;
    } else if (str_starts(name, attribute_prefix) && name.n > attribute_prefix.n) {
        struct str attribute = str_make(name.p + attribute_prefix.n, name.n - attribute_prefix.n);
        return set_attribute(c, lead, attribute, lead_attribute(given, attribute));
    } else if (str_eq(name, STR("*"))) {
        replace_all(lead, given);
    } else {
        return bad_path(c, path);
    }
    return ok();
}

struct status lead_mask_apply(struct ctx *c, Lead *lead, const Lead *given, const FieldMask *mask)
{
    if (!mask || mask->n_paths == 0)
        return lead_overlay(c, lead, given);
    for (size_t i = 0; i < mask->n_paths; i++)
        TRY(apply_path(c, lead, given, mask->paths[i]));
    if (lead->n_attributes > LEAD_ATTRIBUTES_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "lead.attributes",
                          "the lead would have more than %d", LEAD_ATTRIBUTES_MAX);
    return ok();
}
