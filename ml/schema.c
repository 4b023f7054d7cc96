#include "ml/schema.h"

#include <jansson.h>

static const struct {
    const char *text;
    int kind; /* enum column_kind; 0: not a feature */
} kinds[] = {
    { "numeric", COLUMN_NUMERIC },
    { "categorical", COLUMN_CATEGORICAL },
    { "date", COLUMN_DATE },
    { "text", COLUMN_TEXT },
    { "ignore", 0 },
};

static void json_drop(json_t **j)
{
    json_decref(*j);
}

static struct str dup(struct arena *a, const char *text)
{
    const char *copy = arena_dup(a, str_of(text));
    return str_of(copy);
}

static struct status kind_of(struct arena *a, const char *name, const json_t *value, int *ret)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && i < COUNT(kinds); i++) {
        if (strcmp(kinds[i].text, text) == 0) {
            *ret = kinds[i].kind;
            return ok();
        }
    }
    return fail(
        a, REASON_SCHEMA_INVALID,
        "columns.%.80s: the kind must be \"numeric\", \"categorical\", \"date\", \"text\" or \"ignore\"",
        name);
}

static struct status name_of(struct arena *a, const json_t *root, const char *member, struct str *ret)
{
    const json_t *v = json_object_get(root, member);
    if (!v || json_is_null(v)) {
        *ret = str_make("", 0);
        return ok();
    }
    if (!json_is_string(v))
        return fail(a, REASON_SCHEMA_INVALID, "%s: must be a string", member);
    *ret = dup(a, json_string_value(v));
    return ok();
}

static struct status columns_of(struct arena *a, json_t *columns, struct schema *s)
{
    const char *name;
    json_t *value;
    if (!json_is_object(columns))
        return fail(a, REASON_SCHEMA_INVALID, "columns: must be an object of name: kind");
    if (json_object_size(columns) > MODEL_COLUMNS_MAX)
        return fail(a, REASON_SCHEMA_INVALID, "columns: more than %u", MODEL_COLUMNS_MAX);
    s->columns = ARENA_ARRAY(a, json_object_size(columns) + 1, struct schema_column);
    if (!s->columns)
        return fail_memory();
    json_object_foreach(columns, name, value)
    {
        int kind = 0;
        TRY(kind_of(a, name, value, &kind));
        struct str n = str_of(name);
        if (kind == 0 || str_eq(n, s->id) || str_eq(n, s->target))
            continue;
        s->columns[s->n].name = dup(a, name);
        s->columns[s->n++].kind = (enum column_kind)kind;
    }
    if (s->n == 0)
        return fail(a, REASON_SCHEMA_INVALID, "columns: names no feature");
    return ok();
}

struct status schema_parse(struct str json, struct arena *a, struct schema *ret)
{
    struct schema s = { { "", 0 }, { "", 0 }, NULL, 0 };
    json_error_t e;
    if (json.n > SCHEMA_BYTES_MAX)
        return fail(a, REASON_SCHEMA_INVALID, "the schema is longer than 1 MiB");
    CLEANUP(json_drop) json_t *root = json_loadb(json.p, json.n, JSON_REJECT_DUPLICATES, &e);
    if (!root)
        return fail(a, REASON_SCHEMA_INVALID, "line %d, column %d: %s", e.line, e.column, e.text);
    if (!json_is_object(root))
        return fail(a, REASON_SCHEMA_INVALID, "must be an object");
    TRY(name_of(a, root, "id", &s.id));
    TRY(name_of(a, root, "target", &s.target));
    TRY(columns_of(a, json_object_get(root, "columns"), &s));
    if (a->overflow)
        return fail_memory();
    *ret = s;
    return ok();
}
