/* Links that tell that a message was opened, or that a link in it was followed. Their names: what they are
 * for, the workspace, the message's id and, of a link to follow, where it leads. */
#include "agents/engage/feedback/feedback.h"
#include "agents/engage/link/link_private.h"
#include "base/ids.h"

static const struct report_source source = { "link", "" };

#define OPENED "open"
#define CLICKED "click"

struct visit {
    struct str what, workspace, message, url; /* url: "" where it is no link to follow */
};

const char *open_url(struct ctx *c, const Message *m)
{
    const char *token =
        link_make(c, LINK_VISIT, arena_printf(c->arena, OPENED "\n%s\n%s", c->workspace, link_message_id(m)));
    return token ? arena_printf(c->arena, "%s/o/%s.gif", c->app->public_url, token) : NULL;
}

const char *click_url(struct ctx *c, const Message *m, struct str url)
{
    const char *token = link_make(c, LINK_VISIT,
                                  arena_printf(c->arena, CLICKED "\n%s\n%s\n%.*s", c->workspace,
                                               link_message_id(m), (int)url.n, url.p));
    return token ? arena_printf(c->arena, "%s/c/%s", c->app->public_url, token) : NULL;
}

static struct status read_visit(struct ctx *c, const char *token, struct visit *ret)
{
    struct str rest;
    TRY(link_read(c, LINK_VISIT, token, &rest));
    ret->what = str_split(&rest, '\n');
    ret->workspace = str_split(&rest, '\n');
    ret->message = str_split(&rest, '\n');
    ret->url = rest;
    return ok();
}

struct status resolve_message_link(struct ctx *c, const ResolveMessageLinkRequest *req,
                                   ResolveMessageLinkResponse *res)
{
    struct visit v;
    TRY(read_visit(c, req->token, &v));
    if (!v.url.n)
        return fail(c->arena, REASON_LINK_INVALID, "this link leads nowhere");
    res->url = arena_dup(c->arena, v.url);
    return res->url ? ok() : fail_memory();
}

/* Of one message its opening, and the following of each of its links, is one event, however often it happens.
 */
static struct status make_event(struct ctx *c, const struct visit *v, DeliveryEvent *e)
{
    char mark[ID_TEXT];
    id_derive(STR("visited url"), v->url, mark);
    e->event_id = arena_printf(c->arena, "%.*s %.*s %s", (int)v->what.n, v->what.p, (int)v->message.n,
                               v->message.p, mark);
    e->message = (char *)link_message_name(c, v->message);
    e->url = arena_dup(c->arena, v->url);
    e->type = v->url.n ? DELIVERY_EVENT__TYPE_CLICKED : DELIVERY_EVENT__TYPE_OPENED;
    return e->event_id && e->message && e->url ? ok() : fail_memory();
}

struct status record_message_link(struct ctx *c, const RecordMessageLinkRequest *req,
                                  RecordMessageLinkResponse *res)
{
    RecordDeliveryEventsResponse done = RECORD_DELIVERY_EVENTS_RESPONSE_INIT;
    DeliveryEvent e = DELIVERY_EVENT_INIT, *all[] = { &e };
    struct visit v;
    (void)res;
    TRY(read_visit(c, req->token, &v));
    TRY(link_enter(c, v.workspace));
    TRY(make_event(c, &v, &e));
    return report_delivery(c, &source, all, 1, "events", &done);
}
