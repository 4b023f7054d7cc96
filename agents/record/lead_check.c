#include "agents/record/checks.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads.h"

#include "base/country.h"
#include "base/ids.h"

#define ATTRIBUTE_NAME_MAX 128
#define ATTRIBUTE_VALUE_MAX 4096
#define PHONE_DIGITS_MIN 5
#define PHONE_DIGITS_MAX 20

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Something before an @, something after it, nothing invisible. What mail servers make of it is theirs to
 * say. */
static bool email_shaped(struct str s)
{
    const char *at = s.n ? memrchr(s.p, '@', s.n) : NULL;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
            return false;
    return at && at > s.p && at < s.p + s.n - 1;
}

/* The texts are the request's own, except the shared empty one, which no branch writes to. */
static void check_email(struct checks *k, Lead *l, const char *parent)
{
    struct str s = str_trim(str_of(l->email));
    char *p = (char *)s.p;
    if (!*l->email)
        return;
    if (p + s.n != l->email + strlen(l->email))
        p[s.n] = 0;
    l->email = p;
    if (s.n > lead_texts[LEAD_EMAIL].max)
        check_fail(k, REASON_FIELD_TOO_LONG, parent, "email", "at most 254 bytes");
    else if (s.n && !email_shaped(s))
        check_fail(k, REASON_FIELD_INVALID, parent, "email", "not an email address");
    for (size_t i = 0; i < s.n; i++)
        p[i] = ascii_lower(p[i]);
}

static void check_phone(struct checks *k, Lead *l, const char *parent)
{
    struct str s = str_trim(str_of(l->phone));
    size_t n = 0, digits = 0;
    bool good = true;
    if (!*l->phone)
        return;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        digits += is_digit(c);
        if (is_digit(c) || (c == '+' && n == 0))
            l->phone[n++] = c;
        else
            good &= strchr(" -./()", c) && c;
    }
    l->phone[n] = 0;
    if (s.n && (!good || digits < PHONE_DIGITS_MIN || digits > PHONE_DIGITS_MAX))
        check_fail(k, REASON_FIELD_INVALID, parent, "phone",
                   "5 to 20 digits, with a leading + if any; spaces and -./() may stand between");
}

static void check_texts(struct checks *k, const Lead *l, const char *parent)
{
    for (size_t i = LEAD_EXTERNAL_ID; i < LEAD_TEXTS; i++)
        if (strnlen(lead_text(l, i), lead_texts[i].max + 1) > lead_texts[i].max)
            check_fail(k, REASON_FIELD_TOO_LONG, parent, lead_texts[i].name, "at most %zu bytes",
                       lead_texts[i].max);
}

static void check_country(struct checks *k, Lead *l, const char *parent)
{
    size_t n = strlen(l->country);
    if (n == 0 || n > lead_texts[LEAD_COUNTRY].max)
        return;
    for (char *p = l->country; n == 2 && *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 32);
    if (!country_known(str_of(l->country)))
        check_fail(k, REASON_FIELD_INVALID, parent, "country",
                   "must be an ISO 3166-1 alpha-2 code, as AT is");
}

static void check_attribute(struct checks *k, const Lead__AttributesEntry *e, const char *parent)
{
    if (!*e->key)
        check_fail(k, REASON_FIELD_INVALID, parent, "attributes", "an attribute without a name");
    else if (strnlen(e->key, ATTRIBUTE_NAME_MAX + 1) > ATTRIBUTE_NAME_MAX)
        check_fail(k, REASON_FIELD_TOO_LONG, parent, "attributes", "names have at most 128 bytes: %.40s...",
                   e->key);
    else if (strnlen(e->value, ATTRIBUTE_VALUE_MAX + 1) > ATTRIBUTE_VALUE_MAX)
        check_fail(k, REASON_FIELD_TOO_LONG, parent, "attributes", "values have at most 4,096 bytes: %s",
                   e->key);
}

/* Where an attribute of that name belongs in the first n, behind its equals. */
static size_t attribute_place(Lead__AttributesEntry *const *sorted, size_t n, const char *key)
{
    size_t low = 0;
    while (low < n) {
        size_t middle = (low + n) / 2;
        if (strcmp(sorted[middle]->key, key) <= 0)
            low = middle + 1;
        else
            n = middle;
    }
    return low;
}

/* Sorted by name, the last of equal ones kept, then without those that are empty. */
static void sort_attributes(Lead *l)
{
    Lead__AttributesEntry **a = l->attributes;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < l->n_attributes; i++) {
        Lead__AttributesEntry *e = a[i];
        size_t at = n && strcmp(a[n - 1]->key, e->key) > 0 ? attribute_place(a, n, e->key) : n;
        if (at && strcmp(a[at - 1]->key, e->key) == 0) {
            a[at - 1] = e;
            continue;
        }
        memmove(a + at + 1, a + at, (n - at) * sizeof *a);
        a[at] = e;
        n++;
    }
    for (size_t i = 0; i < n; i++)
        if (*a[i]->value)
            a[kept++] = a[i];
    l->n_attributes = kept;
}

static void check_attributes(struct checks *k, Lead *l, const char *parent)
{
    if (l->n_attributes > LEAD_ATTRIBUTES_MAX) {
        check_fail(k, REASON_FIELD_TOO_LONG, parent, "attributes", "at most 512");
        return;
    }
    for (size_t i = 0; i < l->n_attributes; i++)
        check_attribute(k, l->attributes[i], parent);
    sort_attributes(l);
}

struct status lead_check(struct ctx *c, Lead *given, const char *field)
{
    struct checks k = checks_start(c->arena);
    struct str name = str_of(given->name), start = STR("leads/");
    if (name.n && (!str_starts(name, start) || !id_valid(str_make(name.p + start.n, name.n - start.n))))
        check_fail(&k, REASON_FIELD_INVALID, field, "name",
                   "must be leads/{id}, the id being 1 to 63 of [a-z0-9-]");
    check_email(&k, given, field);
    check_phone(&k, given, field);
    check_texts(&k, given, field);
    check_country(&k, given, field);
    check_attributes(&k, given, field);
    return k.s;
}
