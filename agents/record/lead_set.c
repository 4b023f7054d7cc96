#include "agents/record/lead_set.h"

#include "agents/record/checks.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads_private.h"
#include "agents/record/leads_sql.h"
#include "base/ids.h"

#define BY_ID LEAD_IDENTITIES /* a key's kind; the others are the identities' */
#define ROWS_A_BLOCK 64

/* What is known of an identity or id. */
struct key {
    const char *text;     /* NULL: a free place in the table */
    struct lead_row *row; /* NULL: belongs to no lead */
    uint32_t kind, hash;
};

struct block {
    struct block *next;
    size_t n;
    struct lead_row rows[ROWS_A_BLOCK];
};

struct lead_set {
    struct ctx *c;
    struct key *keys;
    size_t n, cap; /* cap: a power of two */
    struct block *first, *last;
    enum lead_effect effect; /* of the last call */
    const struct lead_set *earlier;
};

/* ---- The table ---- */

struct lead_set *lead_set_new(struct ctx *c, size_t leads)
{
    struct lead_set *s = ARENA_NEW(c->arena, struct lead_set);
    if (!s)
        return NULL;
    s->c = c;
    for (s->cap = 64; s->cap < leads * 4; s->cap *= 2)
        ;
    s->keys = ARENA_ARRAY(c->arena, s->cap, struct key);
    s->first = s->last = ARENA_NEW(c->arena, struct block);
    return s->keys && s->first ? s : NULL;
}

/* The key's place, or the free one where it belongs. */
static struct key *place(const struct lead_set *s, uint32_t kind, const char *text, uint32_t hash)
{
    size_t at = hash & (s->cap - 1);
    while (s->keys[at].text &&
           (s->keys[at].hash != hash || s->keys[at].kind != kind || strcmp(s->keys[at].text, text)))
        at = (at + 1) & (s->cap - 1);
    return &s->keys[at];
}

static uint32_t hash_of(uint32_t kind, const char *text)
{
    return (uint32_t)hash64(str_of(text), kind);
}

/* NULL where nothing is known. */
static const struct key *find(const struct lead_set *s, uint32_t kind, const char *text)
{
    const struct key *k = place(s, kind, text, hash_of(kind, text));
    return k->text ? k : NULL;
}

static struct status grow(struct lead_set *s)
{
    struct key *old = s->keys;
    size_t n = s->cap;
    s->keys = ARENA_ARRAY(s->c->arena, n * 2, struct key);
    if (!s->keys) {
        s->keys = old;
        return fail_memory();
    }
    s->cap = n * 2;
    for (size_t i = 0; i < n; i++)
        if (old[i].text)
            *place(s, old[i].kind, old[i].text, old[i].hash) = old[i];
    return ok();
}

static struct status learn(struct lead_set *s, uint32_t kind, const char *text, struct lead_row *row)
{
    if (s->n * 2 >= s->cap)
        TRY(grow(s));
    uint32_t hash = hash_of(kind, text);
    struct key *k = place(s, kind, text, hash);
    s->n += k->text == NULL;
    k->text = text;
    k->row = row;
    k->kind = kind;
    k->hash = hash;
    return ok();
}

static struct status add_row(struct lead_set *s, const struct lead_row *row, struct lead_row **ret)
{
    if (s->last->n == ROWS_A_BLOCK) {
        struct block *b = ARENA_NEW(s->c->arena, struct block);
        if (!b)
            return fail_memory();
        s->last = s->last->next = b;
    }
    *ret = &s->last->rows[s->last->n++];
    **ret = *row;
    return ok();
}

/* ---- Reading ---- */

void lead_set_follow(struct lead_set *s, const struct lead_set *earlier)
{
    s->earlier = earlier;
}

/* Before the store is asked. */
static struct status check_earlier(struct lead_set *s, uint32_t kind, const char *text)
{
    if (!s->earlier || !find(s->earlier, kind, text))
        return ok();
    s->c->too_early = true;
    return fail(NULL, REASON_CONFLICT, "the lead is on its way into the store");
}

