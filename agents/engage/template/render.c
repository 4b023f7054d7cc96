#include "agents/engage/template/stored.h"
#include "agents/engage/template/templates.h"
#include "agents/record/checks.h"
#include "agents/record/leads.h"

struct status template_render(struct ctx *c, const char *id, int64_t version, const struct form_request *r,
                              struct form_message *ret)
{
    const struct form *f;
    TRY(form_get(c, id, version, &f));
    return form_render(c->arena, f, r, ret);
}

/* ---- RenderTemplate ---- */

static struct status choose_form(struct ctx *c, const RenderTemplateRequest *req, const struct form **ret,
                                 int64_t *ret_version)
{
    const char *id;
    *ret_version = 0;
    if (req->template_ && (*req->name || req->version))
        return fail_field(c->arena, REASON_FIELD_INVALID, "template", "stands in place of name and version");
    if (req->template_) {
        struct form *f;
        TRY(form_compile(c->arena, req->template_, "template", &f));
        return form_hold(c, f, ret);
    }
    TRY(name_id(c->arena, req->name, TEMPLATES, "name", &id));
    TRY(template_chosen(c, id, req->version, ret_version));
    return form_get(c, id, *ret_version, ret);
}

static struct status choose_lead(struct ctx *c, const RenderTemplateRequest *req, const Lead **ret)
{
    struct lead_row row;
    if (req->sample_lead && *req->lead)
        return fail_field(c->arena, REASON_FIELD_INVALID, "sample_lead", "stands in place of lead");
    if (req->sample_lead) {
        TRY(lead_check(c, req->sample_lead, "sample_lead"));
        *ret = req->sample_lead;
        return ok();
    }
    TRY(lead_load(c, req->lead, "lead", &row));
    *ret = row.lead;
    return ok();
}

static const char *or_else(const char *given, const char *placeholder)
{
    return *given ? given : placeholder;
}

/* What a request does not say of the system stands there as documented. */
static void put_system(const RenderTemplateRequest *req, const char *to[FORM_SYSTEM])
{
    static const TemplateSystemValues none = TEMPLATE_SYSTEM_VALUES_INIT;
    const TemplateSystemValues *v = req->system_values ? req->system_values : &none;
    to[FORM_UNSUBSCRIBE_URL] = or_else(v->unsubscribe_url, "https://example.com/unsubscribe");
    to[FORM_SENDER_NAME] = or_else(v->sender_name, "Example Sender");
    to[FORM_SENDER_EMAIL] = or_else(v->sender_email, "sender@example.com");
    to[FORM_SENDER_ADDRESS] = or_else(v->sender_address, "1 Example Street, Example City");
}

struct status render_template(struct ctx *c, const RenderTemplateRequest *req, RenderTemplateResponse *res)
{
    const struct form *f;
    struct form_request with = { req->medium, req->locale, NULL, { NULL } };
    struct form_message words;
    if (!req->medium)
        return fail_field(c->arena, REASON_FIELD_REQUIRED, "medium", "must be set");
    TRY(choose_form(c, req, &f, &res->version));
    TRY(choose_lead(c, req, &with.lead));
    put_system(req, with.system);
    TRY(form_render(c->arena, f, &with, &words));
    res->locale = (char *)words.locale;
    res->subject = (char *)words.subject.p;
    res->text = (char *)words.text.p;
    res->html = (char *)words.html.p;
    return ok();
}
