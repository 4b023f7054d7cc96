#include "agents/engage/message/message.h"

#include "agents/engage/message/message_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/leads.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define COLLECTION "messages/"

/* ---- Storing ---- */

static struct status pack(struct ctx *c, const Message *m, struct str *ret)
{
    *ret = pb_pack(c->arena, m);
    return ret->p ? ok() : fail_memory();
}

static void announce(struct ctx *c, const Message *m, const char *action, struct str payload)
{
    const struct event e = { AGENT_TYPE_ENGAGE, "engage", action, m->name, "", "", payload };
    event_add(c, &e);
    c->unit->news = true;
}

/* The log holds what a message is and where it stands, never what was said to whom. */
struct status message_announce(struct ctx *c, const Message *m, const char *action)
{
    Message told = *m;
    struct str payload;
    told.detail = (char *)protobuf_c_empty_string;
    TRY(pack(c, &told, &payload));
    announce(c, m, action, payload);
    return ok();
}

struct status message_add(struct ctx *c, Message *m)
{
    char id[ID_TEXT];
    const char *lead_id;
    struct str data;
    id_new(id);
    TRY(name_id(c->arena, m->lead, "leads/", "lead", &lead_id));
    m->name = arena_printf(c->arena, COLLECTION "%s", id);
    m->state = MESSAGE__STATE_SCHEDULED;
    m->create_time = m->update_time = time_message(c->arena, c->now_us);
    m->next_attempt_time = m->send_time;
    if (!m->name || !m->create_time)
        return fail_memory();
    TRY(pack(c, m, &data));
    UNIT_ADD(c->unit, &message_sql[MESSAGE_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(m->name + strlen(COLLECTION)), v_text(lead_id), v_int(1), v_int(m->state),
             v_int(time_us(m->send_time)), v_int(m->priority), v_int(c->now_us), v_bytes(data),
             v_bytes(str_make("", 0)));
    return message_announce(c, m, "message.scheduled");
}

static struct status store(struct ctx *c, const struct message_row *row, int64_t due_us, struct str frozen,
                           struct str *ret_data)
{
    Message *m = row->message;
    m->update_time = time_message(c->arena, c->now_us);
    if (!m->update_time)
        return fail_memory();
    TRY(pack(c, m, ret_data));
    if (frozen.p)
        UNIT_ADD(c->unit, &message_sql[MESSAGE_FREEZE], 1, REASON_CONFLICT, v_int(row->next), v_int(m->state),
                 v_int(due_us), v_bytes(*ret_data), v_bytes(frozen), v_text(c->workspace), v_text(row->id),
                 v_int(row->version));
    else
        UNIT_ADD(c->unit, &message_sql[MESSAGE_UPDATE], 1, REASON_CONFLICT, v_int(row->next), v_int(m->state),
                 v_int(due_us), v_bytes(*ret_data), v_text(c->workspace), v_text(row->id),
                 v_int(row->version));
    return ok();
}

struct status message_store(struct ctx *c, const struct message_row *row, int64_t due_us, struct str frozen)
{
    struct str data;
    return store(c, row, due_us, frozen, &data);
}

struct status message_save(struct ctx *c, const struct message_row *row, int64_t due_us, struct str frozen,
                           const char *action)
{
    struct str data;
    TRY(store(c, row, due_us, frozen, &data));
    if (*row->message->detail)
        return message_announce(c, row->message, action);
    announce(c, row->message, action, data); /* without a detail the log holds the same bytes */
    return ok();
}

static struct status take(struct ctx *c, struct str data, Message **ret)
{
    *ret = PB_UNPACK(c->arena, Message, data);
    return decoded(c, *ret, "a message");
}

struct status message_load(struct ctx *c, const char *name, struct message_row *ret)
{
    struct rows rows;
    TRY(name_id(c->arena, name, COLLECTION, "name", &ret->id));
    TRY(DB_QUERY(c, &message_sql[MESSAGE_GET], &rows, v_text(c->workspace), v_text(ret->id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_MESSAGE_NOT_FOUND, "there is no %s", name);
    ret->version = row_at(&rows, 0)[0].i;
    ret->next = ret->version + 1;
    return take(c, row_at(&rows, 0)[1].s, &ret->message);
}

struct status message_address(struct ctx *c, const char *id, const char **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &message_sql[MESSAGE_ADDRESS], &rows, v_text(c->workspace), v_text(id)));
    struct str rest = rows.n ? row_at(&rows, 0)[0].s : str_make("", 0);
    struct str address = str_split(&rest, '\n');
    *ret = arena_dup(c->arena, address);
    return *ret ? ok() : fail_memory();
}

void message_waiting_expect(struct ctx *c, const char *lead_id, Priority above, size_t limit)
{
    DB_EXPECT(c, &message_sql[MESSAGES_WAITING], v_text(lead_id), v_text(c->workspace), v_int(above),
              v_int((int64_t)limit));
}

struct status message_waiting(struct ctx *c, const char *lead_id, Priority above, size_t limit,
                              struct message_waiting **ret, size_t *ret_n)
{
    struct rows rows;
    TRY(DB_QUERY(c, &message_sql[MESSAGES_WAITING], &rows, v_text(lead_id), v_text(c->workspace),
                 v_int(above), v_int((int64_t)limit)));
    struct message_waiting *all = ARENA_ARRAY(c->arena, rows.n + 1, struct message_waiting);
    if (!all)
        return fail_memory();
    for (size_t i = 0; i < rows.n; i++) {
        Message *m;
        TRY(take(c, row_at(&rows, i)[1].s, &m));
        all[i] = (struct message_waiting){ row_at(&rows, i)[0].i, m };
    }
    *ret = all;
    *ret_n = rows.n;
    return ok();
}

/* ---- Handlers ---- */

struct status get_message(struct ctx *c, const GetMessageRequest *req, Message *res)
{
    struct message_row row;
    TRY(message_load(c, req->name, &row));
    *res = *row.message;
    return ok();
}

/* The rows after `after`; of the lead that is asked for, where one is. */
static struct status read_page(struct ctx *c, const ListMessagesRequest *req, const struct page *page,
                               struct rows *ret)
{
    struct lead_row lead;
    if (!*req->lead)
        return DB_QUERY(c, &message_sql[MESSAGES_OF_ALL], ret, v_text(c->workspace), v_text(page->after),
                        v_int(req->state), v_int(page->size + 1));
    TRY(lead_load(c, req->lead, "lead", &lead));
    return DB_QUERY(c, &message_sql[MESSAGES_OF_LEAD], ret, v_text(c->workspace), v_text(lead.id),
                    v_text(page->after), v_int(req->state), v_int(page->size + 1));
}

struct status list_messages(struct ctx *c, const ListMessagesRequest *req, ListMessagesResponse *res)
{
    struct page page;
    struct rows rows;
    const char *scope = arena_printf(c->arena, "%s\n%d", req->lead, (int)req->state);
    if (!scope)
        return fail_memory();
    TRY(page_read(c, req->page_size, req->page_token, scope, &page));
    TRY(read_page(c, req, &page, &rows));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->messages = ARENA_ARRAY(c->arena, rows.n + 1, Message *);
    if (!res->messages)
        return fail_memory();
    for (; res->n_messages < rows.n; res->n_messages++)
        TRY(take(c, row_at(&rows, res->n_messages)[1].s, &res->messages[res->n_messages]));
    return more ? page_token(c, scope, row_at(&rows, rows.n - 1)[0].s.p, &res->next_page_token) : ok();
}

struct status cancel_message(struct ctx *c, const CancelMessageRequest *req, Message *res)
{
    struct message_row row;
    TRY(message_load(c, req->name, &row));
    *res = *row.message;
    if (res->state == MESSAGE__STATE_CANCELLED)
        return ok();
    if (res->state != MESSAGE__STATE_SCHEDULED)
        return fail(c->arena, REASON_MESSAGE_STATE, "%s is on its way, or its outcome is known", req->name);
    res->state = MESSAGE__STATE_CANCELLED;
    res->cause = MESSAGE__CAUSE_CANCELLED;
    res->next_attempt_time = NULL;
    row.message = res;
    return message_save(c, &row, 0, str_make(NULL, 0), "message.cancelled");
}

/* The state that each resolution leads to. */
static const Message__State resolved[] = {
    [RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_RESEND] = MESSAGE__STATE_SCHEDULED,
    [RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_SENT] = MESSAGE__STATE_SENT,
    [RESOLVE_UNKNOWN_MESSAGE_REQUEST__RESOLUTION_FAILED] = MESSAGE__STATE_FAILED,
};

struct status resolve_unknown_message(struct ctx *c, const ResolveUnknownMessageRequest *req, Message *res)
{
    struct message_row row;
    if (!req->resolution)
        return fail_field(c->arena, REASON_FIELD_INVALID, "resolution", "must be RESEND, SENT or FAILED");
    TRY(message_load(c, req->name, &row));
    *res = *row.message;
    Message__State state = resolved[req->resolution];
    if (res->cause == MESSAGE__CAUSE_RESOLVED && res->state == state)
        return ok();
    if (res->state != MESSAGE__STATE_UNKNOWN)
        return fail(c->arena, REASON_MESSAGE_STATE, "what became of %s is known", req->name);
    bool again = state == MESSAGE__STATE_SCHEDULED;
    res->state = state;
    res->cause = MESSAGE__CAUSE_RESOLVED;
    res->attempt_count = again ? 0 : res->attempt_count;
    res->next_attempt_time = again ? time_message(c->arena, c->now_us) : NULL;
    res->send_time = again ? res->next_attempt_time : res->send_time;
    res->sent_time = state == MESSAGE__STATE_SENT ? time_message(c->arena, c->now_us) : NULL;
    row.message = res;
    return message_save(c, &row, c->now_us, str_make(NULL, 0), "message.resolved");
}
