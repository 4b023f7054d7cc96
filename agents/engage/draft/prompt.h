/* prompt.h: what the endpoint is asked. */
#ifndef AGENTS_ENGAGE_DRAFT_PROMPT_H
#define AGENTS_ENGAGE_DRAFT_PROMPT_H

#include "agents/engage/draft/draft.h"

C_BEGIN

/* The body of the request, in the arena: to write those parts of the content anew that it has. Fails:
 * REQUEST_TOO_LARGE. */
MUSTCHECK struct status prompt_make(struct arena *a, const struct drafting *d,
                                    const DraftTemplateRequest *req, TemplateContent *content,
                                    struct str *ret);

C_END
#endif
