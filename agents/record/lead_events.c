#include "agents/record/lead_events.h"

#include "agents/record/active.h"
#include "agents/record/engagement.h"
#include "agents/record/events.h"
#include "agents/record/lists.h"
#include "agents/record/times.h"
#include "base/ids.h"

#define SEEN_SLOTS 4096 /* a power of two, more than twice LEAD_EVENTS_MAX */

enum { EVENT_IDS, EVENT_INSERT, STATEMENTS };

static const struct stmt sql[STATEMENTS] = {
    [EVENT_IDS] = { "lead_event_ids", "t" LIST_LETTERS, "t",
                    "SELECT event_id FROM lead_event WHERE workspace = $1 AND event_id IN (" LIST_FROM_2 ")",
                    NULL, LIST_EACH("event_id", LIST_FROM_2, "lead_event", "event_id") },
    [EVENT_INSERT] = { "lead_event_insert", "tttiitb", "",
                       "INSERT INTO lead_event (workspace, event_id, lead_id, event_time, ingest_time, type, "
                       "data)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                       "INSERT INTO lead_event (workspace, event_id, lead_id, event_time, ingest_time, type, "
                       "data) SELECT * FROM"
                       " unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], "
                       "$7::bytea[])",
                       NULL },
};

const struct stmt_table lead_events_statements = { sql, STATEMENTS };

struct lead_events {
    struct ctx *c;
    const struct engagement_axis *axis;
    const char *seen[SEEN_SLOTS];
};

struct status lead_events_open(struct ctx *c, struct lead_events **ret)
{
    void *axis;
    struct lead_events *all = *ret = ARENA_NEW(c->arena, struct lead_events);
    if (!all)
        return fail_memory();
    TRY(active_get(c, ACTIVE_ENGAGEMENT, &axis));
    all->c = c;
    all->axis = axis;
    return ok();
}

/* ---- Ids seen before ---- */

/* Where the id is, or belongs. */
static size_t place(const struct lead_events *all, const char *id)
{
    size_t at = hash64(str_of(id), 0) & (SEEN_SLOTS - 1);
    while (all->seen[at] && strcmp(all->seen[at], id))
        at = (at + 1) & (SEEN_SLOTS - 1);
    return at;
}

bool lead_events_known(const struct lead_events *all, const char *id)
{
    return all->seen[place(all, id)] != NULL;
}

static void learn(struct lead_events *all, const char *id)
{
    all->seen[place(all, id)] = id;
}

struct status lead_events_ask(struct lead_events *all, const char *const *ids, size_t n)
{
    struct value args[1 + LIST_MAX] = { v_text(all->c->workspace) };
    struct rows rows;
    for (size_t from = 0; from < n; from += LIST_MAX) {
        for (size_t i = 0; i < LIST_MAX; i++)
            args[1 + i] = v_text(ids[MIN(from + i, n - 1)]); /* padded with the last one */
        TRY(db_query(all->c, &sql[EVENT_IDS], args, &rows));
        for (size_t i = 0; i < rows.n; i++)
            learn(all, row_at(&rows, i)[0].s.p);
    }
    return ok();
}

/* ---- Storing ---- */

/* As it is kept: its lead is the row's column, and who it was known by is the lead's matter. */
static struct status pack(struct ctx *c, const LeadEvent *e, int64_t event_us, struct str *ret)
{
    LeadEvent kept = *e;
    kept.lead = kept.email = kept.external_id = (char *)protobuf_c_empty_string;
    kept.event_time = time_message(c->arena, event_us);
    kept.ingest_time = time_message(c->arena, c->now_us);
    if (!kept.event_time || !kept.ingest_time)
        return fail_memory();
    *ret = pb_pack(c->arena, &kept);
    return ret->p ? ok() : fail_memory();
}

/* Of what a caller wrote the log holds nothing, for it outlives the lead; marks of the event's id and type
 * let those who react find the event, and see whether they need to. */
static struct status announce(struct ctx *c, const LeadEvent *e, int64_t event_us, const struct lead_row *row)
{
    char mark[ID_TEXT], type[ID_TEXT];
    LeadEvent told = LEAD_EVENT_INIT;
    event_id_mark(str_of(e->event_id), mark);
    event_type_mark(str_of(e->type), type);
    told.event_id = mark;
    told.type = type;
    told.event_time = time_message(c->arena, event_us);
    struct str payload = told.event_time ? pb_pack(c->arena, &told) : str_make(NULL, 0);
    if (!payload.p)
        return fail_memory();
    const struct event logged = {
        AGENT_TYPE_UNSPECIFIED, "lead", "lead.event_recorded", row->lead->name, "", "", payload
    };
    event_add(c, &logged);
    return ok();
}

struct status lead_events_add(struct lead_events *all, const LeadEvent *e, int64_t event_us,
                              struct lead_row *row)
{
    struct ctx *c = all->c;
    struct str data;
    double weight = engagement_weight(all->axis, str_of(e->type));
    TRY(pack(c, e, event_us, &data));
    TRY(lead_engage(c, row->lead, event_us, weight, all->axis->half_life_us));
    UNIT_ADD(c->unit, &sql[EVENT_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(e->event_id),
             v_text(row->id), v_int(event_us), v_int(c->now_us), v_text(e->type), v_bytes(data));
    learn(all, e->event_id);
    return announce(c, e, event_us, row);
}
