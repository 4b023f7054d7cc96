#include "agents/record/checks.h"

#include "base/ids.h"

void check_fail(struct checks *k, enum reason r, const char *parent, const char *field, const char *fmt, ...)
{
    if (k->n++ == CHECKS_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(k->a, fmt, ap);
    va_end(ap);
    char *path = arena_printf(k->a, "%s%s%s", parent, *parent ? "." : "", field);
    struct status s = fail_field(k->a, r, path ? path : field, "%s", text ? text : reason_meaning(r));
    if (k->s.code == CODE_OK)
        k->s = s;
    else if (k->last && s.violations)
        k->last->next = s.violations;
    if (s.violations)
        k->last = s.violations;
}

#define EVENT_ID_MAX 128

void check_length(struct checks *k, const char *parent, const char *field, const char *text, size_t max)
{
    if (strnlen(text, max + 1) > max)
        check_fail(k, REASON_FIELD_TOO_LONG, parent, field, "must be at most %zu bytes", max);
}

bool event_id_valid(const char *id)
{
    size_t n = strnlen(id, EVENT_ID_MAX + 1);
    for (size_t i = 0; i < n; i++)
        if (id[i] < 0x20 || id[i] > 0x7e)
            return false;
    return n >= 1 && n <= EVENT_ID_MAX;
}

void check_event_id(struct checks *k, const char *parent, const char *id)
{
    if (!event_id_valid(id))
        check_fail(k, *id ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, parent, "event_id",
                   "1 to %d printable ASCII characters", EVENT_ID_MAX);
}

struct status name_id(struct arena *a, const char *name, const char *collection, const char *field,
                      const char **ret)
{
    struct str s = str_of(name), start = str_of(collection);
    if (!s.n)
        return fail_field(a, REASON_FIELD_REQUIRED, field, "name the resource as %s{id}", collection);
    if (!str_starts(s, start) || !id_valid(str_make(s.p + start.n, s.n - start.n)))
        return fail_field(a, REASON_FIELD_INVALID, field, "must be %s{id}, the id being 1 to 63 of [a-z0-9-]",
                          collection);
    *ret = s.p + start.n;
    return ok();
}

struct status id_check(struct arena *a, const char *id, const char *field)
{
    return id_valid(str_of(id))
               ? ok()
               : fail_field(a, *id ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED, field, ID_RULE);
}
