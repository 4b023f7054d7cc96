/* Any bytes as a filter: refused with FILTER_INVALID, or compiled to something that matches in bounded time
 * and memory. */
#include "base/filter.h"
#include "proto/names.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct filter_field fields[] = {
    { "text", FILTER_TEXT, 0, NULL, NULL },
    { "number", FILTER_NUMBER, 1, NULL, NULL },
    { "flag", FILTER_BOOL, 2, NULL, NULL },
    { "time", FILTER_TIME, 3, NULL, NULL },
    { "enum", FILTER_ENUM, 4, &LeadCategory_descriptor, "LEAD_CATEGORY_" },
    { "loose.", FILTER_LOOSE, 5, NULL, NULL },
};
static const struct filter_schema schema = { fields, COUNT(fields) };

/* Half of the fields hold something; loose fields hold their own name. */
static struct filter_value look(void *arg, const struct filter_field *field, struct str rest)
{
    unsigned *seed = arg;
    *seed = *seed * 1103515245u + 12345u;
    if (*seed & 0x10000)
        return filter_none();
    struct filter_value v = filter_integer((int64_t)(*seed >> 17) % 4);
    v.number = (double)v.integer;
    v.text = field->type == FILTER_LOOSE ? rest : str_of("some text");
    return v;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    const struct filter *f = NULL;
    unsigned seed = (unsigned)size;
    arena_init(&a, 1 << 20);
    struct status s = filter_parse(&a, "filter", str_make((const char *)data, size), &schema, &f);
    if (s.code == CODE_OK)
        for (int i = 0; i < 4; i++)
            (void)filter_match(f, look, &seed);
    else if (s.reason != REASON_FILTER_INVALID || !s.violations)
        abort();
    arena_done(&a);
    return 0;
}
