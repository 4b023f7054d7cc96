/* prompt.h: what the endpoint is asked. */
#ifndef AGENTS_ENGAGE_DRAFT_PROMPT_H
#define AGENTS_ENGAGE_DRAFT_PROMPT_H

#include "agents/engage/draft/draft.h"

C_BEGIN

/* The parts of a content that are drafted: those that it has. */
enum draft_part { PART_SUBJECT, PART_TEXT, PART_HTML, PARTS };
extern const char *const part_names[PARTS];
char **part_of(TemplateContent *content, enum draft_part part);

/* The body of the request, in the arena. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status prompt_make(struct arena *a, const struct drafting *d,
                                    const DraftTemplateRequest *req, TemplateContent *content,
                                    struct str *ret);

C_END
#endif
