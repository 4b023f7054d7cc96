#include "base/pb.h"

static void *allocate(void *arena, size_t n)
{
    return arena_raw(arena, n);
}

static void release(void *arena, void *p) {}

void *pb_new(struct arena *a, const ProtobufCMessageDescriptor *d)
{
    void *m = arena_raw(a, d->sizeof_message);
    if (m)
        d->message_init(m);
    return m;
}

void *pb_unpack(struct arena *a, const ProtobufCMessageDescriptor *d, struct str bytes)
{
    ProtobufCAllocator allocator = { allocate, release, a };
    return protobuf_c_message_unpack(d, &allocator, bytes.n, (const uint8_t *)bytes.p);
}

char *pb_str(struct arena *a, struct str s)
{
    return s.n ? arena_dup(a, s) : (char *)protobuf_c_empty_string;
}
