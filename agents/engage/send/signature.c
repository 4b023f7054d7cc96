#include "agents/engage/send/signature.h"

#include "base/buf.h"
#include "base/ids.h"

#define SECONDS_BYTES 32

bool signature_make(struct str secret, int64_t seconds, struct str body, char ret[SIGNATURE_HEX])
{
    unsigned char mac[SHA256_BYTES];
    struct buf text;
    buf_init(&text, body.n + SECONDS_BYTES);
    buf_printf(&text, "%lld.", (long long)seconds);
    buf_put(&text, body.p, body.n);
    hmac_sha256(secret, buf_str(&text), mac);
    hex_text(mac, sizeof mac, ret);
    bool whole = !text.overflow;
    buf_done(&text);
    return whole;
}

/* "name=value"; false where it is another name. */
static bool part(struct str *rest, const char *name, struct str *ret)
{
    struct str value = str_split(rest, ',');
    *ret = value;
    return str_eq(str_split(ret, '='), str_of(name));
}

bool signature_holds(struct str secret, const char *text, struct str body, int64_t now, int64_t max_age)
{
    char right[SIGNATURE_HEX];
    struct str rest = str_of(text), time, hex;
    int64_t seconds;
    if (!part(&rest, "t", &time) || !part(&rest, "v1", &hex) || rest.n || !str_to_i64(time, &seconds))
        return false;
    if (seconds < now - max_age || seconds > now + max_age || hex.n != SIGNATURE_HEX - 1)
        return false;
    return signature_make(secret, seconds, body, right) && same_bytes(right, hex.p, hex.n);
}
