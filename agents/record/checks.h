/* checks.h: the checking of what a caller sent: names of resources, and several faults of one request
 * gathered into one answer. */
#ifndef AGENTS_RECORD_CHECKS_H
#define AGENTS_RECORD_CHECKS_H

#include "base/ctx.h"

C_BEGIN

#define CHECKS_MAX 64 /* violations told at once; more are not listed */

struct checks {
    struct arena *a;
    struct status
        s; /* ok until something was wrong; carries the first fault's reason and a violation for each */
    struct violation *last;
    unsigned n;
};

static inline struct checks checks_start(struct arena *a)
{
    struct checks k;
    memset(&k, 0, sizeof k);
    k.a = a;
    return k;
}

/* Notes a fault of `parent.field` (of `field` where parent is ""). */
void check_fail(struct checks *k, enum reason r, const char *parent, const char *field, const char *fmt, ...)
    PRINTF(5, 6);

/* Notes a text of more than max bytes. */
void check_length(struct checks *k, const char *parent, const char *field, const char *text, size_t max);

/* What callers call an event: 1 to 128 printable ASCII characters. The check notes a fault of
 * `parent.event_id`. */
bool event_id_valid(const char *id);
void check_event_id(struct checks *k, const char *parent, const char *id);

/* The part of `name` after `collection` ("leads/"), which must be an id. `field` names the request's field.
 * Fails: FIELD_REQUIRED, FIELD_INVALID. */
MUSTCHECK struct status name_id(struct arena *a, const char *name, const char *collection, const char *field,
                                const char **ret);

/* The id that a caller chose for something new. Fails: FIELD_REQUIRED, FIELD_INVALID. */
MUSTCHECK struct status id_check(struct arena *a, const char *id, const char *field);

C_END
#endif
