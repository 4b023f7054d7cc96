/* links.h: where a text could lead its reader. No I/O. */
#ifndef AGENTS_ENGAGE_DRAFT_LINKS_H
#define AGENTS_ENGAGE_DRAFT_LINKS_H

#include "base/base.h"

C_BEGIN

/* Whether a word reads as a link to a person, a mail program or a browser: with a scheme, a host, a mail
 * address or a path from the root. Tags of the template language in it say nothing. */
bool is_link(struct str word);

/* Whether each word of a text that is a link is one of the brief's words too, and each HTML tag that has
 * attributes stands in the brief as it is. *ret_foreign: the first that is not. */
bool links_known(struct str text, struct str brief, struct str *ret_foreign);

C_END
#endif
