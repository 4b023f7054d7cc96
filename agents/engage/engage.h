/* engage.h: EngageLead and PreviewMessage (proto/marketing/v1/engage.proto): a message that somebody asks
 * for, or asks about. */
#ifndef AGENTS_ENGAGE_ENGAGE_H
#define AGENTS_ENGAGE_ENGAGE_H

#include "agents/record/app.h"

C_BEGIN

MUSTCHECK struct status engage_lead(struct ctx *c, const EngageLeadRequest *req, EngageLeadResponse *res);

MUSTCHECK struct status preview_message(struct ctx *c, const PreviewMessageRequest *req,
                                        PreviewMessageResponse *res);

C_END
#endif
