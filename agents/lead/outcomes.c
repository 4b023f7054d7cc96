/* RecordOutcome: the labels that models learn from. */
#include "agents/lead/common.h"
#include "agents/lead/lead.h"
#include "agents/lead/lead_sql.h"
#include "agents/record/decisions.h"
#include "agents/record/times.h"
#include "base/ids.h"

static struct status check_value(struct ctx *c, const Outcome *o)
{
    bool upper = true;
    for (size_t i = 0; i < 3 && o->currency[i]; i++)
        upper &= o->currency[i] >= 'A' && o->currency[i] <= 'Z';
    if (*o->currency && (strlen(o->currency) != 3 || !upper))
        return fail_field(c->arena, REASON_FIELD_INVALID, "outcome.currency",
                          "must be an ISO 4217 code, three capitals");
    if (o->value_micros && !*o->currency)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "outcome.currency", "a value needs its currency");
    if (o->value_micros < 0)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "outcome.value_micros",
                          "must not be negative");
    return ok();
}

/* The decision that the outcome judges: one of the lead's own, its last one by default. */
static struct status find_decision(struct ctx *c, const struct lead_row *row, const Outcome *o, char **ret)
{
    struct lead_row judged;
    Decision *d;
    *ret = row->lead->triage ? row->lead->triage->decision : (char *)protobuf_c_empty_string;
    if (!*o->decision)
        return ok();
    TRY(decision_get(c, o->decision, &d));
    TRY(lead_load(c, d->lead, "outcome.decision", &judged));
    if (strcmp(judged.id, row->id))
        return fail_field(c->arena, REASON_FIELD_INVALID, "outcome.decision", "is about another lead");
    *ret = o->decision;
    return ok();
}

static struct status fill(struct ctx *c, const struct lead_row *row, const Outcome *given, Outcome *res)
{
    char id[ID_TEXT];
    int64_t us;
    TRY(given_time(c, given->outcome_time, "outcome.outcome_time", &us));
    id_new(id);
    res->converted = given->converted;
    res->currency = given->currency;
    res->value_micros = given->value_micros;
    res->outcome_time = time_message(c->arena, us);
    res->name = arena_printf(c->arena, "leads/%s/outcomes/%s", row->id, id);
    return res->outcome_time && res->name ? find_decision(c, row, given, &res->decision) : fail_memory();
}

/* The lead stays as it is, but must still be there. */
static struct status store(struct ctx *c, const struct lead_row *row, const Outcome *o)
{
    struct str data = pb_pack(c->arena, o);
    if (!data.p)
        return fail_memory();
    lead_hold(c, row);
    UNIT_ADD(c->unit, &lead_room_sql[OUTCOME_INSERT], 1, REASON_CONFLICT, v_text(c->workspace),
             v_text(strrchr(o->name, '/') + 1), v_text(row->id), v_int(time_us(o->outcome_time)),
             v_int(c->now_us), v_bytes(data));
    lead_event(c, "lead.outcome_recorded", row->lead, o->decision, data);
    return ok();
}

struct status record_outcome(struct ctx *c, const RecordOutcomeRequest *req, Outcome *res)
{
    struct lead_row row;
    if (!req->outcome)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "outcome", "give the outcome");
    TRY(lead_load(c, req->parent, "parent", &row));
    TRY(check_value(c, req->outcome));
    TRY(fill(c, &row, req->outcome, res));
    return store(c, &row, res);
}
