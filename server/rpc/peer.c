#include "server/rpc/runtime.h"

#include <grpc/support/alloc.h>

/* Who is at the other end of a call's connection. */

const char *rpc_peer(const struct rpc_call *call, struct arena *a)
{
    char *peer = grpc_call_get_peer(((const struct slot *)call)->call);
    const char *copy = arena_dup(a, str_of(peer));
    gpr_free(peer);
    return copy ? copy : "";
}

/* Every URI has a colon and no DNS name does: neither passes for the other. */
static bool is_uri(struct str name)
{
    return memchr(name.p, ':', name.n) != NULL;
}

static void to_small_letters(char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] = (char)(p[i] + 'a' - 'A');
}

static const struct name_kind {
    const char *property;
    bool is_uri;
} kinds[] = {
    { GRPC_PEER_URI_PROPERTY_NAME, true },
    { GRPC_PEER_DNS_PROPERTY_NAME, false },
};

static size_t take_names(const grpc_auth_context *peer, const struct name_kind *kind, struct arena *a,
                         struct str *ret, size_t n)
{
    const grpc_auth_property *p;
    grpc_auth_property_iterator i = grpc_auth_context_find_properties_by_name(peer, kind->property);
    while (n < RPC_PEER_NAMES && (p = grpc_auth_property_iterator_next(&i))) {
        struct str name = str_make(p->value, p->value_length);
        char *copy = arena_dup(a, name);
        if (!copy || memchr(name.p, 0, name.n) || is_uri(name) != kind->is_uri)
            continue;
        if (!kind->is_uri)
            to_small_letters(copy, name.n);
        ret[n++] = str_make(copy, name.n);
    }
    return n;
}

size_t rpc_peer_names(const struct rpc_call *call, struct arena *a, struct str ret[RPC_PEER_NAMES])
{
    size_t n = 0;
    grpc_auth_context *peer = grpc_call_auth_context(((const struct slot *)call)->call);
    for (size_t i = 0; peer && i < COUNT(kinds); i++)
        n = take_names(peer, &kinds[i], a, ret, n);
    grpc_auth_context_release(peer);
    return n;
}
