/* EraseSubject: what bears the lead's id goes in one commit; the rest is left to the sweep. */
#include "agents/privacy/erasure.h"
#include "agents/privacy/privacy.h"
#include "agents/privacy/privacy_sql.h"
#include "agents/privacy/work.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/signer.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"
#include "base/ids.h"

struct subject {
    const char *id;
    struct lead_row row; /* row.before is NULL where the lead is gone already */
    struct lead_identity *identities;
    size_t n_identities;
    const char **ids; /* its own first, then those of leads that ended in it */
    size_t n_ids;
    const struct value *counts; /* by enum subject_count */
    int64_t n_keys;             /* that are kept of the person */
};

/* ---- Whom ---- */

/* The one row that says how much there is. */
static struct status counts(struct ctx *c, enum privacy_statement what, const char *id,
                            const struct value **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[what], &rows, v_text(c->workspace), v_text(id)));
    *ret = row_at(&rows, 0);
    return ok();
}

/* The lead's own id, and what was merged into it or deleted under it before. */
static struct status find_ended(struct ctx *c, struct subject *s)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[ENDED_OF], &rows, v_text(c->workspace), v_text(s->id)));
    s->ids = ARENA_ARRAY(c->arena, rows.n + 1, const char *);
    if (!s->ids)
        return fail_memory();
    s->ids[s->n_ids++] = s->id;
    TRY(counts(c, COUNTS, s->id, &s->counts));
    s->n_keys = s->counts[N_KEYS_HERE].i + s->counts[N_KEYS_ENDED].i;
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        if (strcmp(v[0].s.p, s->id) && !v[1].i)
            s->ids[s->n_ids++] = v[0].s.p;
    }
    return ok();
}

/* A lead that was deleted has left its key; where an older build deleted it, perhaps decisions. */
static struct status find_traces(struct ctx *c, struct subject *s, struct status missing)
{
    const struct value *decisions;
    TRY(find_ended(c, s));
    TRY(counts(c, COUNT_DECISIONS, s->id, &decisions));
    return s->n_keys || decisions->i ? ok() : missing;
}

static struct status find_subject(struct ctx *c, const char *name, struct subject *s)
{
    TRY(name_id(c->arena, name, "leads/", "name", &s->id));
    struct status found = lead_load(c, name, "name", &s->row);
    if (found.reason == REASON_LEAD_NOT_FOUND)
        return find_traces(c, s, found);
    TRY(found);
    s->id = s->row.id;
    TRY(lead_identities(c, &s->row, &s->identities, &s->n_identities));
    return find_ended(c, s);
}

/* ---- What goes at once ---- */

/* Tables whose rows bear the lead's id, or that of one that was merged into it. */
static const struct table {
    const char *store;
    enum subject_count count;
    enum privacy_statement erase;
} tables[] = {
    { "lead_event", N_EVENTS, EVENTS_ERASE },        { "outcome", N_OUTCOMES, OUTCOMES_ERASE },
    { "message", N_MESSAGES, MESSAGES_ERASE },       { "contact", N_CONTACTS, CONTACTS_ERASE },
    { "consent_entry", N_CONSENTS, CONSENTS_ERASE }, { "enrollment", N_ENROLLMENTS, ENROLLMENTS_ERASE },
    { "choice", N_CHOICES, CHOICES_ERASE },
};

static struct status erase_table(struct ctx *c, const struct subject *s, const struct table *t, Erasure *e)
{
    int64_t n = s->counts[t->count].i;
    UNIT_ADD(c->unit, &privacy_sql[t->erase], (int)n, REASON_CONFLICT, v_text(c->workspace), v_text(s->id));
    return erasure_count(c, e, t->store, n);
}

static struct status erase_tables(struct ctx *c, const struct subject *s, Erasure *e)
{
    for (size_t i = 0; i < COUNT(tables); i++)
        TRY(erase_table(c, s, &tables[i], e));
    return ok();
}

static struct status erase_lead(struct ctx *c, struct subject *s, Erasure *e)
{
    static const struct suppression erased = { SUPPRESSION__CAUSE_ERASURE, "", MEDIUM_UNSPECIFIED };
    if (!s->row.before)
        return ok();
    TRY(suppression_add(c, s->identities, s->n_identities, &erased));
    TRY(lead_remove(c, &s->row));
    TRY(erasure_count(c, e, "lead", 1));
    TRY(erasure_count(c, e, "lead_identity", (int64_t)s->n_identities));
    return erasure_count(c, e, "lead_alias", s->counts[N_ALIASES].i);
}

/* With the keys the decisions under them can no longer be read; they are not touched. The living lead's key
 * goes with its row. */
