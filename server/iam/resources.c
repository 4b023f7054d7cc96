#include "server/iam/resources.h"

#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/ids.h"
#include "server/iam/iam_sql.h"

#define SAME_PLACE(type, field, other, member)                                                               \
    _Static_assert(offsetof(type, field) == offsetof(struct other, member), #type "." #field)
#define SAME_HEAD(type)                                                                                      \
    SAME_PLACE(type, name, resource_head, name);                                                             \
    SAME_PLACE(type, etag, resource_head, etag);                                                             \
    SAME_PLACE(type, create_time, resource_head, create_time);                                               \
    SAME_PLACE(type, update_time, resource_head, update_time)
#define SAME_ACCOUNT(type)                                                                                   \
    SAME_PLACE(type, display_name, account, display_name);                                                   \
    SAME_PLACE(type, n_roles, account, n_roles);                                                             \
    SAME_PLACE(type, roles, account, roles);                                                                 \
    SAME_PLACE(type, disabled, account, disabled)
SAME_HEAD(Workspace);
SAME_HEAD(User);
SAME_HEAD(ServiceAccount);
SAME_HEAD(Role);
SAME_ACCOUNT(User);
SAME_ACCOUNT(ServiceAccount);

static const struct kind {
    const char *collection, *noun; /* "users/", "user" */
    const ProtobufCMessageDescriptor *message;
} kinds[RESOURCE_KINDS] = {
    [RESOURCE_WORKSPACE] = { "workspaces/", "workspace", &Workspace_descriptor },
    [RESOURCE_USER] = { "users/", "user", &User_descriptor },
    [RESOURCE_SERVICE_ACCOUNT] = { "serviceAccounts/", "service_account", &ServiceAccount_descriptor },
    [RESOURCE_ROLE] = { "roles/", "role", &Role_descriptor },
};

/* Workspaces belong to none. */
static const char *home(const struct ctx *c, enum resource_kind kind)
{
    return kind == RESOURCE_WORKSPACE ? "" : c->workspace;
}

/* What the row says of itself. */
static struct status fill_head(struct ctx *c, const struct resource *r, int64_t create_us, int64_t update_us)
{
    struct resource_head *m = r->message;
    m->name = arena_printf(c->arena, "%s%s", kinds[r->kind].collection, r->id);
    m->etag = arena_printf(c->arena, "%lld", (long long)r->version);
    m->create_time = time_message(c->arena, create_us);
    m->update_time = time_message(c->arena, update_us);
    return m->name && m->etag && m->create_time && m->update_time ? ok() : fail_memory();
}

/* Takes (version, create_time, update_time, data). */
static struct status take(struct ctx *c, enum resource_kind kind, const char *id, const struct value *v,
                          struct resource *ret)
{
    ret->kind = kind;
    ret->id = id;
    ret->version = v[0].i;
    ret->message = pb_unpack(c->arena, kinds[kind].message, v[3].s);
    TRY(decoded(c, ret->message, "%s%s", kinds[kind].collection, id));
    return fill_head(c, ret, v[1].i, v[2].i);
}

struct status resource_id(struct ctx *c, enum resource_kind kind, const char *name, const char *field,
                          const char **ret)
{
    return name_id(c->arena, name, kinds[kind].collection, field, ret);
}

struct status resource_get(struct ctx *c, enum resource_kind kind, const char *id, struct resource *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &iam_sql[RESOURCE_GET], &rows, v_text(home(c, kind)), v_int(kind), v_text(id)));
    if (!rows.n)
        return fail(c->arena, REASON_ACCOUNT_NOT_FOUND, "there is no %s%s", kinds[kind].collection, id);
    return take(c, kind, id, row_at(&rows, 0), ret);
}

struct status resource_named(struct ctx *c, enum resource_kind kind, const char *name, const char *field,
                             const char *etag, struct resource *ret)
{
    const char *id;
    TRY(resource_id(c, kind, name, field, &id));
    TRY(resource_get(c, kind, id, ret));
    if (*etag && strcmp(etag, ret->message->etag))
        return fail(c->arena, REASON_ETAG_MISMATCH, "%s was changed", name);
    return ok();
}

struct status resource_list(struct ctx *c, enum resource_kind kind, int32_t page_size,
                            const char *page_token_text, struct resource_head ***ret_messages, size_t *ret_n,
                            char **ret_next)
{
    struct page page;
    struct rows rows;
    TRY(page_read(c, page_size, page_token_text, "", &page));
    TRY(DB_QUERY(c, &iam_sql[RESOURCE_LIST], &rows, v_text(home(c, kind)), v_int(kind), v_text(page.after),
                 v_int(page.size + 1)));
    size_t n = MIN(rows.n, (size_t)page.size);
    struct resource_head **messages = ARENA_ARRAY(c->arena, n + 1, struct resource_head *);
    if (!messages)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        struct resource r;
        TRY(take(c, kind, row_at(&rows, i)[0].s.p, row_at(&rows, i) + 1, &r));
        messages[i] = r.message;
    }
    *ret_messages = messages;
    *ret_n = n;
    return rows.n > n ? page_token(c, "", row_at(&rows, n - 1)[0].s.p, ret_next) : ok();
}

/* The message's bytes without what the row says. */
static struct str pack(struct ctx *c, struct resource_head *message)
{
    struct resource_head whole = *message;
    message->name = message->etag = (char *)protobuf_c_empty_string;
    message->create_time = message->update_time = NULL;
    struct str data = pb_pack(c->arena, message);
    *message = whole;
    return data;
}

/* For the audit log: "user.created" of "users/ann". */
static struct status note(struct ctx *c, const struct resource *r, const char *what)
{
    const char *action = arena_printf(c->arena, "%s.%s", kinds[r->kind].noun, what);
    if (!action)
        return fail_memory();
    event_note(c, "iam", action, r->message->name);
    return ok();
}

struct status resource_add(struct ctx *c, enum resource_kind kind, const char *id, const char *id_field,
                           bool disabled, struct resource_head *message)
{
    struct resource r = { kind, id, 1, message };
    TRY(id_check(c->arena, id, id_field));
    struct str data = pack(c, message);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &iam_sql[RESOURCE_INSERT], 1, REASON_ACCOUNT_ALREADY_EXISTS, v_text(home(c, kind)),
             v_int(kind), v_text(id), v_int(c->now_us), v_int(c->now_us), v_int(disabled), v_bytes(data));
    TRY(fill_head(c, &r, c->now_us, c->now_us));
    return note(c, &r, "created");
}

struct status resource_put(struct ctx *c, struct resource *r, bool disabled)
{
    struct str data = pack(c, r->message);
    if (!data.p)
        return fail_memory();
    UNIT_ADD(c->unit, &iam_sql[RESOURCE_UPDATE], 1, REASON_CONFLICT, v_int(c->now_us), v_int(disabled),
             v_bytes(data), v_text(home(c, r->kind)), v_int(r->kind), v_text(r->id), v_int(r->version));
    r->version++;
    TRY(fill_head(c, r, time_us(r->message->create_time), c->now_us));
    return note(c, r, "updated");
}

struct status resource_remove(struct ctx *c, const struct resource *r)
{
    UNIT_ADD(c->unit, &iam_sql[RESOURCE_DELETE], 1, REASON_CONFLICT, v_text(home(c, r->kind)), v_int(r->kind),
             v_text(r->id), v_int(r->version));
    return note(c, r, "deleted");
}
