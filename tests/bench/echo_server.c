/* echo_server [--runtime] --listen HOST:PORT
 *
 * The yardstick of ./dev bench triage. Answers TriageLead with a decision as large as a real one and decides
 * nothing: the request is decoded into an arena, a response encoded. Plain: written straight onto the C-core
 * (one completion queue, two threads), the least that a server in C can cost. --runtime: the same handler
 * behind server/rpc, so that what the runtime itself adds is visible. */
#include "base/pb.h"
#include "proto/descriptors.h"
#include "proto/names.h"
#include "server/rpc/rpc.h"

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/slice.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 2
#define SLOTS 512
#define BUDGET_KB 512

/* A decision of the size that triage gives: two axes, a route, the versions. */
static struct status echo(struct ctx *c, const TriageLeadRequest *req, TriageLeadResponse *res)
{
    Decision *d = PB_NEW(c->arena, Decision);
    FitScore *fit = PB_NEW(c->arena, FitScore);
    EngagementScore *engagement = PB_NEW(c->arena, EngagementScore);
    if (!d || !fit || !engagement)
        return fail_memory();
    fit->probability = 0.8125;
    fit->margin = 1.46634;
    fit->set_has_positive = true;
    fit->model_version = (char *)"models/bank/versions/2026-11-24-a";
    d->name = (char *)"decisions/0cf3tr5vbh9d8a6k2m4n7p1qsg";
    d->lead = (char *)"leads/0cf3tr5vbh9d8a6k2m4n7p1qsh";
    d->kind = 1;
    d->category = 1;
    d->priority = 2;
    d->destination = 2;
    d->rule_id = (char *)"fit-and-engaged";
    d->reason = (char *)"Fits, and showed interest in the last two weeks: send it into a campaign.";
    d->fit = fit;
    d->engagement = engagement;
    d->routing_policy = (char *)"routingPolicies/default";
    d->routing_policy_version = 3;
    d->code_version = (char *)"0.1.0+c0ffee0";
    res->decision = d;
    res->lead = d->lead;
    res->lead_created = req->lead != NULL;
    return ok();
}

/* ---- plain ---- */

struct call {
    enum { ARRIVING, ENDING } phase;
    grpc_call *call;
    gpr_timespec deadline;
    grpc_metadata_array metadata;
    grpc_byte_buffer *payload;
    int cancelled;
    struct arena arena;
};

static grpc_server *server;
static grpc_completion_queue *queue;
static void *method;

static void arm(struct call *c)
{
    c->phase = ARRIVING;
    grpc_metadata_array_init(&c->metadata);
    if (grpc_server_request_registered_call(server, method, &c->call, &c->deadline, &c->metadata, &c->payload,
                                            queue, queue, c) != GRPC_CALL_OK)
        BUG("cannot ask for a call");
}

/* NULL where there is no payload or it is no request. */
static grpc_byte_buffer *answer(struct call *c)
{
    grpc_byte_buffer_reader reader;
    grpc_byte_buffer *reply = NULL;
    struct ctx ctx;
    memset(&ctx, 0, sizeof ctx);
    ctx.arena = &c->arena;
    if (!c->payload || !grpc_byte_buffer_reader_init(&reader, c->payload))
        return NULL;
    grpc_slice bytes = grpc_byte_buffer_reader_readall(&reader);
    TriageLeadRequest *req =
        PB_UNPACK(&c->arena, TriageLeadRequest,
                  str_make((char *)GRPC_SLICE_START_PTR(bytes), GRPC_SLICE_LENGTH(bytes)));
    TriageLeadResponse *res = PB_NEW(&c->arena, TriageLeadResponse);
    if (req && res && is_ok(echo(&ctx, req, res))) {
        grpc_slice out = grpc_slice_malloc(protobuf_c_message_get_packed_size(&res->base));
        protobuf_c_message_pack(&res->base, GRPC_SLICE_START_PTR(out));
        reply = grpc_raw_byte_buffer_create(&out, 1);
        grpc_slice_unref(out);
    }
    grpc_slice_unref(bytes);
    grpc_byte_buffer_reader_destroy(&reader);
    return reply;
}

