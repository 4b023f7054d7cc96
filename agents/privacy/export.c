/* ExportSubject: everything kept about a person, a record a message. */
#include "agents/privacy/privacy.h"
#include "agents/privacy/privacy_sql.h"
#include "agents/record/decisions.h"
#include "agents/record/leads.h"
#include "agents/record/suppression.h"
#include "base/pb.h"

struct subject_export {
    const char *id;
    size_t part;  /* of the table below */
    size_t index; /* in a part that is read at once */
    int64_t time; /* in a part that is read row by row: the last one's key */
    char after[256];
};

/* Each fills the message with the next record of its part, or leaves *ret_found false. */
typedef struct status (*part_fn)(struct ctx *, struct subject_export *, ExportSubjectResponse *,
                                 bool *ret_found);

static struct status subject(struct ctx *c, const struct subject_export *x, struct lead_row *ret)
{
    const char *name = arena_printf(c->arena, "leads/%s", x->id);
    return name ? lead_load(c, name, "name", ret) : fail_memory();
}

static struct status part_lead(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                               bool *ret_found)
{
    struct lead_row row;
    *ret_found = x->index++ == 0;
    if (!*ret_found)
        return ok();
    TRY(subject(c, x, &row));
    res->lead = row.lead;
    return ok();
}

static struct status part_suppression(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                      bool *ret_found)
{
    struct lead_row row;
    struct lead_identity *all;
    size_t n;
    struct suppression_hit *hits;
    size_t n_hits;
    *ret_found = false;
    if (x->index++)
        return ok();
    TRY(subject(c, x, &row));
    TRY(lead_identities(c, &row, &all, &n));
    TRY(suppression_find(c, all, n, &hits, &n_hits));
    *ret_found = n_hits > 0;
    res->suppressed = *ret_found;
    return ok();
}

/* Identities beside the lead's fields. */
static struct status part_identities(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                     bool *ret_found)
{
    struct lead_row row;
    struct lead_identity *all;
    size_t n;
    TRY(subject(c, x, &row));
    TRY(lead_identities(c, &row, &all, &n));
    while (x->index < n && !all[x->index].moved)
        x->index++;
    *ret_found = x->index < n;
    if (*ret_found)
        res->alias = pb_str(c->arena, all[x->index++].text.s);
    return res->alias ? ok() : fail_memory();
}

static struct status part_aliases(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                  bool *ret_found)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[ALIASES_OF], &rows, v_text(c->workspace), v_text(x->id)));
    *ret_found = x->index < rows.n;
    if (*ret_found)
        res->alias = arena_printf(c->arena, "leads/%s", row_at(&rows, x->index++)[0].s.p);
    return res->alias ? ok() : fail_memory();
}

/* Of a part that is read row by row. */
static void remember(struct subject_export *x, struct str id)
{
    ASSERT(id.n < sizeof x->after);
    memcpy(x->after, id.p, id.n + 1);
}

/* The next row of (time, id, data), or none. */
static struct status next_row(struct ctx *c, struct subject_export *x, enum privacy_statement what,
                              struct str *ret, bool *ret_found)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[what], &rows, v_text(c->workspace), v_text(x->id), v_int(x->time),
                 v_text(x->after)));
    *ret_found = rows.n > 0;
    if (rows.n == 0)
        return ok();
    const struct value *v = row_at(&rows, 0);
    *ret = v[2].s;
    x->time = v[0].i;
    remember(x, v[1].s);
    return ok();
}

static struct status decoded(struct ctx *c, const void *message)
{
    if (message)
        return ok();
    return c->arena->overflow ? fail_memory() : fail(c->arena, REASON_INTERNAL, "a record cannot be decoded");
}

static struct status part_events(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                 bool *ret_found)
{
    struct str data;
    TRY(next_row(c, x, EVENT_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->event = PB_UNPACK(c->arena, LeadEvent, data);
    return decoded(c, res->event);
}

static struct status part_outcomes(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                   bool *ret_found)
{
    struct str data;
    TRY(next_row(c, x, OUTCOME_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->outcome = PB_UNPACK(c->arena, Outcome, data);
    return decoded(c, res->outcome);
}

static struct status part_decisions(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                    bool *ret_found)
{
    struct decision_list list;
    TRY(decisions_after(c, x->id, x->after, 1, &list));
    *ret_found = list.n > 0;
    if (list.n == 0)
        return ok();
    remember(x, str_of(list.at[0].id));
    res->decision = list.at[0].decision;
    return decision_open(c, &list.at[0]);
}

/* The next row of (id, data), or none. */
static struct status next_by_id(struct ctx *c, struct subject_export *x, enum privacy_statement what,
                                struct str *ret, bool *ret_found)
{
    struct rows rows;
    TRY(DB_QUERY(c, &privacy_sql[what], &rows, v_text(c->workspace), v_text(x->id), v_text(x->after)));
    *ret_found = rows.n > 0;
    if (rows.n == 0)
        return ok();
    remember(x, row_at(&rows, 0)[0].s);
    *ret = row_at(&rows, 0)[1].s;
    return ok();
}

static struct status part_messages(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                   bool *ret_found)
{
    struct str data;
    TRY(next_by_id(c, x, MESSAGE_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->message = PB_UNPACK(c->arena, Message, data);
    return decoded(c, res->message);
}

static struct status part_contact(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                  bool *ret_found)
{
    struct str data;
    TRY(next_by_id(c, x, CONTACT_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->contact = PB_UNPACK(c->arena, Contact, data);
    return decoded(c, res->contact);
}

static struct status part_consents(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                   bool *ret_found)
{
    struct str data;
    TRY(next_by_id(c, x, CONSENT_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->consent = PB_UNPACK(c->arena, Consent, data);
    return decoded(c, res->consent);
}

static struct status part_enrollments(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                                      bool *ret_found)
{
    struct str data;
    TRY(next_by_id(c, x, ENROLLMENT_NEXT, &data, ret_found));
    if (!*ret_found)
        return ok();
    res->enrollment = PB_UNPACK(c->arena, Enrollment, data);
    return decoded(c, res->enrollment);
}

static const part_fn parts[] = {
    part_lead,      part_suppression, part_identities, part_aliases,  part_events,      part_outcomes,
    part_decisions, part_messages,    part_contact,    part_consents, part_enrollments,
};

struct status export_subject_open(struct ctx *c, const ExportSubjectRequest *req, struct subject_export **ret)
{
    struct lead_row row;
    struct subject_export *x = ARENA_NEW(c->arena, struct subject_export);
    if (!x)
        return fail_memory();
    TRY(lead_load(c, req->name, "name", &row));
    x->id = row.id;
    x->time = INT64_MIN;
    *ret = x;
    return ok();
}

struct status export_subject(struct ctx *c, struct subject_export *x, ExportSubjectResponse *res,
                             bool *ret_more)
{
    *ret_more = false;
    while (x->part < COUNT(parts)) {
        TRY(parts[x->part](c, x, res, ret_more));
        if (*ret_more)
            return ok();
        x->part++;
        x->index = 0;
        x->time = INT64_MIN;
        x->after[0] = 0;
    }
    return ok();
}