/* The row of a stored lead, its own identities learnt. */
static struct status keep_stored(struct lead_set *s, const struct lead_row *stored, struct lead_row **ret)
{
    const struct key *k = find(s, BY_ID, stored->id);
    if (k && k->row) {
        *ret = k->row;
        return ok();
    }
    TRY(check_earlier(s, BY_ID, stored->id));
    TRY(add_row(s, stored, ret));
    TRY(learn(s, BY_ID, stored->id, *ret));
    for (uint32_t i = 0; i < LEAD_IDENTITIES; i++) {
        const char *text = lead_text(stored->before, i);
        if (*text && !find(s, i, text))
            TRY(learn(s, i, text, *ret));
    }
    return ok();
}

static struct status row_by_id(struct lead_set *s, const char *id, struct lead_row **ret)
{
    const struct key *k = find(s, BY_ID, id);
    struct lead_row stored;
    if (k && !k->row)
        return fail(s->c->arena, REASON_LEAD_NOT_FOUND, "leads/%s does not exist", id);
    if (k) {
        *ret = k->row;
        return ok();
    }
    TRY(check_earlier(s, BY_ID, id));
    TRY(lead_by_id(s->c, id, &stored));
    TRY(keep_stored(s, &stored, ret));
    return strcmp(id, stored.id) ? learn(s, BY_ID, id, *ret) : ok(); /* an alias */
}

struct status lead_set_load(struct lead_set *s, const char *name, const char *field, struct lead_row **ret)
{
    const char *id;
    TRY(name_id(s->c->arena, name, "leads/", field, &id));
    return row_by_id(s, id, ret);
}

/* Learns to whom the identities in `mask` belong. */
static struct status ask_owners(struct lead_set *s, const Lead *given, unsigned mask)
{
    struct rows rows;
    struct lead_row *row;
    TRY(lead_owners(s->c, given, mask, &rows));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        uint32_t kind = (uint32_t)v[0].i - 1;
        TRY(row_by_id(s, v[1].s.p, &row));
        TRY(learn(s, kind, lead_text(given, kind), row));
        mask &= ~(1u << kind);
    }
    for (uint32_t i = 0; i < LEAD_IDENTITIES; i++)
        if (mask & 1u << i)
            TRY(learn(s, i, lead_text(given, i), NULL));
    return ok();
}

static unsigned unknown(const struct lead_set *s, const Lead *given)
{
    unsigned mask = lead_identity_mask(given);
    for (uint32_t i = 0; i < LEAD_IDENTITIES; i++)
        if (mask & 1u << i && find(s, i, lead_text(given, i)))
            mask &= ~(1u << i);
    return mask;
}

/* ---- Many at once ---- */

struct wanted {
    const char *texts[LEAD_GROUP];
    size_t n;
};

static struct status ask(struct lead_set *s, const struct stmt *stmt, const struct value *kind,
                         const struct wanted *w, struct rows *ret)
{
    struct value args[2 + LEAD_GROUP];
    size_t n = 0;
    args[n++] = v_text(s->c->workspace);
    if (kind)
        args[n++] = *kind;
    for (size_t i = 0; i < LEAD_GROUP; i++)
        args[n++] = v_text(w->texts[MIN(i, w->n - 1)]); /* padded with the last one */
    return db_query(s->c, stmt, args, ret);
}

static struct status load_ids(struct lead_set *s, const struct wanted *w)
{
    struct lead_row stored, *kept;
    struct rows rows;
    if (w->n == 0)
        return ok();
    TRY(ask(s, &lead_sql[LEADS_BY_IDS], NULL, w, &rows));
    for (size_t i = 0; i < rows.n; i++) {
        TRY(lead_take(s->c, row_at(&rows, i), &stored));
        TRY(keep_stored(s, &stored, &kept));
    }
    return ok();
}

static struct status load_rows(struct lead_set *s, const struct rows *owners)
{
    struct wanted w = { .n = 0 };
    for (size_t i = 0; i < owners->n; i++) {
        const char *id = row_at(owners, i)[1].s.p;
        if (!find(s, BY_ID, id))
            w.texts[w.n++] = id;
    }
    return load_ids(s, &w);
}

