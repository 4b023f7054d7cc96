/* watch.h: WatchMessages: what happens to messages, told from the event log. */
#ifndef AGENTS_ENGAGE_MESSAGE_WATCH_H
#define AGENTS_ENGAGE_MESSAGE_WATCH_H

#include "agents/record/app.h"

C_BEGIN

struct message_watch;
MUSTCHECK struct status watch_messages_open(struct ctx *c, const WatchMessagesRequest *req,
                                            struct message_watch **ret);
/* *ret_send: there is something to tell. */
MUSTCHECK struct status watch_messages(struct ctx *c, struct message_watch *w, WatchMessagesResponse *res,
                                       bool *ret_send);

C_END
#endif
