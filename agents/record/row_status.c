#include "agents/record/row_status.h"

static FieldViolation *field_violation(struct arena *a, const struct violation *from)
{
    FieldViolation *v = PB_NEW(a, FieldViolation);
    if (!v)
        return NULL;
    v->field = (char *)from->field;
    v->description = (char *)from->description;
    return v;
}

RowStatus *row_status(struct arena *a, struct status s)
{
    RowStatus *r = PB_NEW(a, RowStatus);
    size_t n = 0;
    if (!r || is_ok(s))
        return r;
    for (const struct violation *v = s.violations; v; v = v->next)
        n++;
    r->code = s.code;
    r->reason = (char *)reason_name((enum reason)s.reason);
    r->message = (char *)s.message;
    r->violations = ARENA_ARRAY(a, n + 1, FieldViolation *);
    if (!r->violations)
        return NULL;
    for (const struct violation *v = s.violations; v; v = v->next)
        if (!(r->violations[r->n_violations++] = field_violation(a, v)))
            return NULL;
    return r;
}

struct status row_outcome(struct arena *a, struct status s, RowStatus **ret)
{
    if (!is_ok(s) && !row_is_at_fault(s))
        return s;
    *ret = row_status(a, s);
    return *ret ? ok() : fail_memory();
}
