/* watch.h: WatchMessages: what happens to messages, told from the event log. */
#ifndef AGENTS_ENGAGE_MESSAGE_WATCH_H
#define AGENTS_ENGAGE_MESSAGE_WATCH_H

#include "agents/record/app.h"

C_BEGIN

struct message_watch; /* one thread at a time uses it */

/* Begins where the request says, in the ctx's arena. Fails: FIELD_INVALID (the cursor), LEAD_NOT_FOUND. */
MUSTCHECK struct status watch_messages_open(struct ctx *c, const WatchMessagesRequest *req,
                                            struct message_watch **ret);
/* Reads the log on. *ret_send: res is to be sent, with changes, a gap, or as a heartbeat. Never waits for
 * what is still to happen: it is to be called again. */
MUSTCHECK struct status watch_messages(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res,
                                       bool *ret_send);

C_END
#endif
