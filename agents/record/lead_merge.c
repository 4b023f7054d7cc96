#include "agents/record/lead_text.h"
#include "agents/record/leads_private.h"
#include "agents/record/times.h"

#include <math.h>

static bool is_set(const char *text)
{
    return *text != 0;
}

/* ---- Laying one lead over another ---- */

/* Both sorted; of one name `over`'s wins. The entries are shared. Leaves `to` as it is where it fails. */
static struct status merge_attributes(struct ctx *c, Lead *to, const Lead *under, const Lead *over)
{
    Lead__AttributesEntry *const *a = under->attributes, *const *b = over->attributes;
    size_t na = under->n_attributes, nb = over->n_attributes, i = 0, k = 0, n = 0;
    Lead__AttributesEntry **all = ARENA_ARRAY(c->arena, na + nb, Lead__AttributesEntry *);
    if (!all)
        return fail_memory();
    while (i < na || k < nb) {
        int order = i == na ? 1 : k == nb ? -1 : strcmp(a[i]->key, b[k]->key);
        all[n++] = order < 0 ? a[i] : b[k];
        i += order <= 0;
        k += order >= 0;
    }
    if (n > LEAD_ATTRIBUTES_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, "attributes",
                          "the lead would have %zu of at most %d", n, LEAD_ATTRIBUTES_MAX);
    to->attributes = all;
    to->n_attributes = n;
    return ok();
}

struct status lead_overlay_except(struct ctx *c, Lead *lead, const Lead *from, unsigned except)
{
    if (from->n_attributes)
        TRY(merge_attributes(c, lead, lead, from));
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        if (is_set(lead_text(from, i)) && !(i < LEAD_IDENTITIES && except & 1u << i))
            *lead_text_at(lead, i) = (char *)lead_text(from, i);
    return ok();
}

struct status lead_overlay(struct ctx *c, Lead *lead, const Lead *from)
{
    return lead_overlay_except(c, lead, from, 0);
}

struct status lead_fill(struct ctx *c, Lead *lead, const Lead *from)
{
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        if (!is_set(lead_text(lead, i)))
            *lead_text_at(lead, i) = (char *)lead_text(from, i);
    return from->n_attributes ? merge_attributes(c, lead, from, lead) : ok();
}

static bool same_attributes(const Lead *a, const Lead *b)
{
    if (a->n_attributes != b->n_attributes)
        return false;
    for (size_t i = 0; i < a->n_attributes; i++) {
        const Lead__AttributesEntry *x = a->attributes[i], *y = b->attributes[i];
        if (x != y && (strcmp(x->key, y->key) || strcmp(x->value, y->value)))
            return false;
    }
    return true;
}

bool lead_changed(const struct lead_row *row)
{
    const Lead *a = row->lead, *b = row->before;
    if (!b || a->triage != b->triage || a->engagement != b->engagement)
        return true;
    for (size_t i = 0; i < LEAD_TEXTS; i++)
        if (strcmp(lead_text(a, i), lead_text(b, i)))
            return true;
    return !same_attributes(a, b);
}

/* ---- Fields ---- */

static struct str email_domain(const Lead *l)
{
    const char *at = strrchr(l->email, '@');
    return str_of(at ? at + 1 : "");
}

/* The lead's own fields, sorted by name; those without a value are left out. */
static size_t own_fields(const Lead *l, struct field *to)
{
    const struct field all[] = {
        { STR("company"), str_of(l->company) },
        { STR("country"), str_of(l->country) },
        { STR("email_domain"), email_domain(l) },
        { STR("has_phone"), is_set(l->phone) ? STR("true") : STR("false") },
        { STR("job_title"), str_of(l->job_title) },
        { STR("source"), str_of(l->source) },
        { STR("time_zone"), str_of(l->time_zone) },
    };
    size_t n = 0;
    for (size_t i = 0; i < COUNT(all); i++)
        if (all[i].text.n)
            to[n++] = all[i];
    return n;
}

#define OWN_FIELDS_MAX 8

struct status lead_fields(struct ctx *c, const Lead *lead, const struct field **ret, size_t *ret_n)
{
    struct field own[OWN_FIELDS_MAX],
        *all = arena_raw(c->arena, (OWN_FIELDS_MAX + lead->n_attributes) * sizeof *all);
    size_t n_own = own_fields(lead, own), i = 0, k = 0, n = 0;
    if (!all)
        return fail_memory();
    while (i < n_own || k < lead->n_attributes) {
        const Lead__AttributesEntry *e = k < lead->n_attributes ? lead->attributes[k] : NULL;
        int order = !e ? -1 : i == n_own ? 1 : str_cmp(own[i].name, str_of(e->key));
        if (order <= 0) {
            all[n++] = own[i];
        } else {
            all[n].name = str_of(e->key);
            all[n++].text = str_of(e->value);
        }
        i += order <= 0;
        k += order >= 0;
    }
    *ret = all;
    *ret_n = n;
    return ok();
}

/* ---- Engagement ---- */

struct status lead_engage(struct ctx *c, Lead *lead, int64_t event_us, double weight, double half_life_us)
{
    const EngagementState *before = lead->engagement;
    EngagementState *after = PB_NEW(c->arena, EngagementState);
    if (!after)
        return fail_memory();
    int64_t as_of = before ? time_us(before->as_of_time) : event_us, newest = MAX(as_of, event_us);
    double decayed = before ? before->value * exp2(-(double)(newest - as_of) / half_life_us) : 0;
    after->value = decayed + weight * exp2(-(double)(newest - event_us) / half_life_us);
    after->event_count = (before ? before->event_count : 0) + 1;
    after->as_of_time = time_message(c->arena, newest);
    lead->engagement = after;
    return after->as_of_time ? ok() : fail_memory();
}
