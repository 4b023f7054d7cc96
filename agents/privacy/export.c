/* ExportSubject: everything kept about a person, a record a message. */
#include "agents/privacy/privacy.h"
#include "agents/privacy/privacy_sql.h"
#include "agents/record/decisions.h"
#include "agents/record/decoded.h"
#include "agents/record/leads.h"
#include "agents/record/suppression.h"
#include "base/pb.h"

#include <stddef.h>

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
    struct suppression_hit *hits;
    size_t n, n_hits;
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

/* What is read one after another: by a function, or the rows of a table, each of which holds a message of the
 * reply. */
struct part {
    part_fn fill;
    enum privacy_statement next; /* -> id, data; where by_time: time, id, data */
    bool by_time;
    const ProtobufCMessageDescriptor *type;
    size_t at; /* where the reply has it */
};

#define ROWS(next, by_time, type, member)                                                                    \
    {                                                                                                        \
        NULL, next, by_time, &type##_descriptor, offsetof(ExportSubjectResponse, member)                     \
    }

static const struct part parts[] = {
    { .fill = part_lead },
    { .fill = part_suppression },
    { .fill = part_identities },
    { .fill = part_aliases },
    ROWS(EVENT_NEXT, true, LeadEvent, event),
    ROWS(OUTCOME_NEXT, true, Outcome, outcome),
    { .fill = part_decisions },
    ROWS(MESSAGE_NEXT, false, Message, message),
    ROWS(CONTACT_NEXT, false, Contact, contact),
    ROWS(CONSENT_NEXT, false, Consent, consent),
    ROWS(ENROLLMENT_NEXT, false, Enrollment, enrollment),
};

static struct status next_row(struct ctx *c, struct subject_export *x, const struct part *p,
                              ExportSubjectResponse *res, bool *ret_found)
{
    struct value workspace = v_text(c->workspace), id = v_text(x->id), after = v_text(x->after);
    struct rows rows;
    if (p->by_time)
        TRY(DB_QUERY(c, &privacy_sql[p->next], &rows, workspace, id, v_int(x->time), after));
    else
        TRY(DB_QUERY(c, &privacy_sql[p->next], &rows, workspace, id, after));
    *ret_found = rows.n > 0;
    if (rows.n == 0)
        return ok();
    const struct value *v = row_at(&rows, 0);
    if (p->by_time)
        x->time = v++->i;
    remember(x, v[0].s);
    void *message = pb_unpack(c->arena, p->type, v[1].s);
    memcpy((char *)res + p->at, &message, sizeof message);
    return decoded(c, message, "a record");
}

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
        const struct part *p = &parts[x->part];
        TRY(p->fill ? p->fill(c, x, res, ret_more) : next_row(c, x, p, res, ret_more));
        if (*ret_more)
            return ok();
        x->part++;
        x->index = 0;
        x->time = INT64_MIN;
        x->after[0] = 0;
    }
    return ok();
}
