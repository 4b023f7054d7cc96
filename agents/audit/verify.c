/* VerifyAuditChain: the chain computed anew, stretch by stretch, and compared with what is stored. */
#include "agents/audit/audit.h"
#include "agents/audit/audit_private.h"
#include "agents/audit/audit_sql.h"
#include "agents/audit/entry.h"
#include "agents/record/aside.h"
#include "base/pb.h"

#define STRETCH_BYTES (size_t)(64 * 1024 * 1024)
#define MESSAGE_ENTRIES 20000 /* about so many between two messages */

struct verification {
    const AuditCheckpoint *given; /* the caller's; NULL once it was compared */
    int64_t position, seq;        /* of the last good entry */
    unsigned char head[SHA256_BYTES];
    int64_t ours, foreign; /* checkpoints */
    bool ended, told;
    AuditDamage__Kind damage; /* UNSPECIFIED: none so far */
    int64_t damage_seq;       /* 0: not known */
    const char *message;
};

/* The first damage ends the search. */
static struct status damaged(struct verification *v, AuditDamage__Kind kind, int64_t seq, const char *message)
{
    v->damage = kind;
    v->damage_seq = seq;
    v->message = message;
    v->ended = true;
    return ok();
}

/* ---- Checkpoints ---- */

static struct status compare(struct ctx *c, struct verification *v, const AuditCheckpoint *p)
{
    enum checkpoint_signer signer = checkpoint_signer(c, c->workspace, p);
    if (signer == SIGNER_NONE)
        return damaged(v, AUDIT_DAMAGE__KIND_CHECKPOINT_FORGED, v->seq,
                       "the signature of the checkpoint at this position does not fit");
    if (memcmp(p->head.data, v->head, SHA256_BYTES))
        return damaged(v, AUDIT_DAMAGE__KIND_REWRITTEN, v->seq,
                       "the checkpoint at this position was signed over another hash");
    *(signer == SIGNER_US ? &v->ours : &v->foreign) += 1;
    return ok();
}

/* Those at the position that was reached just now. */
static struct status compare_here(struct ctx *c, struct verification *v, AuditCheckpoint **next)
{
    if (v->given && v->given->position == v->position) {
        TRY(compare(c, v, v->given));
        v->given = NULL;
    }
    if (!v->ended && *next && (*next)->position == v->position) {
        TRY(compare(c, v, *next));
        TRY(checkpoint_next(c, v->position + 1, next));
    }
    return ok();
}

/* ---- One stretch ---- */

struct stretch {
    const unsigned char *links;
    int64_t n;
    struct rows rows; /* the entries that stand where it stands */
};

/* Whether the entry that belongs at link i stands under another one's number. */
static bool stands_elsewhere(struct ctx *c, const struct verification *v, const struct stretch *s,
                             const unsigned char *link)
{
    struct value row[ENTRY_COLUMN_COUNT];
    unsigned char hash[SHA256_BYTES];
    for (size_t i = 0; i < s->rows.n; i++) {
        memcpy(row, row_at(&s->rows, i), sizeof row);
        row[ENTRY_SEQ] = v_int(link_seq(link));
        if (entry_hash(c->arena, v->head, row, hash) && memcmp(hash, link_hash(link), sizeof hash) == 0)
            return true;
    }
    return false;
}

/* row: the next entry that stands in the log, NULL where there is none. */
static struct status check_entry(struct ctx *c, struct verification *v, const struct stretch *s,
                                 const unsigned char *link, const struct value *row)
{
    unsigned char hash[SHA256_BYTES];
    int64_t seq = link_seq(link);
    if (row && row[ENTRY_SEQ].i < seq)
        return damaged(v, AUDIT_DAMAGE__KIND_ADDED, row[ENTRY_SEQ].i, "this entry was never sealed");
    if (!row || row[ENTRY_SEQ].i > seq)
        return damaged(v, AUDIT_DAMAGE__KIND_MISSING, seq, "the entry is gone");
    if (!entry_hash(c->arena, v->head, row, hash))
        return fail_memory();
    if (memcmp(hash, link_hash(link), sizeof hash)) {
        if (stands_elsewhere(c, v, s, link))
            return damaged(v, AUDIT_DAMAGE__KIND_REORDERED, seq, "another entry stands in its place");
        return damaged(v, AUDIT_DAMAGE__KIND_ALTERED, seq, "the entry, or its hash, is not what it was");
    }
    memcpy(v->head, hash, sizeof hash);
    v->position++;
    v->seq = seq;
    return ok();
}

