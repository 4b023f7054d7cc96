#include "agents/record/leads.h"

#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/known.h"
#include "agents/record/lead_text.h"
#include "agents/record/leads_private.h"
#include "agents/record/leads_sql.h"
#include "agents/record/subject_key.h"
#include "agents/record/times.h"

#include "base/ids.h"

/* ---- Reading ---- */

static Lead *lead_copy(struct arena *a, const Lead *from)
{
    Lead *l = arena_raw(a, sizeof *l);
    if (l)
        *l = *from;
    return l;
}

struct status lead_take(struct ctx *c, const struct value *v, struct lead_row *ret)
{
    ret->id = v[0].s.p;
    ret->version = v[1].i;
    ret->before = PB_UNPACK(c->arena, Lead, v[2].s);
    TRY(decoded(c, ret->before, "lead %s", ret->id));
    ret->lead = lead_copy(c->arena, ret->before);
    ret->owned = 0;
    ret->key = v[3].s;
    ret->key_made = !ret->key.n; /* an older build's row */
    if (!ret->lead)
        return fail_memory();
    return ret->key_made ? subject_key_make(c, &ret->key) : ok();
}

struct status lead_by_id(struct ctx *c, const char *id, struct lead_row *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &lead_sql[LEAD_BY_ID], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_LEAD_NOT_FOUND, "leads/%s does not exist", id);
    return lead_take(c, row_at(&rows, 0), ret);
}

void lead_expect(struct ctx *c, const char *id)
{
    DB_EXPECT(c, &lead_sql[LEAD_BY_ID], v_text(c->workspace), v_text(id));
    DB_EXPECT(c, &lead_sql[LEAD_MOVED_OF], v_text(c->workspace), v_text(id));
}

struct status lead_load(struct ctx *c, const char *name, const char *field, struct lead_row *ret)
{
    const char *id;
    TRY(name_id(c->arena, name, "leads/", field, &id));
    return lead_by_id(c, id, ret);
}

struct status lead_ids_before(struct ctx *c, const char *id, int64_t limit, struct rows *ret)
{
    return DB_QUERY(c, &lead_sql[LEAD_IDS_BEFORE], ret, v_text(c->workspace), v_text(id), v_int(limit));
}

/* Where a run before met a conflict, or no commit will come, only the store knows. */
bool lead_identity_may_exist(struct ctx *c, size_t i, const char *text)
{
    return c->attempt > 0 || c->ask_store ||
           known_may_exist(c->app->known, c->workspace, (int64_t)i + 1, text);
}

/* Another replica may have stored it: from now on this one knows. */
void lead_identity_seen(struct ctx *c, size_t i, const char *text)
{
    known_add(c->app->known, c->workspace, (int64_t)i + 1, text);
}

static unsigned may_exist(struct ctx *c, const Lead *l, unsigned mask)
{
    for (size_t i = 0; i < LEAD_IDENTITIES; i++)
        if (mask & 1u << i && !lead_identity_may_exist(c, i, lead_text(l, i)))
            mask &= ~(1u << i);
    return mask;
}

struct status lead_owners(struct ctx *c, const Lead *l, unsigned mask, struct rows *ret)
{
    struct value args[1 + LEAD_IDENTITIES] = { v_text(c->workspace) };
    mask = may_exist(c, l, mask);
    for (size_t i = 0; i < LEAD_IDENTITIES; i++)
        args[1 + i] = v_text(mask & 1u << i ? lead_text(l, i) : "");
    memset(ret, 0, sizeof *ret);
    if (mask)
        TRY(db_query(c, &lead_sql[LEAD_OF_IDENTITIES], args, ret));
    for (size_t i = 0; i < ret->n; i++)
        lead_identity_seen(c, (size_t)row_at(ret, i)[0].i - 1, lead_text(l, (size_t)row_at(ret, i)[0].i - 1));
    return ok();
}

/* ---- Resolving ---- */

unsigned lead_identity_mask(const Lead *l)
{
    unsigned mask = 0;
    for (size_t i = 0; i < LEAD_IDENTITIES; i++)
        if (*lead_text(l, i))
            mask |= 1u << i;
    return mask;
}

/* Those that `to` has and `from` has not. */
static unsigned added(const Lead *to, const Lead *from)
{
    unsigned mask = lead_identity_mask(to);
    for (size_t i = 0; from && i < LEAD_IDENTITIES; i++)
        if (strcmp(lead_text(to, i), lead_text(from, i)) == 0)
            mask &= ~(1u << i);
    return mask;
}

unsigned lead_secondary(const Lead *lead, const Lead *given, unsigned owned)
{
    return added(given, lead) & owned;
}

