#include "server/gate/idem.h"

#include "server/gate/idem_sql.h"

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

void idem_seal(struct ctx *c, const struct idem_key *k, struct str response)
{
    struct str fingerprint = str_make((const char *)k->fingerprint, sizeof k->fingerprint);
    UNIT_ADD(c->unit, &idem_sql[IDEM_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(k->request_id),
             v_text(c->method), v_bytes(fingerprint), v_int(c->now_us), v_bytes(response));
}

struct status idem_find(struct ctx *c, const struct idem_key *k, bool *ret_found, struct str *ret_response)
{
    struct rows rows;
    db_read_done(c); /* the handler's snapshot may be older than the reply */
    struct status s = DB_QUERY(c, &idem_sql[IDEM_SELECT], &rows, v_text(c->workspace), v_text(k->request_id),
                               v_text(c->method));
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

struct status idem_purge(struct ctx *c, int64_t before_us)
{
    UNIT_ADD(c->unit, &idem_sql[IDEM_EXPIRE], -1, REASON_CONFLICT, v_int(before_us), v_int(PURGE_ROWS));
    return ok();
}
