/* Templates: versions that never change once stored, and which of each template is in service. */
#include "agents/engage/template/templates.h"
#include "agents/engage/template/stored.h"
#include "agents/engage/template/templates_sql.h"
#include "agents/record/checks.h"
#include "agents/record/events.h"
#include "agents/record/pages.h"
#include "agents/record/times.h"
#include "base/ids.h"

/* ---- Reading ---- */

/* Takes (state, create_time, head or data). State and times are the row's. */
static struct status template_take(struct ctx *c, const char *id, int64_t version, const struct value *v,
                                   Template **ret)
{
    Template *t = PB_UNPACK(c->arena, Template, v[2].s);
    if (!t)
        return c->arena->overflow ? fail_memory()
                                  : fail(c->arena, REASON_INTERNAL, "template %s cannot be decoded", id);
    t->name = arena_printf(c->arena, TEMPLATES "%s", id);
    t->version = version;
    t->state = (Template__State)v[0].i;
    t->create_time = time_message(c->arena, v[1].i);
    *ret = t;
    return t->name && t->create_time ? ok() : fail_memory();
}

struct status template_stored(struct ctx *c, const char *id, int64_t version, Template **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &template_sql[TEMPLATE_GET], &rows, v_text(c->workspace), v_text(id), v_int(version)));
    if (rows.n == 0)
        return fail(c->arena, REASON_TEMPLATE_NOT_FOUND, TEMPLATES "%s has no version %lld", id,
                    (long long)version);
    return template_take(c, id, version, row_at(&rows, 0), ret);
}

/* The number that a statement gives for a template; 0 where it gives none. */
static struct status number(struct ctx *c, enum template_stmt s, const char *id, int64_t *ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &template_sql[s], &rows, v_text(c->workspace), v_text(id)));
    *ret = rows.n ? row_at(&rows, 0)[0].i : 0;
    return ok();
}

struct status template_serving(struct ctx *c, const char *id, int64_t *ret)
{
    return number(c, TEMPLATE_SERVING, id, ret);
}

struct status template_purpose(struct ctx *c, const char *id, const char **ret)
{
    int64_t version;
    Template *t;
    *ret = "";
    TRY(template_serving(c, id, &version));
    if (!version)
        return ok();
    TRY(template_stored(c, id, version, &t));
    *ret = t->purpose;
    return ok();
}

/* ---- Create ---- */

static struct status check_sound(struct ctx *c, const Template *t, const char *field)
{
    struct form *f;
    TRY(form_compile(c->arena, t, field, &f));
    form_unref(f);
    return ok();
}

static struct status check_create(struct ctx *c, const CreateTemplateRequest *req)
{
    if (!id_valid(str_of(req->template_id)))
        return fail_field(c->arena, *req->template_id ? REASON_FIELD_INVALID : REASON_FIELD_REQUIRED,
                          "template_id", "must be 1 to 63 of [a-z0-9-], with a letter or digit at both ends");
    if (!req->template_)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "template", "must be given");
    return check_sound(c, req->template_, "template");
}

/* A copy without the texts of its contents. NULL over the budget. */
static Template *head_of(struct arena *a, const Template *t)
{
    Template *head = PB_NEW(a, Template);
    TemplateContent *contents = ARENA_ARRAY(a, t->n_contents, TemplateContent);
    if (!head)
        return NULL;
    *head = *t;
    head->contents = ARENA_ARRAY(a, t->n_contents, TemplateContent *);
    for (size_t i = 0; contents && head->contents && i < t->n_contents; i++) {
        contents[i] = *t->contents[i];
        contents[i].subject = contents[i].text = contents[i].html = (char *)protobuf_c_empty_string;
        head->contents[i] = &contents[i];
    }
    return contents && head->contents ? head : NULL;
}

static struct status template_insert(struct ctx *c, const char *id, const Template *t)
{
    Template *head = head_of(c->arena, t);
    struct str data = pb_pack(c->arena, t), list = head ? pb_pack(c->arena, head) : str_make(NULL, 0);
    if (!data.p || !list.p)
        return fail_memory();
    UNIT_ADD(c->unit, &template_sql[TEMPLATE_INSERT], 1, REASON_CONFLICT, v_text(c->workspace), v_text(id),
             v_int(t->version), v_int(t->state), v_int(c->now_us), v_bytes(list), v_bytes(data));
    event_note(c, "engage", "template.created", t->name);
    return ok();
}

