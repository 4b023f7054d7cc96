/* link.h: links that stand in messages: one-click unsubscription (RFC 8058), and links that tell that a
 * message was opened or what in it was followed. A link names the message that it stood in and bears a keyed
 * hash over that, so nobody makes one for another person or to another place, and none expires. */
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

/* "PUBLIC_URL/o/TOKEN.gif": a picture that tells that the message was opened. "PUBLIC_URL/c/TOKEN": leads on
 * to the url, which is at most 2,048 bytes without line ends, and tells that. Only where app.public_url is
 * not empty. NULL over the budget. */
const char *open_url(struct ctx *c, const Message *m);
const char *click_url(struct ctx *c, const Message *m, struct str url);

/* Where a link leads. Reads nothing. Fails: LINK_INVALID. */
MUSTCHECK struct status resolve_message_link(struct ctx *c, const ResolveMessageLinkRequest *req,
                                             ResolveMessageLinkResponse *res);
/* Records once that the message was opened, or the link followed. Whoever was erased since leaves no trace.
 * Fails: LINK_INVALID. */
MUSTCHECK struct status record_message_link(struct ctx *c, const RecordMessageLinkRequest *req,
                                            RecordMessageLinkResponse *res);

C_END
#endif
