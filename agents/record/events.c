#include "agents/record/events.h"

#include "store/db.h"

#define COLUMNS                                                                                              \
    "workspace, create_time, agent_type, agent_id, action, subject, conversation, decision_id, payload"

static const struct stmt sql[] = {
    { "event_insert", "tiitttttb", "",
      "INSERT INTO event (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
      /* In the order of the units, so that the log's order is theirs. */
      "INSERT INTO event (" COLUMNS ") SELECT " COLUMNS
      " FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], "
      "$8::text[], $9::bytea[])"
      " WITH ORDINALITY AS u (" COLUMNS ", place) ORDER BY place",
      NULL },
};

const struct stmt_table events_statements = { sql, COUNT(sql) };

void event_add(struct ctx *c, const struct event *e)
{
    UNIT_ADD(c->unit, &sql[0], 1, REASON_INTERNAL, v_text(c->workspace), v_int(c->now_us),
             v_int(e->agent_type), v_text(e->agent_id), v_text(e->action), v_text(e->subject),
             v_text(e->conversation), v_text(e->decision), v_bytes(e->payload));
}
