#include "agents/record/contact.h"

#include "agents/record/contact_sql.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/times.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/pb.h"

/* ---- The row ---- */

struct status contact_load(struct ctx *c, const char *lead_id, struct contact_row *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &contact_sql[CONTACT_GET], &rows, v_text(c->workspace), v_text(lead_id)));
    *ret = (struct contact_row){ lead_id, rows.n ? row_at(&rows, 0)[0].i : 0, NULL };
    ret->contact = rows.n ? PB_UNPACK(c->arena, Contact, row_at(&rows, 0)[1].s) : PB_NEW(c->arena, Contact);
    TRY(decoded(c, ret->contact, "a contact"));
    ret->contact->lead = arena_printf(c->arena, "leads/%s", lead_id);
    return ret->contact->lead ? ok() : fail_memory();
}

void contact_expect(struct ctx *c, const char *lead_id)
{
    DB_EXPECT(c, &contact_sql[CONTACT_GET], v_text(c->workspace), v_text(lead_id));
}

struct status contact_save(struct ctx *c, const struct contact_row *row)
{
    struct str data = pb_pack(c->arena, row->contact);
    if (!data.p)
        return fail_memory();
    if (row->version)
        UNIT_ADD(c->unit, &contact_sql[CONTACT_UPDATE], 1, REASON_CONFLICT, v_bytes(data),
                 v_text(c->workspace), v_text(row->lead_id), v_int(row->version));
    else
        UNIT_ADD(c->unit, &contact_sql[CONTACT_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
                 v_text(row->lead_id), v_bytes(data));
    return ok();
}

struct status contact_keep(struct ctx *c, const struct lead_row *lead, const struct contact_row *row)
{
    if (row->version == 0)
        lead_hold(c, lead);
    return contact_save(c, row);
}

bool contact_in_unit(const struct ctx *c, const char *lead_id)
{
    for (size_t i = 0; i < c->unit->n; i++) {
        const struct write *w = &c->unit->writes[i];
        const struct value *id = w->stmt == &contact_sql[CONTACT_INSERT]   ? &w->args[1]
                                 : w->stmt == &contact_sql[CONTACT_UPDATE] ? &w->args[2]
                                                                           : NULL;
        if (id && str_eq(id->s, str_of(lead_id)))
            return true;
    }
    return false;
}

void contact_touch(struct ctx *c, const char *lead_id)
{
    UNIT_ADD(c->unit, &contact_sql[CONTACT_TOUCH], -1, REASON_CONFLICT, v_bytes(STR("")),
             v_text(c->workspace), v_text(lead_id));
}

void contact_remove(struct ctx *c, const char *lead_id)
{
    struct value workspace = v_text(c->workspace), id = v_text(lead_id);
    UNIT_ADD(c->unit, &contact_sql[CONTACT_DELETE], -1, REASON_CONFLICT, workspace, id);
    UNIT_ADD(c->unit, &contact_sql[LEDGER_DELETE], -1, REASON_CONFLICT, workspace, id);
}

/* ---- What was sent ---- */

/* Of the n sends, oldest first, those that still count, in place. */
static size_t thin_out(Contact__Sent **all, size_t n, int64_t now_us)
{
    size_t newer[MEDIUM_CRM + 1] = { 0 }, kept = n;
    for (size_t i = n; i-- > 0;) {
        Medium m = all[i]->medium;
        if (time_us(all[i]->time) > now_us - CONTACT_SENDS_US && newer[m]++ < CONTACT_SENDS)
            all[--kept] = all[i];
    }
    memmove(all, all + kept, (n - kept) * sizeof *all);
    return n - kept;
}

struct status contact_sent(struct ctx *c, struct contact_row *row, Medium medium)
{
    Contact *k = row->contact;
    Contact__Sent **all = ARENA_ARRAY(c->arena, k->n_sent + 1, Contact__Sent *);
    Contact__Sent *now = PB_NEW(c->arena, Contact__Sent);
    if (!all || !now)
        return fail_memory();
    now->medium = medium;
    now->time = time_message(c->arena, c->now_us);
    if (!now->time)
        return fail_memory();
    if (k->n_sent)
        memcpy(all, k->sent, k->n_sent * sizeof *all);
    all[k->n_sent] = now;
    k->n_sent = thin_out(all, k->n_sent + 1, c->now_us);
    k->sent = all;
    return ok();
}

/* ---- What the lead said ---- */

const Consent *contact_consent(const Contact *contact, const char *purpose, Medium medium)
{
    for (size_t i = 0; i < contact->n_consents; i++)
        if (contact->consents[i]->medium == medium && strcmp(contact->consents[i]->purpose, purpose) == 0)
            return contact->consents[i];
    return NULL;
}

static bool replaces(const Consent *said, const Consent *before)
{
    return strcmp(said->purpose, before->purpose) == 0 &&
           (said->medium == MEDIUM_UNSPECIFIED || said->medium == before->medium);
}

static struct status append(struct ctx *c, Contact *k, Consent *said)
{
    Consent **all = ARENA_ARRAY(c->arena, k->n_consents + 1, Consent *);
    if (!all)
        return fail_memory();
    if (k->n_consents)
        memcpy(all, k->consents, k->n_consents * sizeof *all);
    all[k->n_consents++] = said;
    k->consents = all;
    return ok();
}

static void drop_replaced(Contact *k, const Consent *said)
{
    size_t n = 0;
    for (size_t i = 0; i < k->n_consents; i++)
        if (!replaces(said, k->consents[i]))
            k->consents[n++] = k->consents[i];
    k->n_consents = n;
}

static const char *const actions[] = {
    [CONSENT__STATE_GRANTED] = "consent.granted",
    [CONSENT__STATE_WITHDRAWN] = "consent.withdrawn",
    [CONSENT__STATE_PAUSED] = "consent.paused",
};

struct status contact_say(struct ctx *c, struct contact_row *row, const Consent *said)
{
    char id[ID_TEXT];
    Consent *entry = PB_NEW(c->arena, Consent);
    id_new(id);
    char *kept = arena_dup(c->arena, str_of(id));
    if (!entry || !kept)
        return fail_memory();
    *entry = *said;
    entry->name = arena_printf(c->arena, "leads/%s/consentEntries/%s", row->lead_id, id);
    entry->principal = pb_str(c->arena, str_of(c->principal));
    entry->create_time = time_message(c->arena, c->now_us);
    if (!entry->name || !entry->principal || !entry->create_time)
        return fail_memory();
    struct str data = pb_pack(c->arena, entry);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &contact_sql[LEDGER_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(row->lead_id), v_text(kept), v_bytes(data));
    event_note(c, "engage", actions[said->state], row->contact->lead);
    drop_replaced(row->contact, entry);
    return append(c, row->contact, entry);
}

struct status contact_ledger(struct ctx *c, const char *lead_id, size_t limit, Consent ***ret, size_t *ret_n)
{
    struct rows rows;
    TRY(DB_QUERY(c, &contact_sql[LEDGER_NEWEST], &rows, v_text(c->workspace), v_text(lead_id),
                 v_int((int64_t)limit)));
    Consent **all = ARENA_ARRAY(c->arena, rows.n, Consent *);
    if (!all && rows.n)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++) {
        all[i] = PB_UNPACK(c->arena, Consent, row_at(&rows, i)[0].s);
        TRY(decoded(c, all[i], "a consent"));
    }
    *ret = all;
    *ret_n = rows.n;
    return ok();
}

