/* What REDIS_URL and REDIS_CA say. */
#include "store/redis_conn.h"

#include <openssl/ssl.h>

static struct status bad_url(struct arena *a)
{
    return fail_field(a, REASON_FIELD_INVALID, "REDIS_URL",
                      "must be redis:// or rediss://[user:password@]host[:port][/database]");
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

/* Without the %XX. NULL where they are none, or make a NUL. */
static const char *unescape(struct arena *a, struct str s)
{
    char *out = arena_dup(a, s);
    size_t n = 0;
    for (size_t i = 0; out && i < s.n; i++) {
        int high = i + 2 < s.n ? hex_digit(s.p[i + 1]) : -1, low = i + 2 < s.n ? hex_digit(s.p[i + 2]) : -1;
        if (s.p[i] != '%') {
            out[n++] = s.p[i];
            continue;
        }
        if (high < 0 || low < 0 || high + low == 0)
            return NULL;
        out[n++] = (char)(high * 16 + low);
        i += 2;
    }
    if (out)
        out[n] = 0;
    return out;
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* [user:password@]host[:port]; a host with colons stands in brackets. */
static struct status read_authority(struct str s, struct arena *a, struct redis_target *t)
{
    struct str user = STR(""), host, port;
    const char *at = memrchr(s.p, '@', s.n), *bracket = memchr(s.p, ']', s.n);
    if (at) {
        user = str_make(s.p, (size_t)(at - s.p));
        s = str_make(at + 1, s.n - user.n - 1);
    }
    struct str password = user, name = str_split(&password, ':');
    if (s.n && s.p[0] == '[' && bracket) {
        host = str_make(s.p + 1, (size_t)(bracket - s.p) - 1);
        port = str_make(bracket + 1, s.n - host.n - 2);
        if (port.n && *port.p != ':')
            return bad_url(a);
        port = port.n ? str_make(port.p + 1, port.n - 1) : port;
    } else {
        port = s;
        host = str_split(&port, ':');
    }
    if (!host.n || !all_digits(port))
        return bad_url(a);
    t->host = arena_dup(a, host);
    t->port = arena_dup(a, port.n ? port : STR("6379"));
    t->user = unescape(a, name);
    t->password = unescape(a, password);
    return t->host && t->port && t->user && t->password ? ok() : bad_url(a);
}

static void free_tls(void *tls)
{
    SSL_CTX_free(tls);
}

static struct status trust(const char *ca_file, struct arena *a, struct redis_target *t)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls || !arena_on_reset(a, free_tls, tls)) {
        SSL_CTX_free(tls);
        return fail_memory();
    }
    t->tls = tls;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) != 1)
        return fail_memory();
    if (ca_file[0] ? SSL_CTX_load_verify_locations(tls, ca_file, NULL) != 1
                   : SSL_CTX_set_default_verify_paths(tls) != 1)
        return fail_field(a, REASON_FIELD_INVALID, "REDIS_CA", "holds no certificates that can be read");
    return ok();
}

struct status redis_target_read(const char *url, const char *ca_file, struct arena *a,
                                struct redis_target *ret)
{
    struct str rest = str_of(url);
    bool tls = str_starts(rest, STR("rediss://"));
    if (!tls && !str_starts(rest, STR("redis://")))
        return bad_url(a);
    size_t scheme = tls ? 9 : 8;
    rest = str_make(rest.p + scheme, rest.n - scheme);
    memset(ret, 0, sizeof *ret);
    TRY(read_authority(str_split(&rest, '/'), a, ret));
    if (!all_digits(rest))
        return bad_url(a);
    ret->database = arena_dup(a, rest);
    if (!ret->database)
        return fail_memory();
    return tls ? trust(ca_file, a, ret) : ok();
}
