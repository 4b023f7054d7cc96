#include "server/rpc/runtime.h"

#include "base/pb.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>

static struct status decode_bytes(struct slot *s, grpc_byte_buffer *payload)
{
    grpc_byte_buffer_reader reader;
    size_t n = grpc_byte_buffer_length(payload);
    if (n > s->rpc->o.max_message)
        return fail_memory();
    if (!grpc_byte_buffer_reader_init(&reader, payload))
        return fail(NULL, REASON_MALFORMED_MESSAGE, "the message cannot be read");
    grpc_slice bytes;
    if (payload->type == GRPC_BB_RAW && payload->data.raw.slice_buffer.count == 1)
        bytes = grpc_slice_ref(payload->data.raw.slice_buffer.slices[0]);
    else
        bytes = grpc_byte_buffer_reader_readall(&reader);
    grpc_byte_buffer_reader_destroy(&reader);
    struct str text = str_make((const char *)GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes));
    struct status st = codec_decode(s->m->request, text, s->ctx.arena, &s->req);
    grpc_slice_unref(bytes);
    return st;
}

/* Only asks what a call would do: its request id stays free for the call itself. */
static bool only_asks(const struct slot *s)
{
    const ProtobufCFieldDescriptor *f = s->m->validate_only;
    return f && *(const protobuf_c_boolean *)((const char *)s->req + f->offset);
}

/* The request's own id, and for what it stands. */
static struct status take_key(struct slot *s)
{
    const ProtobufCFieldDescriptor *f = s->m->request_id;
    s->idem.request_id = s->ctx.request_id = "";
    if (!f)
        return ok();
    s->ctx.request_id = *(char *const *)((const char *)s->req + f->offset);
    TRY(idem_check(s->ctx.arena, s->ctx.request_id));
    if (!(s->m->row->flags & RPC_MUTATES) || !s->ctx.request_id[0] || !s->rpc->o.db || only_asks(s))
        return ok();
    struct arena_mark before = arena_mark(s->ctx.arena);
    struct str canonical = pb_pack(s->ctx.arena, s->req);
    if (!canonical.p)
        return fail_memory();
    sha256(canonical, s->idem.fingerprint);
    arena_rewind(s->ctx.arena, before);
    s->idem.request_id = s->ctx.request_id;
    return ok();
}

struct status request_take(struct slot *s)
{
    grpc_byte_buffer *payload = s->payload;
    s->payload = NULL;
    if (!payload)
        return fail(NULL, REASON_MALFORMED_MESSAGE, "the call carries no request message");
    struct status st = decode_bytes(s, payload);
    grpc_byte_buffer_destroy(payload);
    TRY(st);
    return take_key(s);
}
