/* draft.h: words of a template written by somebody else's model, as a proposal: the handler of DraftTemplate.
 *
 * What the model says chooses nothing: no recipient, no medium, no link. It is checked as a person's words
 * are, and where anything about it is not right the template stays as it was. Of leads nothing is read. */
#ifndef AGENTS_ENGAGE_DRAFT_DRAFT_H
#define AGENTS_ENGAGE_DRAFT_DRAFT_H

#include "agents/record/app.h"

C_BEGIN

/* The endpoint, as the options have it. */
struct drafting {
    const char *url; /* "https://api.example.com/v1"; "": drafting is off */
    const char *model;
    const char *api_key; /* "": none */
    int64_t timeout_ms;  /* of one draft */
    unsigned tokens;     /* that the model may write */
    unsigned under_way;  /* atomic */
};

/* Whether the options make sense together: a model is named; TLS, except to a host of private_hosts; a key
 * that can stand in a header. Fails: FIELD_INVALID. */
MUSTCHECK struct status drafting_check(struct arena *a, const struct drafting *d, const char *private_hosts);

struct draft;
MUSTCHECK struct status draft_template_open(struct ctx *c, const DraftTemplateRequest *req,
                                            struct draft **ret);
/* Fills the next message, or leaves *ret_found false: there is none yet, or, where *ret_ended, none any more.
 */
MUSTCHECK struct status draft_template(struct ctx *c, struct draft *d, DraftTemplateResponse *res,
                                       bool *ret_found, bool *ret_ended);

C_END
#endif
