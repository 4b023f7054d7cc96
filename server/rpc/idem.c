#include "server/rpc/idem.h"

#include "server/rpc/idem_sql.h"

#define PURGE_ROWS 2000 /* of one unit: the committer is held up for some milliseconds at most */

struct status idem_check(struct arena *a, const char *request_id)
{
    size_t n = strlen(request_id);
    if (n == 0)
        return ok();
    if (n < REQUEST_ID_MIN || n > REQUEST_ID_MAX)
        return fail_field(a, REASON_FIELD_INVALID, "request_id", "must have %d to %d characters",
                          REQUEST_ID_MIN, REQUEST_ID_MAX);
    for (const char *p = request_id; *p; p++)
        if (*p < ' ' || *p > '~')
            return fail_field(a, REASON_FIELD_INVALID, "request_id", "must be printable ASCII");
    return ok();
}

#define KEY_BYTES 16 /* of SHA-256: nobody can make two keys meet */

/* The row's key, in the ctx's arena; p is NULL over the budget. */
static struct str row_key(struct ctx *c, const struct idem_key *k)
{
    unsigned char digest[SHA256_BYTES];
    char *text = arena_printf(c->arena, "%s\n%s\n%s", c->workspace, c->method, k->request_id);
    if (!text)
        return str_make(NULL, 0);
    sha256(str_of(text), digest);
    return str_make(arena_dup(c->arena, str_make((const char *)digest, KEY_BYTES)), KEY_BYTES);
}

void idem_seal(struct ctx *c, const struct idem_key *k, struct str response)
{
    struct str fingerprint = str_make((const char *)k->fingerprint, sizeof k->fingerprint),
               key = row_key(c, k);
    if (key.p)
        UNIT_ADD(c->unit, &idem_sql[IDEM_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_bytes(key),
                 v_bytes(fingerprint), v_int(c->now_us), v_bytes(response));
}

struct status idem_find(struct ctx *c, const struct idem_key *k, bool *ret_found, struct str *ret_response)
{
    struct rows rows;
    struct str key = row_key(c, k);
    if (!key.p)
        return fail_memory();
    db_read_done(c); /* the handler's snapshot may be older than the reply */
    struct status s = DB_QUERY(c, &idem_sql[IDEM_SELECT], &rows, v_bytes(key), v_text(c->workspace));
    db_read_done(c);
    TRY(s);
    if (!rows.n) {
        *ret_found = false;
        return ok();
    }
    const struct value *row = row_at(&rows, 0);
    if (!str_eq(row[0].s, str_make((const char *)k->fingerprint, sizeof k->fingerprint)))
        return fail_field(c->arena, REASON_REQUEST_ID_REUSED, "request_id",
                          "was used before with another body");
    *ret_found = true;
    *ret_response = row[1].s;
    return ok();
}

/* Rows come in the order of their time, nearly; where the oldest is to stay, so are all. */
struct status idem_purge(struct ctx *c, int64_t before_us)
{
    struct rows rows;
    db_reach_all(c);
    TRY(db_query(c, &idem_sql[IDEM_OLDEST], NULL, &rows));
    if (!rows.n || row_at(&rows, 0)[1].i >= before_us)
        return ok();
    UNIT_ADD(c->unit, &idem_sql[IDEM_EXPIRE], -1, REASON_CONFLICT, v_int(row_at(&rows, 0)[0].i + PURGE_ROWS),
             v_int(before_us));
    return ok();
}
