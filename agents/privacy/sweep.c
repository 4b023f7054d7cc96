/* The sweep: what an erasure has to search for, in steps that each leave one unit. Where it is stands in the
 * erasure's row, so it goes on after a restart and on another replica. */
#include "agents/privacy/erasure.h"
#include "agents/privacy/privacy.h"
#include "agents/privacy/privacy_sql.h"
#include "agents/privacy/work.h"
#include "agents/record/decoded.h"
#include "agents/record/times.h"

#define DECISIONS_AT_ONCE 100
#define REPLIES_AT_ONCE 2000 /* looked at */
#define REJECTS_AT_ONCE 500

struct sweep {
    const char *id;
    int64_t version, create_us;
    int64_t step, place; /* place and after: how far the step is */
    const char *after;
    struct work work;
    struct str packed; /* the work as it is stored; empty once nothing is searched for any more */
    Erasure *erasure;
};

struct status erasure_count(struct ctx *c, Erasure *e, const char *store, int64_t n)
{
    size_t i = 0;
    while (i < e->n_stores && strcmp(e->stores[i]->store, store))
        i++;
    if (i == e->n_stores) {
        ErasedStore **longer = ARENA_ARRAY(c->arena, i + 1, ErasedStore *);
        ErasedStore *new = PB_NEW(c->arena, ErasedStore);
        if (!longer || !new)
            return fail_memory();
        if (i)
            memcpy(longer, e->stores, i * sizeof *longer);
        new->store = (char *)store;
        longer[i] = new;
        e->stores = longer;
        e->n_stores++;
    }
    e->stores[i]->count += n;
    return ok();
}

/* ---- Decisions of builds without keys: the record stays, what it was taken from goes ---- */

static struct status redact_decision(struct ctx *c, const char *id, struct str data)
{
    Decision *d = PB_UNPACK(c->arena, Decision, data);
    TRY(decoded(c, d, "decision %s", id));
    d->inputs = NULL;
    d->n_contributions = 0;
    d->justification = (char *)protobuf_c_empty_string;
    struct str kept = pb_pack(c->arena, d);
    if (!kept.p)
        return fail_memory();
    UNIT_ADD(c->unit, &privacy_sql[DECISION_REDACT], 1, REASON_CONFLICT, v_bytes(kept), v_text(c->workspace),
             v_text(id));
    return ok();
}

/* place: which of the subject's ids. */
static struct status sweep_decisions(struct ctx *c, struct sweep *s, bool *ret_done)
{
    struct rows rows;
    *ret_done = (size_t)s->place >= s->work.n_ids;
    if (*ret_done)
        return erasure_count(c, s->erasure, "decision", 0);
    TRY(DB_QUERY(c, &privacy_sql[DECISIONS_AFTER], &rows, v_text(c->workspace), v_text(s->work.ids[s->place]),
                 v_text(s->after), v_int(DECISIONS_AT_ONCE)));
    for (size_t i = 0; i < rows.n; i++)
        TRY(redact_decision(c, row_at(&rows, i)[0].s.p, row_at(&rows, i)[1].s));
    bool more = rows.n == DECISIONS_AT_ONCE;
    s->after = more ? row_at(&rows, rows.n - 1)[0].s.p : "";
    s->place += !more;
    return erasure_count(c, s->erasure, "decision", (int64_t)rows.n);
}

/* ---- Stored replies of calls with a request id: those that name the subject go ---- */

static struct status drop_replies(struct ctx *c, struct sweep *s, const char *id, int64_t to)
{
    struct rows rows;
    const char *name = arena_printf(c->arena, "leads/%s", id);
    if (!name)
        return fail_memory();
    TRY(DB_QUERY(c, &privacy_sql[REPLIES_NAMING], &rows, v_text(c->workspace), v_int(s->place), v_int(to),
                 v_bytes(str_of(name)), v_int(s->create_us)));
    for (size_t i = 0; i < rows.n; i++)
        UNIT_ADD(c->unit, &privacy_sql[REPLY_DELETE], -1, REASON_CONFLICT, row_at(&rows, i)[0]);
    return erasure_count(c, s->erasure, "idempotency", (int64_t)rows.n);
}

static struct status sweep_replies(struct ctx *c, struct sweep *s, bool *ret_done)
{
    struct rows rows;
    db_reach_all(
        c); /* in steps of the whole table, so that a workspace with few replies does not read it at once */
    TRY(DB_QUERY(c, &privacy_sql[REPLIES_END], &rows, v_int(s->place), v_int(REPLIES_AT_ONCE)));
    db_reach_own(c);
    int64_t to = row_at(&rows, 0)[0].i;
    *ret_done = to == 0;
    for (size_t i = 0; i < s->work.n_ids && to; i++)
        TRY(drop_replies(c, s, s->work.ids[i], to));
    s->place = to;
    return ok();
}

