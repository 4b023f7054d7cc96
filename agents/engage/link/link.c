#include "agents/engage/link/link_private.h"

#include "agents/engage/contact/consent.h"
#include "agents/engage/message/message.h"
#include "base/base64.h"
#include "base/ids.h"
#include "store/db.h"

#define MAC_BYTES 16
#define TOKEN_MAX 4096
#define MESSAGES "messages/"

/* ---- Tokens: base64url of the hash, then of the names ---- */

static const char *const key_names[] = {
    [LINK_UNSUBSCRIBE] = "unsubscribe link v1",
    [LINK_VISIT] = "visited link v1",
};

static void mac_of(const struct ctx *c, enum link_kind kind, struct str names,
                   unsigned char ret[SHA256_BYTES])
{
    unsigned char key[SHA256_BYTES];
    hmac_sha256(c->app->secret_key, str_of(key_names[kind]), key);
    hmac_sha256(str_make((const char *)key, sizeof key), names, ret);
}

const char *link_make(struct ctx *c, enum link_kind kind, const char *names)
{
    unsigned char mac[SHA256_BYTES];
    size_t n = names ? strlen(names) : 0;
    char *bytes = names ? arena_raw(c->arena, MAC_BYTES + n) : NULL;
    if (!bytes)
        return NULL;
    mac_of(c, kind, str_make(names, n), mac);
    memcpy(bytes, mac, MAC_BYTES);
    memcpy(bytes + MAC_BYTES, names, n);
    return base64url_text(c->arena, str_make(bytes, MAC_BYTES + n));
}

struct status link_read(struct ctx *c, enum link_kind kind, const char *token, struct str *ret)
{
    unsigned char mac[SHA256_BYTES];
    struct str bytes;
    bool sound = strnlen(token, TOKEN_MAX + 1) <= TOKEN_MAX &&
                 base64url_bytes(c->arena, str_of(token), &bytes) && bytes.n > MAC_BYTES;
    if (sound) {
        *ret = str_make(bytes.p + MAC_BYTES, bytes.n - MAC_BYTES);
        mac_of(c, kind, *ret, mac);
        sound = same_bytes(mac, bytes.p, MAC_BYTES);
    }
    return sound ? ok()
                 : fail(c->arena, REASON_LINK_INVALID, "this is no link that stood in one of our messages");
}

struct status link_enter(struct ctx *c, struct str workspace)
{
    c->workspace = arena_dup(c->arena, workspace);
    return c->workspace ? ok() : fail_memory();
}

const char *link_message_name(struct ctx *c, struct str id)
{
    return arena_printf(c->arena, MESSAGES "%.*s", (int)id.n, id.p);
}

const char *link_message_id(const Message *m)
{
    return m->name + strlen(MESSAGES);
}

/* ---- Unsubscribing ---- */

/* Its names: the workspace and the message's id. */
const char *unsubscribe_url(struct ctx *c, const Message *m)
{
    if (!*c->app->public_url)
        return NULL;
    const char *token =
        link_make(c, LINK_UNSUBSCRIBE, arena_printf(c->arena, "%s\n%s", c->workspace, link_message_id(m)));
    return token ? arena_printf(c->arena, "%s/u/%s", c->app->public_url, token) : NULL;
}

struct status unsubscribe_by_link(struct ctx *c, const UnsubscribeByLinkRequest *req,
                                  UnsubscribeByLinkResponse *res)
{
    UnsubscribeRequest wish = UNSUBSCRIBE_REQUEST_INIT;
    UnsubscribeResponse done = UNSUBSCRIBE_RESPONSE_INIT;
    struct message_row row;
    struct str names;
    (void)res;
    TRY(link_read(c, LINK_UNSUBSCRIBE, req->token, &names));
    TRY(link_enter(c, str_split(&names, '\n')));
    const char *name = link_message_name(c, names);
    if (!name)
        return fail_memory();
    struct status s = message_load(c, name, &row);
    if (s.reason == REASON_MESSAGE_NOT_FOUND)
        return ok(); /* its lead was erased, and is suppressed by that */
    TRY(s);
    wish.lead = row.message->lead;
    wish.source = "link in a message";
    s = unsubscribe(c, &wish, &done);
    return s.reason == REASON_LEAD_NOT_FOUND ? ok() : s;
}