static struct status ambiguous(struct ctx *c, const struct rows *owned)
{
    const struct value *a = row_at(owned, 0), *b = a;
    for (size_t i = 1; i < owned->n && str_eq(a[1].s, b[1].s); i++)
        b = row_at(owned, i);
    return fail(c->arena, REASON_IDENTITY_AMBIGUOUS,
                "%s belongs to leads/%s, %s to leads/%s; merge them first", lead_texts[a[0].i - 1].name,
                a[1].s.p, lead_texts[b[0].i - 1].name, b[1].s.p);
}

static struct status find_by_one(struct ctx *c, const Lead *given, unsigned mask, struct lead_row *ret)
{
    int i = __builtin_ctz(mask);
    struct rows rows;
    if (!may_exist(c, given, mask))
        return ok();
    TRY(DB_QUERY(c, &lead_sql[LEAD_BY_IDENTITY], &rows, v_text(c->workspace), v_int(i + 1),
                 v_text(lead_text(given, (size_t)i))));
    if (rows.n)
        lead_identity_seen(c, (size_t)i, lead_text(given, (size_t)i));
    return rows.n ? lead_take(c, row_at(&rows, 0), ret) : ok();
}

/* Leaves ret->before NULL where no lead has any of the identities. *ret_owned: those that led to it. */
static struct status find_by_identity(struct ctx *c, const Lead *given, struct lead_row *ret,
                                      unsigned *ret_owned)
{
    unsigned mask = lead_identity_mask(given);
    struct rows rows;
    ret->before = NULL;
    *ret_owned = mask;
    if (!mask)
        return ok();
    if ((mask & (mask - 1)) == 0)
        return find_by_one(c, given, mask, ret);
    TRY(lead_owners(c, given, mask, &rows));
    *ret_owned = 0;
    for (size_t i = 0; i < rows.n; i++) {
        *ret_owned |= 1u << (row_at(&rows, i)[0].i - 1);
        if (!str_eq(row_at(&rows, 0)[1].s, row_at(&rows, i)[1].s))
            return ambiguous(c, &rows);
    }
    return rows.n ? lead_by_id(c, row_at(&rows, 0)[1].s.p, ret) : ok();
}

/* Asks for the identities in `mask`: those of another lead fail with `reason`, those of the lead itself are
 * told. */
static struct status check_owners(struct ctx *c, const char *id, const Lead *l, unsigned mask,
                                  const char *field, enum reason reason, unsigned *ret_own)
{
    struct checks k = checks_start(c->arena);
    struct rows rows;
    *ret_own = 0;
    if (!mask)
        return ok();
    TRY(lead_owners(c, l, mask, &rows));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        if (strcmp(v[1].s.p, id))
            check_fail(&k, reason, field, lead_texts[v[0].i - 1].name, "belongs to leads/%s", v[1].s.p);
        else
            *ret_own |= 1u << (v[0].i - 1);
    }
    return k.s;
}

struct status lead_identities_free(struct ctx *c, struct lead_row *row, const char *field, enum reason reason)
{
    return check_owners(c, row->id, row->lead, added(row->lead, row->before), field, reason, &row->owned);
}

struct status lead_etag_check(struct ctx *c, const struct lead_row *row, const char *etag)
{
    if (!*etag || (row->before && strcmp(row->before->etag, etag) == 0))
        return ok();
    return fail(c->arena, REASON_ETAG_MISMATCH, "leads/%s has another etag now; read it again", row->id);
}

/* Named: nothing given may belong to another lead. */
static struct status resolve_named(struct ctx *c, const Lead *given, struct lead_row *ret)
{
    unsigned own;
    TRY(lead_load(c, given->name, "lead.name", ret));
    TRY(lead_etag_check(c, ret, given->etag));
    TRY(check_owners(c, ret->id, given, added(given, ret->lead), "lead", REASON_IDENTITY_AMBIGUOUS, &own));
    return lead_overlay_except(c, ret->lead, given, own);
}

struct status lead_new(struct ctx *c, const Lead *given, const char *id, struct lead_row *ret)
{
    char fresh[ID_TEXT];
    if (!*id)
        id_new(fresh);
    struct str text = str_of(*id ? id : fresh), start = STR("leads/");
    Lead *l = lead_copy(c->arena, given);
    char *name = arena_raw(c->arena, start.n + text.n + 1);
    if (!name || !l)
        return fail_memory();
    memcpy(name, start.p, start.n);
    memcpy(name + start.n, text.p, text.n + 1);
    l->name = name;
    l->etag = (char *)protobuf_c_empty_string;
    l->triage = NULL;
    l->engagement = NULL;
    l->create_time = l->update_time = NULL;
    ret->id = name + start.n;
    ret->version = 0;
    ret->lead = l;
    ret->before = NULL;
    ret->owned = 0;
    ret->key_made = false; /* it is stored with the new row */
    return subject_key_make(c, &ret->key);
}

