#include "agents/engage/link/link.h"

#include "agents/engage/contact/consent.h"
#include "agents/engage/message/message.h"
#include "base/base64.h"
#include "base/ids.h"
#include "store/db.h"

#define MAC_BYTES 16
#define TOKEN_MAX 256
#define MESSAGES "messages/"

/* ---- Tokens: base64url of the hash, then of "workspace\nmessage id" ---- */

static void mac_of(const struct ctx *c, struct str names, unsigned char ret[SHA256_BYTES])
{
    unsigned char key[SHA256_BYTES];
    hmac_sha256(c->app->secret_key, STR("unsubscribe link v1"), key);
    hmac_sha256(str_make((const char *)key, sizeof key), names, ret);
}

const char *unsubscribe_url(struct ctx *c, const Message *m)
{
    unsigned char mac[SHA256_BYTES];
    if (!*c->app->public_url)
        return NULL;
    const char *names = arena_printf(c->arena, "%s\n%s", c->workspace, m->name + strlen(MESSAGES));
    size_t n = names ? strlen(names) : 0;
    char *bytes = names ? arena_raw(c->arena, MAC_BYTES + n) : NULL;
    if (!bytes)
        return NULL;
    mac_of(c, str_make(names, n), mac);
    memcpy(bytes, mac, MAC_BYTES);
    memcpy(bytes + MAC_BYTES, names, n);
    const char *token = base64url_text(c->arena, str_make(bytes, MAC_BYTES + n));
    return token ? arena_printf(c->arena, "%s/u/%s", c->app->public_url, token) : NULL;
}

static struct status read_token(struct ctx *c, const char *token, struct str *ret_workspace,
                                struct str *ret_message)
{
    unsigned char mac[SHA256_BYTES];
    struct str bytes;
    bool sound = strnlen(token, TOKEN_MAX + 1) <= TOKEN_MAX &&
                 base64url_bytes(c->arena, str_of(token), &bytes) && bytes.n > MAC_BYTES;
    if (sound) {
        *ret_message = str_make(bytes.p + MAC_BYTES, bytes.n - MAC_BYTES);
        mac_of(c, *ret_message, mac);
        sound = same_bytes(mac, bytes.p, MAC_BYTES);
    }
    if (!sound)
        return fail(c->arena, REASON_LINK_INVALID, "this is no link that stood in one of our messages");
    *ret_workspace = str_split(ret_message, '\n');
    return ok();
}

/* ---- Following one ---- */

struct status unsubscribe_by_link(struct ctx *c, const UnsubscribeByLinkRequest *req,
                                  UnsubscribeByLinkResponse *res)
{
    UnsubscribeRequest wish = UNSUBSCRIBE_REQUEST_INIT;
    UnsubscribeResponse done = UNSUBSCRIBE_RESPONSE_INIT;
    struct message_row row;
    struct str workspace, message;
    (void)res;
    TRY(read_token(c, req->token, &workspace, &message));
    c->workspace = arena_dup(c->arena, workspace);
    const char *name = arena_printf(c->arena, MESSAGES "%.*s", (int)message.n, message.p);
    if (!c->workspace || !name)
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