static void reply_to(struct call *c)
{
    grpc_op ops[4];
    size_t n = 0;
    grpc_byte_buffer *reply = answer(c);
    memset(ops, 0, sizeof ops);
    ops[n].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
    ops[n++].data.recv_close_on_server.cancelled = &c->cancelled;
    ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
    if (reply) {
        ops[n].op = GRPC_OP_SEND_MESSAGE;
        ops[n++].data.send_message.send_message = reply;
    }
    ops[n].op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    ops[n++].data.send_status_from_server.status = reply ? GRPC_STATUS_OK : GRPC_STATUS_INVALID_ARGUMENT;
    c->phase = ENDING;
    if (grpc_call_start_batch(c->call, ops, n, c, NULL) != GRPC_CALL_OK)
        BUG("cannot answer");
    if (reply)
        grpc_byte_buffer_destroy(reply);
}

static void recycle(struct call *c)
{
    grpc_call_unref(c->call);
    grpc_metadata_array_destroy(&c->metadata);
    if (c->payload)
        grpc_byte_buffer_destroy(c->payload);
    c->payload = NULL;
    arena_reset(&c->arena);
    arm(c);
}

static void *serve_plainly(void *arg)
{
    (void)arg;
    for (;;) {
        grpc_event e = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        struct call *c = e.tag;
        if (e.type != GRPC_OP_COMPLETE)
            return NULL;
        if (c->phase == ENDING)
            recycle(c);
        else if (e.success)
            reply_to(c);
    }
}

static void start_plain(const char *address)
{
    static struct call calls[SLOTS];
    pthread_t thread;
    grpc_init();
    server = grpc_server_create(NULL, NULL);
    queue = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(server, queue, NULL);
    method = grpc_server_register_method(server, "/marketing.v1.TriageService/TriageLead", NULL,
                                         GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER, 0);
    grpc_server_credentials *c = grpc_insecure_server_credentials_create();
    if (!grpc_server_add_http2_port(server, address, c)) {
        fprintf(stderr, "echo_server: cannot listen on %s\n", address);
        exit(1);
    }
    grpc_server_credentials_release(c);
    grpc_server_start(server);
    for (size_t i = 0; i < SLOTS; i++) {
        arena_init(&calls[i].arena, BUDGET_KB * 1024);
        arm(&calls[i]);
    }
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread, NULL, serve_plainly, NULL))
            BUG("no thread");
}

/* ---- behind server/rpc ---- */

RPC_UNARY(echo, TriageLeadRequest, TriageLeadResponse)

static void start_runtime(const char *address, struct arena *a)
{
    /* TriageService with the one method that is measured. */
    static ProtobufCMethodDescriptor one;
    static ProtobufCServiceDescriptor service;
    static const unsigned by_name[] = { 0 };
    struct rpc *r;
    struct rpc_options o;
    service = marketing__v1__triage_service__descriptor;
    one = *protobuf_c_service_descriptor_get_method_by_name(&service, "TriageLead");
    service.n_methods = 1;
    service.methods = &one;
    service.method_indices_by_name = by_name;
    struct rpc_method row = { &service, "TriageLead", &echo_rpc, LANE_INLINE, "", 0, 0, BUDGET_KB, 30000 };
    rpc_options_init(&o);
    o.address = address;
    o.methods = &row;
    o.n_methods = 1;
    o.descriptors = str_make((const char *)proto_descriptor_set, proto_descriptor_set_size);
    o.threads = THREADS;
    o.slots = SLOTS;
    o.log_calls = getenv("LOG_CALLS") != NULL;
    struct status s = rpc_serve(&o, a, &r);
    if (!is_ok(s)) {
        fprintf(stderr, "echo_server: %s\n", s.message);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static struct arena a;
    bool runtime = false;
    const char *address = NULL;
    sigset_t stop;
    int which;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--runtime") == 0)
            runtime = true;
        else if (strcmp(argv[i], "--listen") == 0 && i + 1 < argc)
            address = argv[++i];
        else
            address = NULL, i = argc;
    }
    if (!address) {
        fprintf(stderr, "usage: echo_server [--runtime] --listen HOST:PORT\n");
        return 2;
    }
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    arena_init(&a, 32u << 20);
    if (runtime)
        start_runtime(address, &a);
    else
        start_plain(address);
    sigwait(&stop, &which);
    return 0;
}