struct status lead_resolve(struct ctx *c, const Lead *given, struct lead_row *ret)
{
    unsigned owned;
    if (*given->name)
        return resolve_named(c, given, ret);
    c->ask_store |= *given->etag != 0;
    TRY(find_by_identity(c, given, ret, &owned));
    if (!ret->before) {
        TRY(lead_new(c, given, "", ret));
        return lead_etag_check(c, ret, given->etag);
    }
    TRY(lead_etag_check(c, ret, given->etag));
    return lead_overlay_except(c, ret->lead, given, lead_secondary(ret->lead, given, owned));
}

/* ---- Saving ---- */

static struct status stamp(struct ctx *c, struct lead_row *row)
{
    Lead *l = row->lead;
    uint64_t mark = mix64(hash64(str_of(row->id), (uint64_t)row->version) ^ (uint64_t)c->now_us);
    l->etag = arena_raw(c->arena, 2 * sizeof mark + 1);
    l->update_time = time_message(c->arena, c->now_us);
    if (!row->before)
        l->create_time = l->update_time;
    if (!l->etag || !l->update_time)
        return fail_memory();
    hex_text((const unsigned char *)&mark, sizeof mark, l->etag);
    return ok();
}

void lead_save_given_up(struct ctx *c, const struct lead_row *row)
{
    for (size_t i = 0; row->before && i < LEAD_IDENTITIES; i++) {
        const char *was = lead_text(row->before, i);
        if (*was && strcmp(lead_text(row->lead, i), was))
            UNIT_ADD(c->unit, &lead_sql[LEAD_IDENTITY_DELETE], 1, REASON_CONFLICT, v_text(c->workspace),
                     v_int((int64_t)i + 1), v_text(was), v_text(row->id));
    }
}

/* An identity that is the lead's already only loses the mark that it stood beside the fields. */
static void save_identities(struct ctx *c, const struct lead_row *row, enum reason taken)
{
    unsigned mask = added(row->lead, row->before);
    for (size_t i = 0; i < LEAD_IDENTITIES; i++) {
        struct value workspace = v_text(c->workspace), kind = v_int((int64_t)i + 1),
                     text = v_text(lead_text(row->lead, i)), id = v_text(row->id);
        if ((mask & row->owned) & 1u << i)
            UNIT_ADD(c->unit, &lead_sql[LEAD_MOVED_DELETE], -1, REASON_CONFLICT, workspace, id, kind, text);
        if (!(mask & ~row->owned & 1u << i))
            continue;
        UNIT_ADD(c->unit, &lead_sql[LEAD_IDENTITY_INSERT], 1, taken, workspace, kind, text, id);
        known_add(c->app->known, c->workspace, (int64_t)i + 1, lead_text(row->lead, i));
    }
}

struct status lead_save_rest(struct ctx *c, struct lead_row *row, enum reason identity_taken)
{
    TRY(stamp(c, row));
    struct str data = pb_pack(c->arena, row->lead);
    if (!data.p)
        return fail_memory();
    if (row->before)
        UNIT_ADD(c->unit, &lead_sql[LEAD_UPDATE], 1, REASON_CONFLICT, v_int(c->now_us), v_bytes(data),
                 v_bytes(row->key), v_text(c->workspace), v_text(row->id), v_int(row->version));
    else
        UNIT_ADD(c->unit, &lead_sql[LEAD_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row->id),
                 v_int(1), v_int(c->now_us), v_int(c->now_us), v_bytes(data), v_bytes(row->key));
    save_identities(c, row, identity_taken);
    return c->arena->overflow ? fail_memory() : ok();
}

struct status lead_save(struct ctx *c, struct lead_row *row, enum reason identity_taken)
{
    lead_save_given_up(c, row);
    return lead_save_rest(c, row, identity_taken);
}

void lead_hold(struct ctx *c, const struct lead_row *row)
{
    UNIT_ADD(c->unit, &lead_sql[LEAD_HOLD], 1, REASON_CONFLICT, v_text(c->workspace), v_text(row->id),
             v_int(row->version));
}

void lead_keep_key(struct ctx *c, const struct lead_row *row)
{
    if (row->key_made)
        UNIT_ADD(c->unit, &lead_sql[LEAD_KEEP_KEY], 1, REASON_CONFLICT, v_bytes(row->key),
                 v_text(c->workspace), v_text(row->id));
}
