#include "agents/record/events.h"

#include "base/ids.h"
#include "store/db.h"

#define COLUMNS                                                                                              \
    "workspace, create_time, agent_type, agent_id, action, subject, conversation, decision_id, payload, "    \
    "principal, method, request_id, trace_id"

static const struct stmt sql[] = {
    { "event_insert", "tiitttttbtttb", "",
      "INSERT INTO event (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
      /* In the order of the units, so that the log's order is theirs. */
      "INSERT INTO event (" COLUMNS ") SELECT " COLUMNS
      " FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], "
      "$8::text[], $9::bytea[], $10::text[], $11::text[], $12::text[], $13::bytea[])"
      " WITH ORDINALITY AS u (" COLUMNS ", place) ORDER BY place",
      NULL },
};

const struct stmt_table events_statements = { sql, COUNT(sql) };

#define TRACE_BYTES 16

/* The trace id's 32 hex digits as bytes; empty where there is none. */
static struct str trace_bytes(struct ctx *c)
{
    unsigned char *p = arena_raw(c->arena, TRACE_BYTES);
    bool known = p && hex_bytes(str_of(c->trace_id), p, TRACE_BYTES);
    return str_make((const char *)p, known ? TRACE_BYTES : 0);
}

/* "TriageLead" of "marketing.v1.TriageService/TriageLead": no two of our RPCs have one name. */
static const char *short_name(const char *method)
{
    const char *slash = strrchr(method, '/');
    return slash ? slash + 1 : method;
}

void event_add(struct ctx *c, const struct event *e)
{
    UNIT_ADD(c->unit, &sql[0], 1, REASON_INTERNAL, v_text(c->workspace), v_int(c->now_us),
             v_int(e->agent_type), v_text(e->agent_id), v_text(e->action), v_text(e->subject),
             v_text(e->conversation), v_text(e->decision), v_bytes(e->payload), v_text(c->principal),
             v_text(short_name(c->method)), v_text(c->request_id), v_bytes(trace_bytes(c)));
}

void event_note(struct ctx *c, const char *agent, const char *action, const char *subject)
{
    const struct event e = { AGENT_TYPE_UNSPECIFIED, agent, action, subject, "", "", str_make("", 0) };
    event_add(c, &e);
}
