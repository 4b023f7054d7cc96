/* filter.h: the filter language of all lists and routing rules: a subset of AIP-160.
 *
 *     source = "webinar" AND (attributes.age >= 30 OR job_title:director) -country = "US"
 *
 * - A restriction is FIELD OP VALUE, OP being = != < <= > >= or `:` (has).
 * - AND, OR and NOT are written in capitals. As AIP-160 has it OR binds tighter than AND, and two
 * restrictions without a word between them are joined by AND: `a=1 b=2 OR c=3` means `a=1 AND (b=2 OR c=3)`.
 * `-x` is NOT x. Parentheses group.
 * - A value is a word or a string in " or ', in which \\ \" \' \n \t are escapes. A name after a prefix field
 * may be a string too: attributes."last contact".
 * - `:` finds a piece of text without regard to ASCII case; on every other type it is `=`. `field:*` holds
 * where the field has a value.
 * - A field without a value fulfils `!=` and nothing else, so that NOT a = b and a != b are the same.
 * - A FILTER_LOOSE field (an attribute) is compared as a number where the value is an unquoted number; it
 * then fulfils nothing but != while it does not hold a number. With any other value it is compared as text,
 * in byte order.
 *
 * A compiled filter is read-only: any number of threads may match with it at once, and matching takes no
 * memory. */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include "base/pb.h"
#include "base/status.h"

C_BEGIN

#define FILTER_BYTES_MAX 1024
#define FILTER_DEPTH_MAX 16 /* of parentheses within each other */

enum filter_type { FILTER_TEXT, FILTER_LOOSE, FILTER_NUMBER, FILTER_BOOL, FILTER_TIME, FILTER_ENUM };

/* One field that filters may name. */
struct filter_field {
    const char *name; /* "triage.fit_score"; one that ends with '.' ("attributes.") stands for all names that
                         go on from there */
    enum filter_type type;
    int tag; /* the caller's own, for its lookup */
    const ProtobufCEnumDescriptor
        *values;        /* FILTER_ENUM: values are named with or without the prefix below */
    const char *prefix; /* "LEAD_CATEGORY_" */
};

struct filter_schema {
    const struct filter_field *fields; /* must outlive the filters compiled with it */
    size_t n;
};

/* What a field holds. Only the member of the field's type is read: text (TEXT, LOOSE), number (NUMBER),
 * integer (BOOL 0 or 1, TIME microseconds, ENUM number). All zero: no value. */
struct filter_value {
    bool present;
    struct str text;
    double number;
    int64_t integer;
};

static inline struct filter_value filter_none(void)
{
    struct filter_value v;
    memset(&v, 0, sizeof v);
    return v;
}
/* An empty text counts as no value. */
static inline struct filter_value filter_text(struct str s)
{
    struct filter_value v = filter_none();
    v.present = s.n > 0;
    v.text = s;
    return v;
}
static inline struct filter_value filter_number(double d)
{
    struct filter_value v = filter_none();
    v.present = true;
    v.number = d;
    return v;
}
static inline struct filter_value filter_integer(int64_t i)
{
    struct filter_value v = filter_none();
    v.present = true;
    v.integer = i;
    return v;
}

/* Expected to return what the field holds in the thing being matched. `rest` is what followed a prefix
 * field's name, else empty. */
typedef struct filter_value (*filter_lookup_fn)(void *arg, const struct filter_field *field, struct str rest);

struct filter;

/* Compiles the text into the arena; `field` is its path in the request, for the error. Text that is empty or
 * blank gives a filter that everything matches. Fails: FILTER_INVALID, saying what was expected at which byte
 * (counted from 1). */
MUSTCHECK struct status filter_parse(struct arena *a, const char *field, struct str text,
                                     const struct filter_schema *schema, const struct filter **ret);

bool filter_match(const struct filter *f, filter_lookup_fn lookup, void *arg);

/* True where everything matches: the caller need not look. */
bool filter_is_empty(const struct filter *f);

C_END
#endif
