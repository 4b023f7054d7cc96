/* Any bytes as any request: refused with a reason of the wire, or a message whose strings are UTF-8 without
 * NUL and whose canonical form is stable: packed and decoded again it gives the same bytes. */
#include "base/pb.h"
#include "proto/descriptors.h"
#include "proto/names.h"
#include "server/rpc/codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BUDGET (1u << 20)

static const ProtobufCServiceDescriptor *const services[] = {
    &marketing__v1__lead_service__descriptor,  &marketing__v1__triage_service__descriptor,
    &marketing__v1__model_service__descriptor, &marketing__v1__system_service__descriptor,
    &marketing__v1__auth_service__descriptor,  &marketing__v1__engage_service__descriptor,
};

/* The requests of all methods, one after the other; the first byte of the input picks one. */
static const struct shape *pick(uint8_t byte)
{
    static struct arena arena;
    static struct schema schema;
    static struct shape_book book;
    unsigned total = 0;
    if (!book.arena) {
        arena_init(&arena, 32u << 20);
        if (!is_ok(schema_load(str_make((const char *)proto_descriptor_set, proto_descriptor_set_size),
                               &arena, &schema)))
            abort();
        book.schema = &schema;
        book.arena = &arena;
    }
    for (size_t i = 0; i < COUNT(services); i++)
        total += services[i]->n_methods;
    unsigned at = byte % total;
    size_t i = 0;
    for (; at >= services[i]->n_methods; i++)
        at -= services[i]->n_methods;
    return shape_of(&book, services[i]->methods[at].input);
}

static bool allowed(struct status s)
{
    switch (s.reason) {
    case REASON_MALFORMED_MESSAGE:
    case REASON_NESTING_TOO_DEEP:
    case REASON_INVALID_UTF8:
    case REASON_EMBEDDED_NUL:
    case REASON_FIELD_INVALID:
        return s.violations != NULL;
    case REASON_REQUEST_TOO_LARGE:
        return true;
    default:
        return false;
    }
}

/* The library's own packing, for comparison. */
static struct str library_pack(struct arena *a, const ProtobufCMessage *m)
{
    size_t n = protobuf_c_message_get_packed_size(m);
    uint8_t *p = arena_raw(a, n);
    if (!p)
        abort();
    protobuf_c_message_pack(m, p);
    return str_make((const char *)p, n);
}

static void check_stable(const struct shape *shape, const ProtobufCMessage *m)
{
    struct arena a;
    ProtobufCMessage *again;
    arena_init(&a, 5 * BUDGET);
    struct str once = pb_pack(&a, m);
    if (!str_eq(once, library_pack(&a, m)))
        abort();
    struct status s = codec_decode(shape, once, &a, &again);
    if (is_ok(s)) {
        if (!str_eq(once, pb_pack(&a, again)))
            abort();
    } else if (s.reason != REASON_REQUEST_TOO_LARGE) {
        abort();
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    ProtobufCMessage *m;
    if (size == 0)
        return 0;
    const struct shape *shape = pick(data[0]);
    arena_init(&a, BUDGET);
    struct status s = codec_decode(shape, str_make((const char *)data + 1, size - 1), &a, &m);
    if (is_ok(s))
        check_stable(shape, m);
    else if (!allowed(s))
        abort();
    arena_done(&a);
    return 0;
}