static struct status erase_keys(struct ctx *c, const struct subject *s, Erasure *e)
{
    TRY(erasure_count(c, e, "decision", s->n_keys ? s->counts[N_SEALED].i : 0));
    UNIT_ADD(c->unit, &privacy_sql[ENDED_ERASE], -1, REASON_CONFLICT, v_text(c->workspace), v_text(s->id));
    return erasure_count(c, e, "subject_key", s->n_keys);
}

/* Identities of deleted leads, of which only hashes were kept. */
static struct status erase_kept_identities(struct ctx *c, const struct subject *s, Erasure *e)
{
    struct value workspace = v_text(c->workspace), id = v_text(s->id);
    int64_t n = s->counts[N_ENDED_IDENTITIES].i;
    UNIT_ADD(c->unit, &privacy_sql[ENDED_SUPPRESS], -1, REASON_CONFLICT, v_int(c->now_us), workspace, id);
    UNIT_ADD(c->unit, &privacy_sql[ENDED_IDENTITIES_ERASE], (int)n, REASON_CONFLICT, workspace, id);
    return erasure_count(c, e, "lead_ended_identity", n);
}

/* ---- EraseSubject ---- */

static struct status begin(struct ctx *c, const struct subject *s, Erasure *e, char id[ID_TEXT])
{
    id_new(id);
    e->name = arena_printf(c->arena, ERASURES "%s", id);
    e->subject = arena_printf(c->arena, "leads/%s", s->id);
    e->state = ERASURE__STATE_RUNNING;
    e->create_time = time_message(c->arena, c->now_us);
    e->principal = pb_str(c->arena, str_of(c->principal));
    return e->name && e->subject && e->create_time && e->principal ? ok() : fail_memory();
}

static struct status store(struct ctx *c, const struct subject *s, const Erasure *e, const char *id)
{
    struct work w;
    TRY(work_make(c, s->row.before, s->identities, s->n_identities, s->ids, s->n_ids, &w));
    struct str packed = work_pack(c, &w), data = pb_pack(c->arena, e);
    const char *kept = arena_dup(c->arena, str_of(id));
    if (!packed.p || !data.p || !kept)
        return fail_memory();
    UNIT_ADD(c->unit, &privacy_sql[ERASURE_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(kept),
             v_int(e->state), v_int(c->now_us), v_bytes(packed), v_bytes(data));
    event_note(c, "privacy", "subject.erased", e->subject);
    return ok();
}

struct status erase_subject(struct ctx *c, const EraseSubjectRequest *req, Erasure *res)
{
    struct subject s;
    char id[ID_TEXT];
    memset(&s, 0, sizeof s);
    TRY(find_subject(c, req->name, &s));
    TRY(begin(c, &s, res, id));
    TRY(erase_lead(c, &s, res));
    TRY(erase_tables(c, &s, res));
    TRY(erase_kept_identities(c, &s, res));
    TRY(erase_keys(c, &s, res));
    return store(c, &s, res, id);
}

/* ---- Reading ---- */

struct status get_erasure(struct ctx *c, const GetErasureRequest *req, Erasure *res)
{
    const char *id;
    struct rows rows;
    TRY(name_id(c->arena, req->name, ERASURES, "name", &id));
    TRY(DB_QUERY(c, &privacy_sql[ERASURE_GET], &rows, v_text(c->workspace), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_ERASURE_NOT_FOUND, "%s does not exist", req->name);
    Erasure *e = PB_UNPACK(c->arena, Erasure, row_at(&rows, 0)[0].s);
    TRY(decoded(c, e, "%s", req->name));
    *res = *e;
    return ok();
}

static struct str signed_text(struct ctx *c, struct str erasure)
{
    const char *head = arena_printf(c->arena, "marketing erasure certificate v1\n%s\n", c->workspace);
    size_t n = head ? strlen(head) : 0;
    char *text = head ? arena_raw(c->arena, n + erasure.n) : NULL;
    if (!text)
        return str_make(NULL, 0);
    memcpy(text, head, n);
    memcpy(text + n, erasure.p, erasure.n);
    return str_make(text, n + erasure.n);
}

struct status get_erasure_certificate(struct ctx *c, const GetErasureCertificateRequest *req,
                                      ErasureCertificate *res)
{
    Erasure e = ERASURE_INIT;
    GetErasureRequest get = GET_ERASURE_REQUEST_INIT;
    get.name = req->name;
    TRY(get_erasure(c, &get, &e));
    if (e.state != ERASURE__STATE_DONE)
        return fail(c->arena, REASON_ERASURE_RUNNING, "%s has not ended yet", req->name);
    struct str data = pb_pack(c->arena, &e), text = data.p ? signed_text(c, data) : data;
    res->workspace = pb_str(c->arena, str_of(c->workspace));
    if (!text.p || !res->workspace)
        return fail_memory();
    res->erasure.data = (uint8_t *)data.p;
    res->erasure.len = data.n;
    return signer_sign(c, text, &res->public_key, &res->signature);
}
