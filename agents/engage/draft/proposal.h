/* proposal.h: what the model wrote, judged. */
#ifndef AGENTS_ENGAGE_DRAFT_PROPOSAL_H
#define AGENTS_ENGAGE_DRAFT_PROPOSAL_H

#include "agents/engage/draft/draft.h"

C_BEGIN

/* Fills outcome, template and detail: the brief with the content of that number as the text (JSON) has it,
 * or, where that will not do, the brief as it is. */
MUSTCHECK struct status proposal_judge(struct ctx *c, const Template *brief, size_t content, struct str text,
                                       DraftTemplateResponse *res);

C_END
#endif