/* Asks for the identities collected, all of one kind, and empties the collection. */
static struct status flush(struct lead_set *s, uint32_t kind, struct wanted *w)
{
    struct value number = v_int(kind + 1);
    struct lead_row *row;
    struct rows owners;
    if (w->n == 0)
        return ok();
    TRY(ask(s, &lead_sql[LEADS_OF_VALUES], &number, w, &owners));
    TRY(load_rows(s, &owners));
    for (size_t i = 0; i < w->n; i++)
        if (!find(s, kind, w->texts[i]))
            TRY(learn(s, kind, w->texts[i], NULL));
    for (size_t i = 0; i < owners.n; i++) {
        const struct value *v = row_at(&owners, i);
        lead_identity_seen(s->c, kind, v[0].s.p);
        TRY(row_by_id(s, v[1].s.p, &row));
        TRY(learn(s, kind, v[0].s.p, row));
    }
    w->n = 0;
    return ok();
}

/* Loads the leads of the ids collected, merged ones by their aliases, and empties the collection. */
static struct status flush_ids(struct lead_set *s, struct wanted *w)
{
    struct wanted missing = { .n = 0 };
    struct lead_row *row;
    struct rows aliases = { 0 };
    TRY(load_ids(s, w));
    for (size_t i = 0; i < w->n; i++)
        if (!find(s, BY_ID, w->texts[i]))
            missing.texts[missing.n++] = w->texts[i];
    if (missing.n)
        TRY(ask(s, &lead_sql[LEADS_OF_ALIASES], NULL, &missing, &aliases));
    for (size_t i = 0; i < aliases.n; i++) {
        const struct value *v = row_at(&aliases, i);
        TRY(row_by_id(s, v[1].s.p, &row));
        TRY(learn(s, BY_ID, v[0].s.p, row));
    }
    for (size_t i = 0; i < missing.n; i++)
        if (!find(s, BY_ID, missing.texts[i]))
            TRY(learn(s, BY_ID, missing.texts[i], NULL));
    w->n = 0;
    return ok();
}

struct status lead_set_prefetch_ids(struct lead_set *s, const char *const *ids, size_t n)
{
    struct wanted w = { .n = 0 };
    for (size_t i = 0; i < n; i++) {
        if (find(s, BY_ID, ids[i]))
            continue;
        TRY(check_earlier(s, BY_ID, ids[i]));
        w.texts[w.n++] = ids[i];
        if (w.n == LEAD_GROUP)
            TRY(flush_ids(s, &w));
    }
    return flush_ids(s, &w);
}

struct status lead_set_prefetch(struct lead_set *s, Lead *const *given, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->c->ask_store |= *given[i]->etag != 0;
    for (uint32_t kind = 0; kind < LEAD_IDENTITIES; kind++) {
        struct wanted w = { .n = 0 };
        for (size_t i = 0; i < n; i++) {
            const char *text = lead_text(given[i], kind);
            if (!*text || find(s, kind, text))
                continue;
            TRY(check_earlier(s, kind, text));
            if (!lead_identity_may_exist(s->c, kind, text)) {
                TRY(learn(s, kind, text, NULL));
                continue;
            }
            w.texts[w.n++] = text;
            if (w.n == LEAD_GROUP)
                TRY(flush(s, kind, &w));
        }
        TRY(flush(s, kind, &w));
    }
    return ok();
}

/* ---- Resolving ---- */

/* The one lead that the identities given belong to: *row, where that is set on the way in. *ret_owned: those
 * that are its own. */
static struct status find_owner(struct lead_set *s, const Lead *given, const char *field,
                                struct lead_row **row, unsigned *ret_owned)
{
    *ret_owned = 0;
    unsigned asked = unknown(s, given);
    if (asked)
        TRY(ask_owners(s, given, asked));
    for (uint32_t i = 0; i < LEAD_IDENTITIES; i++) {
        const char *text = lead_text(given, i);
        struct lead_row *owner = *text ? find(s, i, text)->row : NULL;
        if (!owner)
            continue;
        if (*row && owner != *row)
            return fail(s->c->arena, REASON_IDENTITY_AMBIGUOUS,
                        "%s: its identities belong to %s and to %s; merge them first", field,
                        (*row)->lead->name, owner->lead->name);
        *row = owner;
        *ret_owned |= 1u << i;
    }
    return ok();
}

