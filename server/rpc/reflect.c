#include "server/rpc/runtime.h"

#include "base/pb.h"

#include "grpc/reflection/v1/reflection.pb-c.h"
#include "grpc/reflection/v1alpha/reflection.pb-c.h"

/* v1 and v1alpha are the same messages under two package names. Generated from equal text, their structs have
 * one layout (the table's size check holds that), so one set of functions, written with v1's types, serves
 * both. */
typedef Grpc__Reflection__V1__ServerReflectionRequest Request;
typedef Grpc__Reflection__V1__ServerReflectionResponse Response;
typedef Grpc__Reflection__V1__ServiceResponse ServiceResponse;

_Static_assert(sizeof(Request) == sizeof(Grpc__Reflection__V1alpha__ServerReflectionRequest), "one layout");
_Static_assert(sizeof(Response) == sizeof(Grpc__Reflection__V1alpha__ServerReflectionResponse), "one layout");

#define ASKED(x) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##x
#define ANSWER(x) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##x

static struct status answer_error(struct ctx *c, Response *res, enum code code, const char *text)
{
    Grpc__Reflection__V1__ErrorResponse *e =
        pb_new(c->arena, &grpc__reflection__v1__error_response__descriptor);
    if (!e)
        return fail_memory();
    e->error_code = code;
    e->error_message = (char *)text;
    res->message_response_case = ANSWER(ERROR_RESPONSE);
    res->error_response = e;
    return ok();
}

/* The file alone: clients ask for its imports by name. */
static struct status answer_file(struct ctx *c, const struct schema_file *f, Response *res)
{
    Grpc__Reflection__V1__FileDescriptorResponse *out;
    if (!f)
        return answer_error(c, res, CODE_NOT_FOUND, reason_meaning(REASON_REFLECTION_SYMBOL_NOT_FOUND));
    out = pb_new(c->arena, &grpc__reflection__v1__file_descriptor_response__descriptor);
    ProtobufCBinaryData *bytes = ARENA_NEW(c->arena, ProtobufCBinaryData);
    if (!out || !bytes)
        return fail_memory();
    bytes->data = (uint8_t *)f->bytes.p;
    bytes->len = f->bytes.n;
    out->n_file_descriptor_proto = 1;
    out->file_descriptor_proto = bytes;
    res->message_response_case = ANSWER(FILE_DESCRIPTOR_RESPONSE);
    res->file_descriptor_response = out;
    return ok();
}

static struct status answer_symbol(struct ctx *c, const char *name, Response *res)
{
    const struct schema *schema = &rpc_of(c)->schema;
    const struct schema_symbol *s = schema_find(schema, name);
    return answer_file(c, s ? &schema->files[s->file] : NULL, res);
}

static bool listed(ServiceResponse *const *list, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->name, name) == 0)
            return true;
    return false;
}

static struct status answer_services(struct ctx *c, Response *res)
{
    const struct rpc *r = rpc_of(c);
    Grpc__Reflection__V1__ListServiceResponse *out;
    out = pb_new(c->arena, &grpc__reflection__v1__list_service_response__descriptor);
    ServiceResponse **list = ARENA_ARRAY(c->arena, r->n_methods, ServiceResponse *);
    if (!out || !list)
        return fail_memory();
    for (size_t i = 0; i < r->n_methods; i++) {
        const char *name = r->methods[i].row->service->name;
        if (listed(list, out->n_service, name))
            continue;
        ServiceResponse *s = pb_new(c->arena, &grpc__reflection__v1__service_response__descriptor);
        if (!s)
            return fail_memory();
        s->name = (char *)name;
        list[out->n_service++] = s;
    }
    out->service = list;
    res->message_response_case = ANSWER(LIST_SERVICES_RESPONSE);
    res->list_services_response = out;
    return ok();
}

static struct status reflect_open(struct ctx *c, void **ret)
{
    return ok();
}

static struct status reflect_item(struct ctx *c, void *none, const Request *req, Response *res)
{
    res->valid_host = req->host;
    res->original_request = (Request *)req;
    switch (req->message_request_case) {
    case ASKED(FILE_BY_FILENAME):
        return answer_file(c, schema_find_file(&rpc_of(c)->schema, req->file_by_filename), res);
    case ASKED(FILE_CONTAINING_SYMBOL):
        return answer_symbol(c, req->file_containing_symbol, res);
    case ASKED(LIST_SERVICES):
        return answer_services(c, res);
    case ASKED(FILE_CONTAINING_EXTENSION):
    case ASKED(ALL_EXTENSION_NUMBERS_OF_TYPE):
        return answer_error(c, res, CODE_NOT_FOUND, "extensions are not served");
    default:
        return answer_error(c, res, CODE_INVALID_ARGUMENT, "the request asks for nothing");
    }
}

static void reflect_committed(struct ctx *c, void *none) {}

static struct status reflect_refused(struct ctx *c, void *none, const Request *req, struct status why,
                                     Response *res)
{
    return why;
}

static struct status reflect_finish(struct ctx *c, void *none)
{
    return ok();
}

RPC_BIDI(reflect, Request, Response, void)

const struct rpc_method reflect_methods[REFLECT_METHODS] = {
    { &grpc__reflection__v1__server_reflection__descriptor, "ServerReflectionInfo", &reflect_rpc, LANE_INLINE,
      "", 0, 0, 512, 0 },
    { &grpc__reflection__v1alpha__server_reflection__descriptor, "ServerReflectionInfo", &reflect_rpc,
      LANE_INLINE, "", 0, 0, 512, 0 },
};
