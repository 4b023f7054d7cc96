#include "server/iam/token.h"

#include "base/clock.h"
#include "base/json.h"

#include <inttypes.h>

#define ISSUER "marketing"
#define AUDIENCE "marketing.v1"

static const char *payload_text(struct arena *a, const struct claims *c)
{
    return arena_printf(a,
                        "{\"iss\":\"" ISSUER "\",\"aud\":\"" AUDIENCE
                        "\",\"sub\":\"%s\",\"ws\":\"%s\",\"sid\":\"%s\","
                        "\"jti\":\"%s\",\"iat\":%" PRId64 ",\"nbf\":%" PRId64 ",\"exp\":%" PRId64 "}",
                        c->user, c->workspace, c->session, c->id, c->issued, c->issued, c->expires);
}

struct status token_make(struct keys *k, const struct claims *claims, struct arena *a, const char **ret)
{
    const char *payload = payload_text(a, claims);
    return payload ? keys_sign(k, str_of(payload), a, ret) : fail_memory();
}

/* Of what ids and names are made; so there is nothing to unescape. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '-' ||
              s.p[i] == '/'))
            return false;
    return true;
}

/* A member's text, in the arena. */
static bool text_member(struct str json, const char *name, struct arena *a, const char **ret)
{
    struct str v;
    if (!json_find(json, name, &v) || v.n < 2 || v.p[0] != '"')
        return false;
    struct str text = str_make(v.p + 1, v.n - 2);
    *ret = arena_dup(a, text);
    return is_plain(text) && *ret;
}

static bool number_member(struct str json, const char *name, int64_t *ret)
{
    struct str v;
    return json_find(json, name, &v) && str_to_i64(v, ret);
}

static bool read_claims(struct str json, struct arena *a, struct claims *ret)
{
    return text_member(json, "sub", a, &ret->user) && text_member(json, "ws", a, &ret->workspace) &&
           text_member(json, "sid", a, &ret->session) && text_member(json, "jti", a, &ret->id) &&
           number_member(json, "iat", &ret->issued) && number_member(json, "exp", &ret->expires);
}

static bool holds(const struct claims *c, int64_t now)
{
    return c->issued >= 0 && c->issued <= now + TOKEN_SKEW_SECONDS && now < c->expires &&
           c->expires <= c->issued + TOKEN_SECONDS;
}

bool token_read(struct keys *k, struct str token, int64_t now_us, struct arena *a, struct claims *ret)
{
    struct str json;
    if (token.n > TOKEN_MAX_BYTES || !keys_verify(k, token, now_us, a, &json) || !read_claims(json, a, ret))
        return false;
    const char *again = payload_text(a, ret);
    return again && str_eq(str_of(again), json) && holds(ret, now_us / US_PER_SECOND);
}