/* Identities given up are free for the rows that follow, new ones are taken. */
static struct status learn_changes(struct lead_set *s, const Lead *was, struct lead_row *row)
{
    for (uint32_t i = 0; i < LEAD_IDENTITIES; i++) {
        const char *before = was ? lead_text(was, i) : "", *after = lead_text(row->lead, i);
        if (strcmp(before, after) == 0)
            continue;
        if (*before)
            TRY(learn(s, i, before, NULL));
        if (*after)
            TRY(learn(s, i, after, row));
    }
    return ok();
}

static struct status resolve_new(struct lead_set *s, const Lead *given, const char *id, struct lead_row **ret)
{
    struct lead_row row;
    TRY(lead_new(s->c, given, id, &row));
    TRY(lead_etag_check(s->c, &row, given->etag));
    TRY(add_row(s, &row, ret));
    s->effect = LEAD_CREATED;
    if (*id)
        TRY(learn(s, BY_ID, row.id, *ret));
    return learn_changes(s, NULL, *ret);
}

static struct status overlay(struct lead_set *s, const Lead *given, unsigned owned, struct lead_row *row)
{
    Lead was = *row->lead;
    const struct lead_row step = { .lead = row->lead, .before = &was };
    TRY(lead_etag_check(s->c, row, given->etag));
    TRY(lead_overlay_except(s->c, row->lead, given, lead_secondary(row->lead, given, owned)));
    s->effect = lead_changed(&step) ? LEAD_UPDATED : LEAD_UNCHANGED;
    return learn_changes(s, &was, row);
}

struct status lead_set_resolve(struct lead_set *s, const Lead *given, const char *field,
                               struct lead_row **ret)
{
    struct lead_row *row = NULL;
    unsigned owned;
    if (*given->name)
        TRY(lead_set_load(s, given->name, field, &row));
    TRY(find_owner(s, given, field, &row, &owned));
    *ret = row;
    return row ? overlay(s, given, owned, row) : resolve_new(s, given, "", ret);
}

struct status lead_set_put(struct lead_set *s, const Lead *given, const char *id, struct lead_row **ret)
{
    ASSERT(lead_identity_mask(given) == 0);
    struct status found = row_by_id(s, id, ret);
    if (found.reason == REASON_LEAD_NOT_FOUND)
        return resolve_new(s, given, id, ret);
    TRY(found);
    return overlay(s, given, 0, *ret);
}

enum lead_effect lead_set_effect(const struct lead_set *s)
{
    return s->effect;
}

/* ---- Saving ---- */

struct status lead_set_each(struct lead_set *s, struct status (*f)(void *arg, struct lead_row *row),
                            void *arg)
{
    for (struct block *b = s->first; b; b = b->next)
        for (size_t i = 0; i < b->n; i++)
            if (lead_changed(&b->rows[i]))
                TRY(f(arg, &b->rows[i]));
    return ok();
}

static struct status save_row(void *arg, struct lead_row *row)
{
    return lead_save_rest(arg, row, REASON_CONFLICT);
}

/* Puts writes of one statement together, in the order in which the statements first appear, so that
 * PostgreSQL runs each once. The rows of a unit of many leads do not depend on each other, but for
 * identities, which are given up before they are taken. */
static struct status group_writes(struct unit *u)
{
    struct write *grouped = ARENA_ARRAY(u->arena, u->n + 1, struct write);
    size_t n = 0;
    if (!grouped)
        return fail_memory();
    for (size_t i = 0; n < u->n; i++) {
        const struct stmt *stmt = u->writes[i].stmt;
        for (size_t k = i; stmt && k < u->n; k++)
            if (u->writes[k].stmt == stmt) {
                grouped[n++] = u->writes[k];
                u->writes[k].stmt = NULL; /* taken */
            }
    }
    u->writes = grouped;
    u->cap = u->n + 1;
    return ok();
}

struct status lead_set_save(struct lead_set *s)
{
    for (struct block *b = s->first; b; b = b->next)
        for (size_t i = 0; i < b->n; i++)
            lead_save_given_up(s->c, &b->rows[i]);
    TRY(lead_set_each(s, save_row, s->c));
    return group_writes(s->c->unit);
}
