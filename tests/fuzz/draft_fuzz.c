/* Any bytes as what an endpoint that drafts streams, in pieces of a size that the first byte says: the pieces
 * do not matter, what the model wrote is text that may be passed on, and its links are known to itself. */
#include "agents/engage/draft/links.h"
#include "agents/engage/draft/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_in_pieces(struct reply *r, struct str stream, size_t piece)
{
    reply_init(r);
    bool more = true;
    for (size_t at = 0; more && at < stream.n; at += piece)
        more = reply_take(r, str_make(stream.p + at, MIN(piece, stream.n - at)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct reply whole, pieces;
    struct str foreign;
    if (n == 0)
        return 0;
    struct str stream = str_make((const char *)data + 1, n - 1);
    read_in_pieces(&whole, stream, n);
    read_in_pieces(&pieces, stream, 1 + (size_t)data[0] % 32);
    struct str text = buf_str(&whole.text);
    ASSERT(whole.state == pieces.state);
    ASSERT(str_eq(text, buf_str(&pieces.text)));
    ASSERT(text.n <= REPLY_TEXT_MAX);
    ASSERT(str_is_utf8(text) && (text.n == 0 || !memchr(text.p, 0, text.n)));
    ASSERT(links_known(text, text, &foreign));
    reply_done(&whole);
    reply_done(&pieces);
    return 0;
}
