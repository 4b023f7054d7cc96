#include "agents/record/pages.h"

#include "base/base64.h"
#include "base/ids.h"
#include "base/pb.h"

#define MAC_BYTES 16
#define TOKEN_MAX 1024 /* characters */

/* The keyed hash of what the token is good for and of the key it carries; parts are set apart by their
 * lengths. */
static bool page_mac(struct ctx *c, const char *scope, struct str key, unsigned char mac[SHA256_BYTES])
{
    unsigned char secret[SHA256_BYTES];
    char *text =
        arena_printf(c->arena, "%zu %s %zu %s %zu %s %zu %.*s", strlen(c->method), c->method,
                     strlen(c->workspace), c->workspace, strlen(scope), scope, key.n, (int)key.n, key.p);
    if (!text)
        return false;
    hmac_sha256(c->app->secret_key, STR("page token"), secret);
    hmac_sha256(str_make((char *)secret, sizeof secret), str_of(text), mac);
    return true;
}

static struct status token_read(struct ctx *c, const char *token, const char *scope, const char **ret)
{
    struct str bytes, text = str_of(token);
    unsigned char mac[SHA256_BYTES];
    if (text.n <= TOKEN_MAX && base64url_bytes(c->arena, text, &bytes) && bytes.n > MAC_BYTES) {
        struct str key = str_make(bytes.p + MAC_BYTES, bytes.n - MAC_BYTES);
        *ret = arena_dup(c->arena, key);
        if (*ret && page_mac(c, scope, key, mac) && same_bytes(mac, bytes.p, MAC_BYTES))
            return ok();
    }
    if (c->arena->overflow)
        return fail_memory();
    return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token",
                      "not a token of this list with this filter");
}

struct status page_read(struct ctx *c, int32_t page_size, const char *page_token, const char *scope,
                        struct page *ret)
{
    if (page_size < 0)
        return fail_field(c->arena, REASON_FIELD_OUT_OF_RANGE, "page_size", "must not be negative");
    ret->size = page_size == 0 ? PAGE_DEFAULT : MIN(page_size, PAGE_MAX);
    ret->after = "";
    return *page_token ? token_read(c, page_token, scope, &ret->after) : ok();
}

struct status page_token(struct ctx *c, const char *scope, const char *last_key, char **ret)
{
    struct str key = str_of(last_key);
    unsigned char mac[SHA256_BYTES];
    char *bytes = last_key ? arena_raw(c->arena, MAC_BYTES + key.n) : NULL;
    if (!bytes || !page_mac(c, scope, key, mac))
        return fail_memory();
    memcpy(bytes, mac, MAC_BYTES);
    memcpy(bytes + MAC_BYTES, key.p, key.n);
    *ret = base64url_text(c->arena, str_make(bytes, MAC_BYTES + key.n));
    return *ret ? ok() : fail_memory();
}

/* ---- By id and version: written as "id version" ---- */

struct status page_after_version(struct ctx *c, const struct page *page, const char **ret_id,
                                 int64_t *ret_version)
{
    struct str rest = str_of(page->after), id = str_split(&rest, ' ');
    *ret_id = pb_str(c->arena, id);
    *ret_version = 0;
    if (!*ret_id)
        return fail_memory();
    if (*page->after && !str_to_i64(rest, ret_version))
        return fail_field(c->arena, REASON_PAGE_TOKEN_INVALID, "page_token", "not a token of this list");
    return ok();
}

struct status page_token_version(struct ctx *c, const char *id, int64_t version, char **ret)
{
    return page_token(c, "", arena_printf(c->arena, "%s %lld", id, (long long)version), ret);
}
