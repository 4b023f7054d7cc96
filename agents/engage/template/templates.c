/* Templates: versions that never change once stored, and which of each template is in service. */
#include "agents/engage/template/templates.h"
#include "agents/engage/template/stored.h"
#include "agents/engage/template/templates_sql.h"
#include "agents/record/checks.h"
#include "agents/record/decoded.h"
#include "agents/record/events.h"
#include "agents/record/versions.h"
#include "base/pb.h"

/* ---- Reading ---- */

/* A list's messages are heads. */
static const struct versions versions = {
    .what = "template",
    .collection = TEMPLATES,
    .not_found = REASON_TEMPLATE_NOT_FOUND,
    VERSIONS_OF(Template),
    .get = &template_sql[TEMPLATE_GET],
    .newest = &template_sql[TEMPLATE_NEWEST],
    .list = &template_sql[TEMPLATE_LIST],
    .move = &template_sql[TEMPLATE_MOVE],
};

struct status template_stored(struct ctx *c, const char *id, int64_t version, Template **ret)
{
    return versions_get(c, &versions, id, version, ret);
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

struct status template_in_service(struct ctx *c, const char *id, const Template **ret)
{
    struct rows rows;
    *ret = NULL;
    TRY(DB_QUERY(c, &template_sql[TEMPLATE_HEAD], &rows, v_text(c->workspace), v_text(id)));
    if (!rows.n)
        return ok();
    *ret = PB_UNPACK(c->arena, Template, row_at(&rows, 0)[0].s);
    return decoded(c, *ret, TEMPLATES "%s", id);
}

bool template_speaks(const Template *t, Medium medium)
{
    for (size_t i = 0; i < t->n_contents; i++)
        if (t->contents[i]->medium == medium)
            return true;
    return false;
}

struct status template_purpose(struct ctx *c, const char *id, const char **ret)
{
    const Template *t;
    TRY(template_in_service(c, id, &t));
    *ret = t ? t->purpose : "";
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
    TRY(id_check(c->arena, req->template_id, "template_id"));
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
    TRY(check_create(c, req));
    *res = *req->template_;
    TRY(versions_draft(c, &versions, req->template_id, TEMPLATE__STATE_DRAFT, res));
    return req->validate_only ? ok() : template_insert(c, req->template_id, res);
}

/* ---- Get and list ---- */

struct status template_chosen(struct ctx *c, const char *id, int64_t asked, int64_t *ret)
{
    int64_t serving;
    TRY(template_serving(c, id, &serving));
    return versions_chosen(c, &versions, id, asked, serving, ret);
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

struct status list_templates(struct ctx *c, const ListTemplatesRequest *req, ListTemplatesResponse *res)
{
    return versions_page(c, &versions, req->page_size, req->page_token, &res->templates, &res->n_templates,
                         &res->next_page_token);
}

/* ---- Publish and delete ---- */

/* Of two versions that would both be in service the index template_in_service refuses one. */
struct status publish_template(struct ctx *c, const PublishTemplateRequest *req, Template *res)
{
    const char *id;
    int64_t version = req->version, serving;
    Template *t;
    TRY(name_id(c->arena, req->name, TEMPLATES, "name", &id));
    if (version == 0)
        TRY(versions_newest(c, &versions, id, &version));
    TRY(template_stored(c, id, version, &t));
    *res = *t;
    res->state = TEMPLATE__STATE_PUBLISHED;
    if (t->state == TEMPLATE__STATE_PUBLISHED)
        return ok();
    TRY(check_sound(c, t, "template")); /* it may be older than a rule */
    TRY(template_serving(c, id, &serving));
    if (serving)
        versions_move(c, &versions, id, serving, TEMPLATE__STATE_PUBLISHED, TEMPLATE__STATE_RETIRED);
    versions_move(c, &versions, id, version, t->state, TEMPLATE__STATE_PUBLISHED);
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
