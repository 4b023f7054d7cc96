/* engage.h: what the engagement agent offers: the handlers of EngageService.
 *
 * proto/marketing/v1/engage.proto documents each RPC, its limits and its errors. Handlers that change
 * something leave it in ctx->unit. */
#ifndef AGENTS_ENGAGE_ENGAGE_H
#define AGENTS_ENGAGE_ENGAGE_H

#include "agents/record/app.h"

C_BEGIN

MUSTCHECK struct status create_template(struct ctx *c, const CreateTemplateRequest *req, Template *res);
MUSTCHECK struct status get_template(struct ctx *c, const GetTemplateRequest *req, Template *res);
MUSTCHECK struct status list_templates(struct ctx *c, const ListTemplatesRequest *req,
                                       ListTemplatesResponse *res);
MUSTCHECK struct status publish_template(struct ctx *c, const PublishTemplateRequest *req, Template *res);
MUSTCHECK struct status delete_template(struct ctx *c, const DeleteTemplateRequest *req, Empty *res);

extern const struct stmt_table template_statements;

C_END
#endif
