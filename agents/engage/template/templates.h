/* templates.h: templates as they are stored, published and rendered: the handlers of EngageService for them,
 * and the words of a message for whoever sends it.
 *
 * The language and its checks are apart (program.h, form.h), without I/O. */
#ifndef AGENTS_ENGAGE_TEMPLATE_TEMPLATES_H
#define AGENTS_ENGAGE_TEMPLATE_TEMPLATES_H

#include "agents/engage/template/form.h"
#include "agents/record/app.h"

C_BEGIN

/* ---- For those who send ---- */

/* Compiled templates, kept in memory: app.forms. Any thread may use them. */
struct forms;
MUSTCHECK struct status forms_open(struct arena *a, struct forms **ret);
void forms_close(struct forms *); /* NULL is allowed */

/* The version of a template in service; 0 where none is. */
MUSTCHECK struct status template_serving(struct ctx *c, const char *id, int64_t *ret);

/* The version in service without the texts of its contents; NULL where none is. */
MUSTCHECK struct status template_in_service(struct ctx *c, const char *id, const Template **ret);
/* Whether it has contents for the medium. */
bool template_speaks(const Template *t, Medium medium);

/* What the version in service is sent for; "" where none is. */
MUSTCHECK struct status template_purpose(struct ctx *c, const char *id, const char **ret);

/* Renders a stored version, published or not, into the ctx's arena. Fails: TEMPLATE_NOT_FOUND (deleted ones
 * too), and as form_render. */
MUSTCHECK struct status template_render(struct ctx *c, const char *id, int64_t version,
                                        const struct form_request *r, struct form_message *ret);

/* ---- Handlers ---- */

MUSTCHECK struct status create_template(struct ctx *c, const CreateTemplateRequest *req, Template *res);
MUSTCHECK struct status get_template(struct ctx *c, const GetTemplateRequest *req, Template *res);
MUSTCHECK struct status list_templates(struct ctx *c, const ListTemplatesRequest *req,
                                       ListTemplatesResponse *res);
MUSTCHECK struct status publish_template(struct ctx *c, const PublishTemplateRequest *req, Template *res);
MUSTCHECK struct status delete_template(struct ctx *c, const DeleteTemplateRequest *req, Empty *res);
MUSTCHECK struct status render_template(struct ctx *c, const RenderTemplateRequest *req,
                                        RenderTemplateResponse *res);

extern const struct stmt_table template_statements;

C_END
#endif
