/* The handlers about leads in journeys. */
#include "agents/engage/journey/journey.h"
#include "agents/engage/journey/stored.h"
#include "agents/record/checks.h"
#include "agents/record/pages.h"

#define ENROLLMENTS "/enrollments/"

/* ---- Enroll and unenroll ---- */

struct status enroll_lead(struct ctx *c, const EnrollLeadRequest *req, Enrollment *res)
{
    const struct journeys *all;
    const struct plan *p;
    const char *id;
    struct lead_row lead;
    Enrollment *e;
    bool may;
    int64_t entry, newest;
    TRY(name_id(c->arena, req->journey, JOURNEYS, "journey", &id));
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(journeys_serving(c, &all));
    p = journeys_find(all, id);
    if (!p)
        TRY(journey_newest(c, id, &newest));
    if (!p || p->paused)
        return fail(c->arena, REASON_JOURNEY_STATE, "%s is not in service, or paused", req->journey);
    TRY(enroll_may(c, p, &lead, &may, &entry));
    if (!may)
        return fail(c->arena, REASON_ENROLLMENT_EXISTS, "%s is in %s, or may not enter again yet", req->lead,
                    req->journey);
    TRY(enroll_enter(c, p, &lead, entry, "EnrollLead", &e));
    if (req->validate_only)
        c->unit->n = 0;
    *res = *e;
    return ok();
}

/* The lead's enrollment that is under way in this journey; its id is NULL where there is none. */
static struct status find_active(struct ctx *c, const char *journey_id, const char *lead_id,
                                 struct enrolled *ret)
{
    struct rows rows;
    ret->id = NULL;
    TRY(DB_QUERY(c, &journey_sql[ENROLLMENTS_OF_LEAD], &rows, v_text(c->workspace), v_text(lead_id)));
    for (size_t i = 0; i < rows.n; i++)
        if (strcmp(row_at(&rows, i)[COL_JOURNEY].s.p, journey_id) == 0)
            return enrolled_take(c, row_at(&rows, i), ret);
    return ok();
}

struct status unenroll_lead(struct ctx *c, const UnenrollLeadRequest *req, Enrollment *res)
{
    const char *id;
    struct lead_row lead;
    struct enrolled x;
    const struct journeys *all;
    TRY(name_id(c->arena, req->journey, JOURNEYS, "journey", &id));
    TRY(lead_load(c, req->lead, "lead", &lead));
    TRY(find_active(c, id, lead.id, &x));
    if (!x.id && req->allow_missing)
        return ok();
    if (!x.id)
        return fail(c->arena, REASON_ENROLLMENT_NOT_FOUND, "%s is not under way in %s", req->lead,
                    req->journey);
    TRY(journeys_serving(c, &all));
    TRY(enroll_take_out(c, all, &lead, &x));
    *res = *x.e;
    return ok();
}

/* ---- Reading ---- */

/* "journeys/{journey}/enrollments/{enrollment}" */
static struct status read_name(struct ctx *c, const char *name, const char **ret_journey, const char **ret_id)
{
    const char *slash = strstr(name, ENROLLMENTS);
    char *journey = arena_dup(c->arena, str_make(name, slash ? (size_t)(slash - name) : strlen(name)));
    if (!journey)
        return fail_memory();
    TRY(name_id(c->arena, journey, JOURNEYS, "name", ret_journey));
    return name_id(c->arena, slash ? slash + 1 : "", ENROLLMENTS + 1, "name", ret_id);
}

struct status get_enrollment(struct ctx *c, const GetEnrollmentRequest *req, Enrollment *res)
{
    const char *journey, *id;
    struct rows rows;
    struct enrolled x;
    TRY(read_name(c, req->name, &journey, &id));
    TRY(DB_QUERY(c, &journey_sql[ENROLLMENT_GET], &rows, v_text(c->workspace), v_text(journey), v_text(id)));
    if (rows.n == 0)
        return fail(c->arena, REASON_ENROLLMENT_NOT_FOUND, "there is no %s", req->name);
    TRY(enrolled_take(c, row_at(&rows, 0), &x));
    *res = *x.e;
    return ok();
}

/* "journeys/-" stands for all, where a lead is given. */
static struct status read_parent(struct ctx *c, const ListEnrollmentsRequest *req, const char **ret)
{
    *ret = "-";
    if (strcmp(req->parent, JOURNEYS "-"))
        return name_id(c->arena, req->parent, JOURNEYS, "parent", ret);
    return *req->lead
               ? ok()
               : fail_field(c->arena, REASON_FIELD_REQUIRED, "lead", "must be given with " JOURNEYS "-");
}

static struct status read_page(struct ctx *c, const ListEnrollmentsRequest *req, const struct page *page,
                               struct rows *ret)
{
    const char *journey;
    struct lead_row lead;
    TRY(read_parent(c, req, &journey));
    if (!*req->lead)
        return DB_QUERY(c, &journey_sql[ENROLLMENTS_LIST], ret, v_text(c->workspace), v_text(journey),
                        v_text(page->after), v_int(page->size + 1));
    TRY(lead_load(c, req->lead, "lead", &lead));
    return DB_QUERY(c, &journey_sql[ENROLLMENTS_LIST_OF], ret, v_text(c->workspace), v_text(lead.id),
                    v_text(journey), v_text(page->after), v_int(page->size + 1));
}

struct status list_enrollments(struct ctx *c, const ListEnrollmentsRequest *req, ListEnrollmentsResponse *res)
{
    struct page page;
    struct rows rows;
    struct enrolled x;
    const char *scope = arena_printf(c->arena, "%s\n%s", req->parent, req->lead);
    if (!scope)
        return fail_memory();
    TRY(page_read(c, req->page_size, req->page_token, scope, &page));
    TRY(read_page(c, req, &page, &rows));
    bool more = (int64_t)rows.n > page.size;
    rows.n -= more;
    res->enrollments = ARENA_ARRAY(c->arena, rows.n + 1, Enrollment *);
    if (!res->enrollments)
        return fail_memory();
    for (; res->n_enrollments < rows.n; res->n_enrollments++) {
        TRY(enrolled_take(c, row_at(&rows, res->n_enrollments), &x));
        res->enrollments[res->n_enrollments] = x.e;
    }
    return more ? page_token(c, scope, row_at(&rows, rows.n - 1)[COL_ID].s.p, &res->next_page_token) : ok();
}