/* ---- Two become one ---- */

/* What a contact says of a purpose and medium, if by what it says of all media. */
static const Consent *means(const Contact *k, const char *purpose, Medium medium)
{
    const Consent *own = contact_consent(k, purpose, medium);
    return own ? own : contact_consent(k, purpose, MEDIUM_UNSPECIFIED);
}

static const Consent *stricter(const Consent *a, const Consent *b)
{
    if (!a || !b)
        return a ? a : b;
    if (a->state == CONSENT__STATE_WITHDRAWN || b->state == CONSENT__STATE_WITHDRAWN)
        return a->state == CONSENT__STATE_WITHDRAWN ? a : b;
    return time_us(a->pause_end_time) >= time_us(b->pause_end_time) ? a : b;
}

/* Adds the stricter statement for each purpose and medium that `from` has one for, unless it is there. */
static struct status join_consents(struct ctx *c, Contact *to, const Contact *from, const Contact *a,
                                   const Contact *b)
{
    for (size_t i = 0; i < from->n_consents; i++) {
        const Consent *f = from->consents[i];
        if (contact_consent(to, f->purpose, f->medium))
            continue;
        Consent *joined = PB_NEW(c->arena, Consent);
        if (!joined)
            return fail_memory();
        *joined = *stricter(means(a, f->purpose, f->medium), means(b, f->purpose, f->medium));
        joined->medium = f->medium;
        TRY(append(c, to, joined));
    }
    return ok();
}

static struct status join_sends(struct ctx *c, Contact *to, const Contact *a, const Contact *b)
{
    size_t i = 0, k = 0, n = 0;
    Contact__Sent **all = ARENA_ARRAY(c->arena, a->n_sent + b->n_sent + 1, Contact__Sent *);
    if (!all)
        return fail_memory();
    while (i < a->n_sent || k < b->n_sent) {
        bool first =
            k == b->n_sent || (i < a->n_sent && time_us(a->sent[i]->time) <= time_us(b->sent[k]->time));
        all[n++] = first ? a->sent[i++] : b->sent[k++];
    }
    to->n_sent = thin_out(all, n, c->now_us);
    to->sent = all;
    return ok();
}

struct status contact_join(struct ctx *c, const char *lead_id, const char *duplicate)
{
    struct contact_row a, b, joined;
    TRY(contact_load(c, lead_id, &a));
    TRY(contact_load(c, duplicate, &b));
    if (!b.version)
        return ok();
    joined = a;
    joined.contact = PB_NEW(c->arena, Contact);
    if (!joined.contact)
        return fail_memory();
    joined.contact->lead = a.contact->lead;
    joined.contact->owner = *a.contact->owner ? a.contact->owner : b.contact->owner;
    TRY(join_consents(c, joined.contact, a.contact, a.contact, b.contact));
    TRY(join_consents(c, joined.contact, b.contact, a.contact, b.contact));
    TRY(join_sends(c, joined.contact, a.contact, b.contact));
    UNIT_ADD(c->unit, &contact_sql[CONTACT_DELETE_READ], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(duplicate), v_int(b.version));
    UNIT_ADD(c->unit, &contact_sql[LEDGER_GIVE], -1, REASON_CONFLICT, v_text(lead_id), v_text(c->workspace),
             v_text(duplicate));
    return contact_save(c, &joined);
}
