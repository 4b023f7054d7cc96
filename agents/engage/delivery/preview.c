/* What would be handed over. */
#include "agents/engage/delivery/delivery_private.h"

#define NOBODY "preview" /* the id in links and headers: of no message */

struct status delivery_preview(struct ctx *c, Message *m, const Lead *lead, PreviewMessageResponse *res)
{
    struct in_hand h;
    struct str frozen;
    memset(&h, 0, sizeof h);
    memcpy(h.id, NOBODY, sizeof NOBODY);
    h.row.message = m;
    m->name = (char *)"messages/" NOBODY;
    TRY(open_channel(c, &h));
    if (!h.channel.channel)
        return fail(c->arena, REASON_CHANNEL_STATE, "no channel can be used for this medium");
    if (h.secrets && h.secrets->smtp)
        h.secrets->smtp->dkim_private_key = (char *)protobuf_c_empty_string;
    TRY(words(c, &h, lead, &frozen));
    res->channel = h.channel.channel->name;
    res->template_version = m->template_version;
    res->locale = (char *)h.said.locale;
    res->to = (char *)h.frozen.to;
    res->subject = (char *)h.said.subject.p;
    res->text = (char *)h.said.text.p;
    res->html = (char *)h.said.html.p;
    res->content = arena_dup(c->arena, h.frozen.bytes);
    return res->content ? ok() : fail_memory();
}
