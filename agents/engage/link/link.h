/* link.h: links that stand in messages: one-click unsubscription (RFC 8058). A link names the message that it
 * stood in and bears a keyed hash over that, so nobody makes one for another person, and none expires. */
#ifndef AGENTS_ENGAGE_LINK_LINK_H
#define AGENTS_ENGAGE_LINK_LINK_H

#include "agents/record/app.h"

C_BEGIN

/* For app.unsubscribe_url: "PUBLIC_URL/u/TOKEN"; NULL over the budget, and where app.public_url is empty:
 * then no purpose but "transactional" can be served. */
const char *unsubscribe_url(struct ctx *c, const Message *m);

/* Unsubscribes the lead of the message from all that requires consent, by every medium. The token is the only
 * credential. Once more changes nothing. Fails: LINK_INVALID. */
MUSTCHECK struct status unsubscribe_by_link(struct ctx *c, const UnsubscribeByLinkRequest *req,
                                            UnsubscribeByLinkResponse *res);

C_END
#endif