static struct status check_entries(struct ctx *c, struct verification *v, const struct stretch *s)
{
    AuditCheckpoint *next;
    TRY(checkpoint_next(c, v->position + 1, &next));
    for (int64_t i = 0; i < s->n && !v->ended; i++) {
        const struct value *row = (size_t)i < s->rows.n ? row_at(&s->rows, (size_t)i) : NULL;
        TRY(check_entry(c, v, s, s->links + i * LINK_BYTES, row));
        if (!v->ended)
            TRY(compare_here(c, v, &next));
    }
    if (!v->ended && s->rows.n > (size_t)s->n)
        return damaged(v, AUDIT_DAMAGE__KIND_ADDED, row_at(&s->rows, (size_t)s->n)[ENTRY_SEQ].i,
                       "this entry was never sealed");
    return ok();
}

/* No stretch follows: nothing else may. */
static struct status check_end(struct ctx *c, struct verification *v)
{
    struct rows rows;
    AuditCheckpoint *next;
    int64_t cursor;
    v->ended = true;
    TRY(checkpoint_next(c, v->position + 1, &next));
    if (next || v->given)
        return damaged(v, AUDIT_DAMAGE__KIND_TAIL_CUT, 0, "a checkpoint was signed further on");
    TRY(chain_cursor(c, &cursor));
    TRY(DB_QUERY(c, &audit_sql[LOG_BETWEEN], &rows, v_text(c->workspace), v_int(v->seq), v_int(cursor),
                 v_int(1)));
    if (rows.n)
        return damaged(v, AUDIT_DAMAGE__KIND_ADDED, row_at(&rows, 0)[ENTRY_SEQ].i,
                       "this entry is in no chain, though later ones of the log are");
    return ok();
}

static struct status check_stretch(struct ctx *c, struct verification *v)
{
    struct rows rows;
    struct stretch s;
    TRY(DB_QUERY(c, &audit_sql[SEAL_NEXT], &rows, v_text(c->workspace), v_int(v->position)));
    if (rows.n == 0)
        return check_end(c, v);
    const struct value *seal = row_at(&rows, 0);
    s.links = (const unsigned char *)seal[1].s.p;
    s.n = (int64_t)(seal[1].s.n / LINK_BYTES);
    if (s.n == 0 || seal[1].s.n % LINK_BYTES || seal[0].i - s.n != v->position)
        return damaged(v, AUDIT_DAMAGE__KIND_MISSING, 0, "a stretch of the chain is gone");
    TRY(DB_QUERY(c, &audit_sql[LOG_BETWEEN], &s.rows, v_text(c->workspace), v_int(v->seq),
                 v_int(link_seq(s.links + (s.n - 1) * LINK_BYTES)), v_int(s.n + 1)));
    return check_entries(c, v, &s);
}

static struct status check_stretch_aside(struct ctx *c, struct verification *v)
{
    struct aside own;
    aside_begin(&own, c, STRETCH_BYTES);
    return aside_end(&own, c, check_stretch(&own.ctx, v));
}

/* ---- The stream ---- */

struct status verify_audit_chain_open(struct ctx *c, const VerifyAuditChainRequest *req,
                                      struct verification **ret)
{
    struct verification *v = ARENA_NEW(c->arena, struct verification);
    if (!v)
        return fail_memory();
    v->given = req->checkpoint;
    if (v->given && checkpoint_signer(c, c->workspace, v->given) == SIGNER_NONE)
        return fail_field(c->arena, REASON_FIELD_INVALID, "checkpoint",
                          "its signature does not fit: it is not a checkpoint of this workspace");
    *ret = v;
    return ok();
}

static struct status tell_damage(struct ctx *c, const struct verification *v, AuditDamage **ret)
{
    AuditDamage *d = PB_NEW(c->arena, AuditDamage);
    bool of_checkpoint =
        v->damage == AUDIT_DAMAGE__KIND_REWRITTEN || v->damage == AUDIT_DAMAGE__KIND_CHECKPOINT_FORGED;
    if (!d)
        return fail_memory();
    d->position = v->position + !of_checkpoint;
    d->kind = v->damage;
    d->message = (char *)v->message;
    if (v->damage_seq)
        d->audit_event = arena_printf(c->arena, "auditEvents/%lld", (long long)v->damage_seq);
    *ret = d;
    return d->audit_event ? ok() : fail_memory();
}

struct status verify_audit_chain(struct ctx *c, struct verification *v, VerifyAuditChainResponse *res,
                                 bool *ret_more)
{
    int64_t pause = v->position + MESSAGE_ENTRIES;
    *ret_more = !v->told;
    if (v->told)
        return ok();
    db_read_renew(c);
    while (!v->ended && v->position < pause)
        TRY(check_stretch_aside(c, v));
    res->verified_entries = v->position;
    res->verified_checkpoints = v->ours;
    res->foreign_checkpoints = v->foreign;
    res->head.data = arena_raw(c->arena, SHA256_BYTES);
    res->head.len = SHA256_BYTES;
    res->finished = v->told = v->ended;
    if (!res->head.data)
        return fail_memory();
    memcpy(res->head.data, v->head, SHA256_BYTES);
    return v->damage ? tell_damage(c, v, &res->damage) : ok();
}