/* ---- Rejected rows of imports: the text of those that hold one of its identities goes ---- */

static struct status redact_reject(struct ctx *c, struct sweep *s, const struct value *row)
{
    bool found;
    LeadImportReject *r = PB_UNPACK(c->arena, LeadImportReject, row[2].s);
    TRY(decoded(c, r, "a rejected row"));
    TRY(work_found_in(c, &s->work, r->row, &found));
    if (!found)
        return ok();
    r->row = (char *)protobuf_c_empty_string;
    if (r->status) {
        r->status->message = (char *)protobuf_c_empty_string;
        r->status->n_violations = 0;
    }
    struct str kept = pb_pack(c->arena, r);
    if (!kept.p)
        return fail_memory();
    UNIT_ADD(c->unit, &privacy_sql[REJECT_REDACT], -1, REASON_CONFLICT, v_bytes(kept), v_text(c->workspace),
             row[0], row[1]);
    return erasure_count(c, s->erasure, "lead_import_reject", 1);
}

/* after: the import's id, place: the line. */
static struct status sweep_rejects(struct ctx *c, struct sweep *s, bool *ret_done)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[REJECTS_AFTER], &rows, v_text(c->workspace), v_text(s->after),
                 v_int(s->place), v_int(REJECTS_AT_ONCE)));
    for (size_t i = 0; i < rows.n; i++)
        TRY(redact_reject(c, s, row_at(&rows, i)));
    *ret_done = rows.n < REJECTS_AT_ONCE;
    if (rows.n) {
        s->after = row_at(&rows, rows.n - 1)[0].s.p;
        s->place = row_at(&rows, rows.n - 1)[1].i;
    }
    return erasure_count(c, s->erasure, "lead_import_reject", 0);
}

/* ---- The files: nothing is searched for any more, and what was overwritten leaves them ---- */

static struct status sweep_files(struct ctx *c, struct sweep *s, bool *ret_done)
{
    if (s->packed.n) {
        s->packed = str_make("", 0);
        return ok();
    }
    *ret_done = !c->db->ops->forget || c->db->ops->forget(c->db);
    if (!*ret_done)
        return ok();
    s->erasure->state = ERASURE__STATE_DONE;
    s->erasure->finish_time = time_message(c->arena, c->now_us);
    return s->erasure->finish_time ? ok() : fail_memory();
}

static struct status (*const steps[])(struct ctx *, struct sweep *, bool *) = {
    sweep_decisions,
    sweep_replies,
    sweep_rejects,
    sweep_files,
};

/* ---- The job ---- */

static struct status load(struct ctx *c, const struct value *v, struct sweep *s)
{
    c->workspace = v[0].s.p;
    s->id = v[1].s.p;
    s->version = v[2].i;
    s->create_us = v[3].i;
    s->step = v[4].i;
    s->place = v[5].i;
    s->after = v[6].s.p;
    s->packed = v[7].s;
    s->erasure = PB_UNPACK(c->arena, Erasure, v[8].s);
    TRY(decoded(c, s->erasure, "erasure %s", s->id));
    return work_unpack(c, s->packed, &s->work);
}

static struct status save(struct ctx *c, const struct sweep *s)
{
    struct str data = pb_pack(c->arena, s->erasure);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &privacy_sql[ERASURE_UPDATE], 1, REASON_CONFLICT, v_int(s->erasure->state),
             v_int(s->step), v_int(s->place), v_text(s->after), v_bytes(s->packed), v_bytes(data),
             v_text(c->workspace), v_text(s->id), v_int(s->version));
    return ok();
}

struct status privacy_sweep(struct ctx *c)
{
    struct rows rows;
    struct sweep s;
    bool done = false;
    db_reach_all(c);
    TRY(DB_QUERY(c, &privacy_sql[ERASURE_OLDEST], &rows));
    db_reach_own(c);
    if (rows.n == 0)
        return ok();
    TRY(load(c, row_at(&rows, 0), &s));
    TRY(steps[s.step](c, &s, &done));
    if (done && s.step + 1 < (int64_t)COUNT(steps)) {
        s.step++;
        s.place = 0;
        s.after = "";
    }
    return save(c, &s);
}
