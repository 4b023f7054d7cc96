#include "agents/record/versions.h"

#include "agents/record/decoded.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"

/* Where a message has a field. */
static void *at(void *message, size_t offset)
{
    return (char *)message + offset;
}

/* Fails where memory is out. */
static struct status put_head(struct ctx *c, const struct versions *k, const char *id, int64_t version,
                              int state, int64_t create_us, void *message)
{
    char *name = arena_printf(c->arena, "%s%s", k->collection, id);
    Timestamp *time = time_message(c->arena, create_us);
    memcpy(at(message, k->name), &name, sizeof name);
    memcpy(at(message, k->version), &version, sizeof version);
    memcpy(at(message, k->state), &state, sizeof state);
    memcpy(at(message, k->create_time), &time, sizeof time);
    return name && time ? ok() : fail_memory();
}

struct status versions_take(struct ctx *c, const struct versions *k, const char *id, int64_t version,
                            const struct value *v, void *ret)
{
    void *message = pb_unpack(c->arena, k->type, v[2].s);
    TRY(decoded(c, message, "%s %s", k->what, id));
    memcpy(ret, &message, sizeof message);
    return put_head(c, k, id, version, (int)v[0].i, v[1].i, message);
}

struct status versions_get(struct ctx *c, const struct versions *k, const char *id, int64_t version,
                           void *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, k->get, &rows, v_text(c->workspace), v_text(id), v_int(version)));
    if (rows.n == 0)
        return fail(c->arena, k->not_found, "%s%s has no version %lld", k->collection, id,
                    (long long)version);
    return versions_take(c, k, id, version, row_at(&rows, 0), ret);
}

struct status versions_newest(struct ctx *c, const struct versions *k, const char *id, int64_t *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, k->newest, &rows, v_text(c->workspace), v_text(id)));
    *ret = row_at(&rows, 0)[0].i;
    return ok();
}

struct status versions_chosen(struct ctx *c, const struct versions *k, const char *id, int64_t asked,
                              int64_t serving, int64_t *ret)
{
    if (asked < 0)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "version", "must not be negative");
    *ret = asked ? asked : serving;
    if (*ret == 0)
        TRY(versions_newest(c, k, id, ret));
    return *ret ? ok() : fail(c->arena, k->not_found, "there is no %s%s", k->collection, id);
}

struct status versions_draft(struct ctx *c, const struct versions *k, const char *id, int state,
                             void *message)
{
    int64_t newest;
    TRY(versions_newest(c, k, id, &newest));
    return put_head(c, k, id, newest + 1, state, c->now_us, message);
}

static struct status take_all(struct ctx *c, const struct versions *k, const struct rows *rows, size_t n,
                              void *ret_messages)
{
    void **messages = ARENA_ARRAY(c->arena, n + 1, void *);
    if (!messages)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        const struct value *v = row_at(rows, i);
        TRY(versions_take(c, k, v[0].s.p, v[1].i, v + 2, &messages[i]));
    }
    memcpy(ret_messages, &messages, sizeof messages);
    return ok();
}

struct status versions_page(struct ctx *c, const struct versions *k, int32_t page_size,
                            const char *page_token, void *ret_messages, size_t *ret_n, char **ret_next)
{
    struct page page;
    struct rows rows;
    const char *id;
    int64_t version;
    TRY(page_read(c, page_size, page_token, "", &page));
    TRY(page_after_version(c, &page, &id, &version));
    TRY(DB_QUERY(c, k->list, &rows, v_text(c->workspace), v_text(id), v_int(version), v_int(page.size + 1)));
    *ret_n = MIN(rows.n, (size_t)page.size);
    TRY(take_all(c, k, &rows, *ret_n, ret_messages));
    if (rows.n == *ret_n)
        return ok();
    const struct value *last = row_at(&rows, *ret_n - 1);
    return page_token_version(c, last[0].s.p, last[1].i, ret_next);
}

void versions_move(struct ctx *c, const struct versions *k, const char *id, int64_t version, int64_t from,
                   int64_t to)
{
    UNIT_ADD(c->unit, k->move, 1, REASON_CONFLICT, v_int(to), v_text(c->workspace), v_text(id),
             v_int(version), v_int(from));
}
