/* Checkpoints: signed statements of where a chain was. */
#include "agents/audit/audit.h"
#include "agents/audit/audit_private.h"
#include "agents/audit/audit_sql.h"
#include "agents/record/events.h"
#include "agents/record/signer.h"
#include "agents/record/times.h"
#include "base/clock.h"

#define COLLECTION "auditCheckpoints/"
#define EVERY_US (3600 * US_PER_SECOND)

/* ---- The chain's end ---- */

struct status chain_cursor(struct ctx *c, int64_t *ret_seq)
{
    struct rows rows;
    TRY(DB_QUERY(c, &audit_sql[CURSOR_GET], &rows));
    if (rows.n == 0)
        return fail(c->arena, REASON_INTERNAL, "the row of audit_cursor is gone");
    *ret_seq = row_at(&rows, 0)[0].i;
    return ok();
}

struct status chain_head(struct ctx *c, const char *workspace, int64_t *ret_position,
                         unsigned char ret_head[SHA256_BYTES])
{
    struct rows rows;
    TRY(DB_QUERY(c, &audit_sql[SEAL_HEAD], &rows, v_text(workspace)));
    memset(ret_head, 0, SHA256_BYTES);
    *ret_position = 0;
    if (rows.n == 0)
        return ok();
    const struct value *v = row_at(&rows, 0);
    if (v[1].s.n != SHA256_BYTES)
        return fail(c->arena, REASON_INTERNAL, "the audit chain of %s ends in half a hash", workspace);
    *ret_position = v[0].i;
    memcpy(ret_head, v[1].s.p, SHA256_BYTES);
    return ok();
}

/* ---- Signing ---- */

/* What is signed; p is NULL over the budget. */
static struct str signed_text(struct ctx *c, const char *workspace, const AuditCheckpoint *p)
{
    char head[2 * SHA256_BYTES + 1];
    hex_text(p->head.data, SHA256_BYTES, head);
    const char *text =
        arena_printf(c->arena, "marketing audit checkpoint v1\n%s\n%lld\n%s\n%lld\n", workspace,
                     (long long)p->position, head, (long long)time_us(p->create_time));
    return str_make(text, text ? strlen(text) : 0);
}

/* A signed checkpoint of this place in the chain. */
static struct status make(struct ctx *c, const char *workspace, int64_t position, struct str head,
                          AuditCheckpoint **ret)
{
    AuditCheckpoint *p = PB_NEW(c->arena, AuditCheckpoint);
    if (!p)
        return fail_memory();
    p->name = arena_printf(c->arena, COLLECTION "%lld", (long long)position);
    p->workspace = pb_str(c->arena, str_of(workspace));
    p->position = position;
    p->head.data = (uint8_t *)arena_dup(c->arena, head);
    p->head.len = head.n;
    p->create_time = time_message(c->arena, c->now_us);
    if (!p->name || !p->workspace || !p->head.data || !p->create_time)
        return fail_memory();
    struct str text = signed_text(c, workspace, p);
    if (!text.p)
        return fail_memory();
    *ret = p;
    return signer_sign(c, text, &p->public_key, &p->signature);
}

enum checkpoint_signer checkpoint_signer(struct ctx *c, const char *workspace, const AuditCheckpoint *p)
{
    if (p->head.len != SHA256_BYTES || p->public_key.len != SIGN_KEY_BYTES ||
        p->signature.len != SIGNATURE_BYTES || !p->create_time)
        return SIGNER_NONE;
    struct str text = signed_text(c, workspace, p);
    if (!text.p || !sign_check(p->public_key.data, text, p->signature.data))
        return SIGNER_NONE;
    bool ours = memcmp(p->public_key.data, c->app->signer->public_half, SIGN_KEY_BYTES) == 0;
    return ours ? SIGNER_US : SIGNER_ANOTHER;
}

/* ---- Rows ---- */

struct status checkpoint_next(struct ctx *c, int64_t position, AuditCheckpoint **ret)
{
    struct rows rows;
    *ret = NULL;
    TRY(DB_QUERY(c, &audit_sql[CHECKPOINT_NEXT], &rows, v_text(c->workspace), v_int(position)));
    if (rows.n == 0)
        return ok();
    const struct value *v = row_at(&rows, 0);
    *ret = PB_UNPACK(c->arena, AuditCheckpoint, v[1].s);
    if (!*ret && c->arena->overflow)
        return fail_memory();
    if (!*ret && !(*ret = PB_NEW(c->arena, AuditCheckpoint))) /* somebody's: nobody signed it */
        return fail_memory();
    (*ret)->position = v[0].i;
    return ok();
}

static struct status checkpoint_add(struct ctx *c, const char *workspace, const AuditCheckpoint *p)
{
    struct str data = pb_pack(c->arena, p);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &audit_sql[CHECKPOINT_INSERT], 1, REASON_CONFLICT, v_text(workspace),
             v_int(p->position), v_int(c->now_us), v_bytes(data));
    return ok();
}

struct status audit_checkpoints(struct ctx *c)
{
    struct rows rows;
    db_reach_all(c);
    TRY(DB_QUERY(c, &audit_sql[SEAL_HEADS], &rows, v_int(c->now_us - EVERY_US)));
    for (size_t i = 0; i < rows.n; i++) {
        const struct value *v = row_at(&rows, i);
        AuditCheckpoint *p;
        if (v[2].s.n != SHA256_BYTES)
            return fail(c->arena, REASON_INTERNAL, "the audit chain of %s ends in half a hash", v[0].s.p);
        TRY(make(c, v[0].s.p, v[1].i, v[2].s, &p));
        TRY(checkpoint_add(c, v[0].s.p, p));
    }
    return ok();
}

/* ---- CreateCheckpoint ---- */

struct status create_checkpoint(struct ctx *c, const CreateCheckpointRequest *req, AuditCheckpoint *res)
{
    unsigned char head[SHA256_BYTES];
    int64_t position;
    AuditCheckpoint *p;
    TRY(chain_head(c, c->workspace, &position, head));
    if (!position)
        return fail(c->arena, REASON_AUDIT_EMPTY, "nothing has happened yet that could be signed");
    TRY(checkpoint_next(c, position, &p));
    if (!p) {
        TRY(make(c, c->workspace, position, str_make((const char *)head, sizeof head), &p));
        TRY(checkpoint_add(c, c->workspace, p));
        event_note(c, "audit", "audit.checkpoint_created", p->name);
    }
    *res = *p;
    return ok();
}
