/* reply.h: what an endpoint streams (server-sent events, each a chunk of a chat completion) read as it comes,
 * in pieces of any size. No I/O. */
#ifndef AGENTS_ENGAGE_DRAFT_REPLY_H
#define AGENTS_ENGAGE_DRAFT_REPLY_H

#include "base/buf.h"

C_BEGIN

#define REPLY_LINE_MAX (64u * 1024)  /* of one event */
#define REPLY_TEXT_MAX (512u * 1024) /* of what the model writes */
#define REPLY_BYTES_MAX (8u << 20)   /* of everything that comes */

enum reply_state {
    REPLY_OPEN,
    REPLY_DONE,     /* it said that it is done */
    REPLY_REFUSED,  /* it would not */
    REPLY_LONG,     /* it wrote, or would have written, more than it may */
    REPLY_MALFORMED /* not what such an endpoint says */
};

struct reply {
    struct buf line, text; /* text: what the model wrote so far */
    size_t bytes;
    enum reply_state state;
};

void reply_init(struct reply *r);
void reply_done(struct reply *r); /* frees */
/* Takes the next bytes. False once no more are wanted: the state is no longer REPLY_OPEN. */
bool reply_take(struct reply *r, struct str bytes);

C_END
#endif
