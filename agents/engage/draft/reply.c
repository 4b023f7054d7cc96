#include "agents/engage/draft/reply.h"

#include "base/json.h"

void reply_init(struct reply *r)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->line, REPLY_LINE_MAX);
    buf_init(&r->text, REPLY_TEXT_MAX);
}

void reply_done(struct reply *r)
{
    buf_done(&r->line);
    buf_done(&r->text);
}

/* ---- One chunk ---- */

static bool is_null(struct str json)
{
    return str_eq(json, STR("null"));
}

/* Why the model stopped; OPEN where it did not. */
static enum reply_state ending(struct str chunk)
{
    struct str why;
    if (!json_find(chunk, "choices.0.finish_reason", &why) || is_null(why))
        return REPLY_OPEN;
    if (str_eq(why, STR("\"stop\"")))
        return REPLY_DONE;
    return str_eq(why, STR("\"length\"")) ? REPLY_LONG : REPLY_REFUSED;
}

static enum reply_state take_chunk(struct reply *r, struct str chunk)
{
    struct str part;
    if (json_find(chunk, "choices.0.delta.refusal", &part) && !is_null(part))
        return REPLY_REFUSED;
    if (json_find(chunk, "choices.0.delta.content", &part) && !is_null(part) &&
        !json_text(chunk, "choices.0.delta.content", &r->text))
        return r->text.overflow ? REPLY_LONG : REPLY_MALFORMED;
    if (!json_find(chunk, "choices", &part))
        return REPLY_MALFORMED;
    return ending(chunk);
}

/* ---- Server-sent events ---- */

/* Other fields, comments and empty lines say nothing that is needed: every chunk is one line of data. */
static enum reply_state take_line(struct reply *r, struct str line)
{
    static const struct str field = { "data:", 5 };
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (!str_starts(line, field))
        return REPLY_OPEN;
    struct str data = str_trim(str_make(line.p + field.n, line.n - field.n));
    if (str_eq(data, STR("[DONE]")))
        return REPLY_DONE;
    return take_chunk(r, data);
}

static void take_byte(struct reply *r, char byte)
{
    if (byte != '\n') {
        buf_putc(&r->line, byte);
        r->state = r->line.overflow ? REPLY_MALFORMED : REPLY_OPEN;
        return;
    }
    r->state = take_line(r, buf_str(&r->line));
    buf_clear(&r->line);
}

bool reply_take(struct reply *r, struct str bytes)
{
    r->bytes += bytes.n;
    if (r->bytes > REPLY_BYTES_MAX)
        r->state = REPLY_LONG;
    for (size_t i = 0; i < bytes.n && r->state == REPLY_OPEN; i++)
        take_byte(r, bytes.p[i]);
    return r->state == REPLY_OPEN;
}
