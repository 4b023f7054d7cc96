/* link_private.h: between the files of this room: tokens. */
#ifndef AGENTS_ENGAGE_LINK_LINK_PRIVATE_H
#define AGENTS_ENGAGE_LINK_LINK_PRIVATE_H

#include "agents/engage/link/link.h"

C_BEGIN

/* What a link is for: one that was made for one thing opens no other. */
enum link_kind { LINK_UNSUBSCRIBE, LINK_VISIT };

/* A token that says these names (lines of text), in the arena; NULL over the budget. */
const char *link_make(struct ctx *c, enum link_kind kind, const char *names);

/* The names of a token that link_make made for this kind. Fails: LINK_INVALID. */
MUSTCHECK struct status link_read(struct ctx *c, enum link_kind kind, const char *token, struct str *ret);

/* Has the ctx stand for the workspace that a link names. */
MUSTCHECK struct status link_enter(struct ctx *c, struct str workspace);

/* "messages/{id}", in the arena; NULL over the budget. */
const char *link_message_name(struct ctx *c, struct str id);
/* Its last part. */
const char *link_message_id(const Message *m);

C_END
#endif
