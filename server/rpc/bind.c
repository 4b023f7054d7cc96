#include "server/rpc/runtime.h"

#include "base/metrics.h"

/* Rows against protobuf-c's descriptors and the descriptor set. What disagrees is our own mistake and ends
 * the start. */

static struct status check_shape(struct rpc *r, const struct bound *m)
{
    const char *symbol = arena_printf(&r->arena, "%s.%s", m->row->service->name, m->row->name);
    const struct schema_symbol *s = symbol ? schema_find(&r->schema, symbol) : NULL;
    enum rpc_shape shape = m->row->handler->shape;
    if (!s || s->kind != SYMBOL_METHOD)
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s is not in the descriptor set", m->name);
    if (s->client_streams != (shape == RPC_SHAPE_CLIENT_STREAM || shape == RPC_SHAPE_BIDI) ||
        s->server_streams != (shape == RPC_SHAPE_SERVER_STREAM || shape == RPC_SHAPE_BIDI))
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s streams otherwise in the proto than in its row",
                    m->name);
    if (m->row->flags & RPC_AHEAD && (shape != RPC_SHAPE_CLIENT_STREAM || m->row->lane != LANE_DB))
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s cannot go ahead", m->name);
    return ok();
}

static struct status check_types(struct rpc *r, const struct bound *m)
{
    if (m->method->input->sizeof_message != m->row->handler->req_size ||
        m->method->output->sizeof_message != m->row->handler->res_size)
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s has a handler for other messages", m->name);
    if (!m->row->budget_kb)
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s has no memory budget", m->name);
    return ok();
}

/* NULL where the message has no such field of its own. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *d, const char *name,
                                                  ProtobufCType type)
{
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(d, name);
    bool plain = f && f->type == type && f->label != PROTOBUF_C_LABEL_REPEATED &&
                 !(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF);
    return plain ? f : NULL;
}

static struct status bind_one(struct rpc *r, const struct rpc_method *row, struct bound *m)
{
    m->row = row;
    m->path = arena_printf(&r->arena, "/%s/%s", row->service->name, row->name);
    if (!m->path)
        return fail_memory();
    m->name = m->path + 1;
    m->method = protobuf_c_service_descriptor_get_method_by_name(row->service, row->name);
    if (!m->method)
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s is a row without an RPC", m->name);
    TRY(check_types(r, m));
    TRY(check_shape(r, m));
    m->request = shape_of(&r->shapes, m->method->input);
    if (!m->request)
        return fail_memory();
    if (m->request->recursive)
        return fail(&r->arena, REASON_SCHEMA_INVALID, "%s takes a recursive message", m->name);
    m->request_id = find_field(m->method->input, "request_id", PROTOBUF_C_TYPE_STRING);
    m->validate_only = find_field(m->method->input, "validate_only", PROTOBUF_C_TYPE_BOOL);
    m->lane = row->lane == LANE_READ || row->lane == LANE_GLANCE ? LANE_INLINE : row->lane;
    m->metric = metric_value(METRIC_LABEL_METHOD, m->name);
    return ok();
}

/* Every RPC of every service that has a row has exactly one. */
static struct status check_complete(struct rpc *r, const ProtobufCServiceDescriptor *service)
{
    for (unsigned i = 0; i < service->n_methods; i++) {
        size_t n = 0;
        for (size_t k = 0; k < r->n_methods; k++)
            n += r->methods[k].method == &service->methods[i];
        if (n != 1)
            return fail(&r->arena, REASON_SCHEMA_INVALID, "%s/%s has %zu rows", service->name,
                        service->methods[i].name, n);
    }
    return ok();
}

static struct status bind_rows(struct rpc *r, const struct rpc_method *rows, size_t n)
{
    for (size_t i = 0; i < n; i++, r->n_methods++)
        TRY(bind_one(r, &rows[i], &r->methods[r->n_methods]));
    return ok();
}

struct status bind_all(struct rpc *r)
{
    size_t n = r->o.n_methods + HEALTH_METHODS + REFLECT_METHODS;
    TRY(schema_load(r->o.descriptors, &r->arena, &r->schema));
    r->shapes.arena = &r->arena;
    r->shapes.schema = &r->schema;
    r->methods = ARENA_ARRAY(&r->arena, n, struct bound);
    if (!r->methods)
        return fail_memory();
    TRY(bind_rows(r, r->o.methods, r->o.n_methods));
    TRY(bind_rows(r, health_methods, HEALTH_METHODS));
    TRY(bind_rows(r, reflect_methods, REFLECT_METHODS));
    for (size_t i = 0; i < r->n_methods; i++)
        TRY(check_complete(r, r->methods[i].row->service));
    r->unknown.name = "unknown";
    r->unknown.metric = metric_value(METRIC_LABEL_METHOD, "unknown");
    return ok();
}
