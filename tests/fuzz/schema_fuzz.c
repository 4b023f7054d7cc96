/* The schema parser: any bytes give a schema within its limits or SCHEMA_INVALID. */
#include "ml/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct arena a;
    struct schema s;
    arena_init(&a, 8 * 1024 * 1024);
    struct status st = schema_parse(str_make((const char *)data, n), &a, &s);
    if (is_ok(st)) {
        ASSERT(s.n >= 1 && s.n <= MODEL_COLUMNS_MAX);
        for (size_t i = 0; i < s.n; i++)
            ASSERT(s.columns[i].kind >= COLUMN_NUMERIC && s.columns[i].kind <= COLUMN_TEXT &&
                   s.columns[i].name.p);
    } else {
        ASSERT(st.reason == REASON_SCHEMA_INVALID || st.reason == REASON_REQUEST_TOO_LARGE);
    }
    arena_done(&a);
    return 0;
}
