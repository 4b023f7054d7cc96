#include "server/rpc/runtime.h"

static bool is_hex(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] >= '0' && p[i] <= '9') || (p[i] >= 'a' && p[i] <= 'f')))
            return false;
    return true;
}

/* The trace id of a W3C traceparent ("00-<32 hex>-<16 hex>-<2 hex>"), or one of our own. */
void trace_fill(struct slot *s)
{
    struct str given;
    if (rpc_metadata((const struct rpc_call *)s, "traceparent", &given) && given.n >= 55 &&
        given.p[2] == '-' && given.p[35] == '-' && is_hex(given.p + 3, 32)) {
        memcpy(s->trace_id, given.p + 3, 32);
        s->trace_id[32] = 0;
        return;
    }
    uint64_t n = __atomic_add_fetch(&s->rpc->trace_count, 1, __ATOMIC_RELAXED);
    uint64_t id[2] = { mix64(s->rpc->trace_seed[0] + n), mix64(s->rpc->trace_seed[1] ^ (n << 1)) };
    hex_text((const unsigned char *)id, sizeof id, s->trace_id);
}
