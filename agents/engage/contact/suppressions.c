/* Suppressions: addresses that nobody may write to. */
#include "agents/engage/contact/address.h"
#include "agents/engage/contact/consent.h"
#include "agents/record/contact.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/suppression.h"
#include "agents/record/times.h"
#include "base/pb.h"

static struct status put_entry(struct ctx *c, const struct suppression *what, int64_t time_us,
                               Suppression *to)
{
    Suppression__Entry *e = PB_NEW(c->arena, Suppression__Entry);
    if (!e)
        return fail_memory();
    e->cause = what->cause;
    e->purpose = pb_str(c->arena, str_of(what->purpose));
    e->medium = what->medium;
    e->create_time = time_message(c->arena, time_us);
    to->entries[to->n_entries++] = e;
    return e->purpose && e->create_time ? ok() : fail_memory();
}

/* Of hits of one address; one of what is in `except` is left out. */
static struct status show(struct ctx *c, const char *name, const struct suppression_hit *hits, size_t n,
                          const struct suppression *except, Suppression *res)
{
    res->name = (char *)name;
    res->entries = ARENA_ARRAY(c->arena, n + 1, Suppression__Entry *);
    if (!res->entries)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        const struct suppression *s = &hits[i].what;
        bool same = except && s->cause == except->cause && s->medium == except->medium &&
                    strcmp(s->purpose, except->purpose) == 0;
        if (!same)
            TRY(put_entry(c, s, hits[i].time_us, res));
    }
    return ok();
}

/* ---- CreateSuppression ---- */

static struct status check_create(struct ctx *c, const CreateSuppressionRequest *req)
{
    struct checks k = checks_start(c->arena);
    purpose_check(&k, "", req->purpose);
    if (!req->cause || req->cause == SUPPRESSION__CAUSE_ERASURE)
        check_fail(&k, REASON_FIELD_INVALID, "", "cause",
                   "must be HARD_BOUNCE, COMPLAINT, UNSUBSCRIBE or MANUAL");
    return k.s;
}

/* An address that does not exist says nothing of the lead's other ones. */
static Medium medium_of(const CreateSuppressionRequest *req)
{
    if (req->medium || req->cause != SUPPRESSION__CAUSE_HARD_BOUNCE)
        return req->medium;
    return *req->email ? MEDIUM_EMAIL : MEDIUM_SMS;
}

struct status create_suppression(struct ctx *c, const CreateSuppressionRequest *req, Suppression *res)
{
    const struct suppression what = { req->cause, req->purpose, medium_of(req) };
    struct address a;
    struct suppression_hit *hits;
    const char *name;
    size_t n;
    TRY(check_create(c, req));
    TRY(address_find(c, req->email, req->phone, &a));
    TRY(suppression_add(c, &a.identity, 1, &what));
    if (a.row.before)
        contact_touch(c, a.row.id);
    TRY(suppression_name(c, &a.identity, &name));
    TRY(suppression_find(c, &a.identity, 1, &hits, &n));
    TRY(show(c, name, hits, n, &what, res));
    TRY(put_entry(c, &what, c->now_us, res));
    event_note(c, "engage", "suppression.created", name);
    return ok();
}

/* ---- GetSuppression ---- */

static struct status none(struct ctx *c)
{
    return fail(c->arena, REASON_SUPPRESSION_NOT_FOUND, "nothing forbids this address");
}

static struct status look_up(struct ctx *c, const GetSuppressionRequest *req, Suppression *res)
{
    struct address a;
    struct suppression_hit *hits;
    const char *name;
    size_t n;
    TRY(address_find(c, req->email, req->phone, &a));
    TRY(suppression_find(c, &a.identity, 1, &hits, &n));
    if (n == 0)
        return none(c);
    TRY(suppression_name(c, &a.identity, &name));
    return show(c, name, hits, n, NULL, res);
}

struct status get_suppression(struct ctx *c, const GetSuppressionRequest *req, Suppression *res)
{
    struct suppression_hit *hits;
    size_t n;
    if (strcmp(req->name, "suppressions/-") == 0)
        return look_up(c, req, res);
    TRY(suppression_named(c, req->name, &hits, &n));
    return n ? show(c, req->name, hits, n, NULL, res) : none(c);
}

/* ---- ListSuppressions ---- */

struct status list_suppressions(struct ctx *c, const ListSuppressionsRequest *req,
                                ListSuppressionsResponse *res)
{
    struct page page;
    const char **names;
    size_t n;
    TRY(page_read(c, req->page_size, req->page_token, "", &page));
    TRY(suppression_names(c, page.after, (size_t)page.size + 1, &names, &n));
    bool more = n > (size_t)page.size;
    n -= more;
    res->suppressions = ARENA_ARRAY(c->arena, n + 1, Suppression *);
    if (!res->suppressions)
        return fail_memory();
    for (size_t i = 0; i < n; i++) {
        struct suppression_hit *hits;
        size_t n_hits;
        Suppression *s = PB_NEW(c->arena, Suppression);
        if (!s)
            return fail_memory();
        TRY(suppression_named(c, names[i], &hits, &n_hits));
        TRY(show(c, names[i], hits, n_hits, NULL, s));
        res->suppressions[res->n_suppressions++] = s;
    }
    return more ? page_token(c, "", names[n - 1], &res->next_page_token) : ok();
}

/* ---- DeleteSuppression ---- */

struct status delete_suppression(struct ctx *c, const DeleteSuppressionRequest *req, Empty *res)
{
    struct suppression_hit *hits;
    size_t n, ending = 0;
    (void)res;
    TRY(suppression_named(c, req->name, &hits, &n));
    for (size_t i = 0; i < n; i++)
        ending += hits[i].what.cause != SUPPRESSION__CAUSE_ERASURE &&
                  (!req->cause || req->cause == hits[i].what.cause);
    if (!ending)
        return none(c);
    TRY(suppression_remove(c, req->name, req->cause));
    event_note(c, "engage", "suppression.deleted", req->name);
    return ok();
}
