/* stream.h: one POST whose answer is read as it comes, without a thread that waits for it. The rules are
 * those of transfer.h. */
#ifndef AGENTS_ENGAGE_SEND_STREAM_H
#define AGENTS_ENGAGE_SEND_STREAM_H

#include "agents/engage/send/transfer.h"

C_BEGIN

struct stream; /* one thread at a time uses it */

enum stream_state {
    STREAM_OPEN,
    STREAM_ENDED,     /* stream_code() is the answer's; or the taker has enough */
    STREAM_LATE,      /* the time of the exchange is over */
    STREAM_FORBIDDEN, /* an address that may not be connected to */
    STREAM_FAILED     /* no connection, or cut */
};

/* Bytes of the answer's body, in order; only of an answer with status 200. False: it wants no more. */
typedef bool (*stream_take)(void *arg, struct str bytes);

/* The exchange, and what it points at, lives as long as the stream. Its memory is the arena's; with the
 * arena's reset the connection ends, whatever its state. Fails: REQUEST_TOO_LARGE. */
MUSTCHECK struct status stream_open(struct arena *a, const struct exchange *x, stream_take take, void *arg,
                                    struct stream **ret);
/* Does what can be done now, waiting for wait_ms at most. Once it says anything but STREAM_OPEN it stays. */
enum stream_state stream_step(struct stream *s, int wait_ms);
/* The HTTP status; 0 before there is one. */
int stream_code(const struct stream *s);
/* What went wrong, in libcurl's words; "" where nothing did. */
const char *stream_detail(const struct stream *s);

C_END
#endif
