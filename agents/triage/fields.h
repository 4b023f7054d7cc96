/* fields.h: finding one of a lead's fields. */
#ifndef AGENTS_TRIAGE_FIELDS_H
#define AGENTS_TRIAGE_FIELDS_H

#include "agents/record/leads.h"

C_BEGIN

/* The field's text in fields sorted by name (as lead_fields gives them), empty where there is none. */
static inline struct str field_text(const struct field *fields, size_t n, struct str name)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = str_cmp(fields[middle].name, name);
        if (order == 0)
            return fields[middle].text;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return str_make("", 0);
}

C_END
#endif