struct status create_template(struct ctx *c, const CreateTemplateRequest *req, Template *res)
{
    int64_t version;
    TRY(check_create(c, req));
    TRY(number(c, TEMPLATE_NEWEST, req->template_id, &version));
    *res = *req->template_;
    res->name = arena_printf(c->arena, TEMPLATES "%s", req->template_id);
    res->version = version + 1;
    res->state = TEMPLATE__STATE_DRAFT;
    res->create_time = time_message(c->arena, c->now_us);
    if (!res->name || !res->create_time)
        return fail_memory();
    return req->validate_only ? ok() : template_insert(c, req->template_id, res);
}

/* ---- Get and list ---- */

struct status template_chosen(struct ctx *c, const char *id, int64_t asked, int64_t *ret)
{
    *ret = asked;
    if (asked < 0)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "version", "must not be negative");
    if (asked == 0)
        TRY(template_serving(c, id, ret));
    return *ret ? ok() : number(c, TEMPLATE_NEWEST, id, ret);
}

struct status get_template(struct ctx *c, const GetTemplateRequest *req, Template *res)
{
    const char *id;
    int64_t version;
    Template *t;
    TRY(name_id(c->arena, req->name, TEMPLATES, "name", &id));
    TRY(template_chosen(c, id, req->version, &version));
    TRY(template_stored(c, id, version, &t));
    *res = *t;
    return ok();
}

static struct status put_page(struct ctx *c, const struct page *page, const struct rows *rows,
                              ListTemplatesResponse *res)
{
    size_t n = MIN(rows->n, (size_t)page->size);
    res->templates = ARENA_ARRAY(c->arena, n, Template *);
    if (!res->templates)
        return fail_memory();
    for (; res->n_templates < n; res->n_templates++) {
        const struct value *v = row_at(rows, res->n_templates);
        TRY(template_take(c, v[0].s.p, v[1].i, v + 2, &res->templates[res->n_templates]));
    }
    if (rows->n <= n)
        return ok();
    const struct value *last = row_at(rows, n - 1);
    res->next_page_token = page_token_version(c, last[0].s.p, last[1].i);
    return res->next_page_token ? ok() : fail_memory();
}

struct status list_templates(struct ctx *c, const ListTemplatesRequest *req, ListTemplatesResponse *res)
{
    struct page page;
    struct rows rows;
    const char *id;
    int64_t version;
    TRY(page_read(c, req->page_size, req->page_token, "", &page));
    TRY(page_after_version(c, &page, &id, &version));
    TRY(DB_QUERY(c, &template_sql[TEMPLATE_LIST], &rows, v_text(c->workspace), v_text(id), v_int(version),
                 v_int(page.size + 1)));
    return put_page(c, &page, &rows, res);
}

/* ---- Publish and delete ---- */

/* Adds to the unit that a version is in this state now. Of two that would both be in service the index
 * template_in_service refuses one. */
static void move(struct ctx *c, const char *id, int64_t version, Template__State from, Template__State to)
{
    UNIT_ADD(c->unit, &template_sql[TEMPLATE_MOVE], 1, REASON_CONFLICT, v_int(to), v_text(c->workspace),
             v_text(id), v_int(version), v_int(from));
}

struct status publish_template(struct ctx *c, const PublishTemplateRequest *req, Template *res)
{
    const char *id;
    int64_t version = req->version, serving;
    Template *t;
    TRY(name_id(c->arena, req->name, TEMPLATES, "name", &id));
    if (version == 0)
        TRY(number(c, TEMPLATE_NEWEST, id, &version));
    TRY(template_stored(c, id, version, &t));
    *res = *t;
    res->state = TEMPLATE__STATE_PUBLISHED;
    if (t->state == TEMPLATE__STATE_PUBLISHED)
        return ok();
    TRY(check_sound(c, t, "template")); /* it may be older than a rule */
    TRY(template_serving(c, id, &serving));
    if (serving)
        move(c, id, serving, TEMPLATE__STATE_PUBLISHED, TEMPLATE__STATE_RETIRED);
    move(c, id, version, t->state, TEMPLATE__STATE_PUBLISHED);
    event_note(c, "engage", "template.published", res->name);
    return ok();
}

struct status delete_template(struct ctx *c, const DeleteTemplateRequest *req, Empty *res)
{
    const char *id;
    int64_t live;
    (void)res;
    TRY(name_id(c->arena, req->name, TEMPLATES, "name", &id));
    TRY(number(c, TEMPLATE_LIVE, id, &live));
    if (live == 0)
        return fail(c->arena, REASON_TEMPLATE_NOT_FOUND, "%s does not exist", req->name);
    UNIT_ADD(c->unit, &template_sql[TEMPLATE_DELETE], (int)live, REASON_CONFLICT, v_bytes(STR("")),
             v_bytes(STR("")), v_text(c->workspace), v_text(id));
    event_note(c, "engage", "template.deleted", req->name);
    return ok();
}
