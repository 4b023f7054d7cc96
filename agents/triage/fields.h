/* fields.h: a lead's fields by name. */
#ifndef AGENTS_TRIAGE_FIELDS_H
#define AGENTS_TRIAGE_FIELDS_H

#include "agents/record/leads.h"

#include <stdlib.h>

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

static inline int field_order(const void *a, const void *b)
{
    return str_cmp(((const struct field *)a)->name, ((const struct field *)b)->name);
}

static inline void fields_sort(struct field *fields, size_t n)
{
    qsort(fields, n, sizeof *fields, field_order);
}

C_END
#endif
