#include "server/rpc/runtime.h"

#include "base/cond.h"
#include "base/ids.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <grpc/slice.h>
#include <stdlib.h>

#define START_BYTES (32u << 20)

/* A message this much over the limit still reaches us, so that its refusal says why; what is larger the
 * C-core cuts off itself. */
#define OVERSIZE_SLACK (64 * 1024)

void rpc_options_init(struct rpc_options *o)
{
    memset(o, 0, sizeof *o);
    o->address = "127.0.0.1:50052";
    o->threads = 2;
    o->slots = 512;
    o->streams = 256;
    o->db_threads = 4;
    o->db_queue = 256;
    o->slow_threads = 1;
    o->slow_queue = 64;
    o->max_message = 4u << 20;
    o->readmit_ms = 5000;
    o->wait_ms = 250;
    o->stream_idle_ms = 60000;
    o->max_attempts = 64; /* of those that lose over a row only one at a time runs again */
    o->drain_linger_ms = 200;
    o->drain_hold_ms = 50; /* longer than an answer and the caller's next call are on the way */
    o->drain_evict_ms = 500;
    o->log_calls = true;
}

/* ---- where it may listen ---- */

static bool is_loopback(const char *address)
{
    char host[64];
    unsigned char ip[16];
    static const unsigned char v6[16] = { [15] = 1 };
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : strlen(address);
    if (strncmp(address, "unix:", 5) == 0 || strncmp(address, "unix-abstract:", 14) == 0)
        return true;
    if (n >= 2 && address[0] == '[' && address[n - 1] == ']') {
        address++;
        n -= 2;
    }
    if (n >= sizeof host)
        return false;
    memcpy(host, address, n);
    host[n] = 0;
    if (inet_pton(AF_INET, host, ip) == 1)
        return ip[0] == 127;
    return strcmp(host, "localhost") == 0 ||
           (inet_pton(AF_INET6, host, ip) == 1 && memcmp(ip, v6, sizeof v6) == 0);
}

static bool has_tls(const struct rpc_options *o)
{
    return o->tls_cert && o->tls_key && o->tls_client_ca;
}

/* Debian's C-core has holes that no setting closes: it never faces strangers. */
static struct status check_exposure(const struct rpc_options *o, struct arena *a)
{
    if (!has_tls(o) && (o->tls_cert || o->tls_key || o->tls_client_ca))
        return fail_field(a, REASON_FIELD_INVALID, "tls", "certificate, key and the client's CA go together");
    if (is_loopback(o->address) || (has_tls(o) && o->knows_callers))
        return ok();
    return fail_field(a, REASON_FIELD_INVALID, "address",
                      "\"%s\" is neither loopback nor a unix socket: TLS with client certificates and "
                      "authentication are needed",
                      o->address);
}

/* ---- start ---- */

/* Each setting guards against something that was seen. */
static grpc_server *create_server(const struct rpc_options *o)
{
    const struct {
        const char *key;
        int value;
    } settings[] = {
        { GRPC_ARG_MAX_CONCURRENT_STREAMS, 100 }, /* one connection cannot take all slots */
        { GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)o->max_message + OVERSIZE_SLACK },
        { GRPC_ARG_MAX_METADATA_SIZE, 8192 },
        /* Identity alone: a gzip bomb is inflated before its size is checked. */
        { GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 },
        { GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2 },
        { GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 300000 },
        { GRPC_ARG_KEEPALIVE_TIME_MS, 20000 }, /* a dead peer is noticed within half a minute */
        { GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000 },
        { GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1 },
        { GRPC_ARG_MAX_CONNECTION_AGE_MS, 600000 }, /* replicas added later get their share */
        { GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 30000 },
        { GRPC_ARG_MAX_CONNECTION_IDLE_MS, 300000 },
        { GRPC_ARG_ALLOW_REUSEPORT, 0 }, /* a second server fails instead of taking half the calls */
        { GRPC_ARG_ENABLE_CHANNELZ, 0 },
    };
    grpc_arg args[COUNT(settings)];
    for (size_t i = 0; i < COUNT(settings); i++) {
        args[i].type = GRPC_ARG_INTEGER;
        args[i].key = (char *)settings[i].key;
        args[i].value.integer = settings[i].value;
    }
    grpc_channel_args list = { COUNT(settings), args };
    return grpc_server_create(&list, NULL);
}

static struct status register_methods(struct rpc *r)
{
    for (size_t i = 0; i < r->n_methods; i++) {
        struct bound *m = &r->methods[i];
        m->registered = grpc_server_register_method(
            r->server, m->path, NULL,
            sends_one_request(m->row) ? GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER : GRPC_SRM_PAYLOAD_NONE, 0);
        if (!m->registered)
            return fail(&r->arena, REASON_SCHEMA_INVALID, "%s cannot be registered", m->name);
    }
    return ok();
}

/* Before the threads that will shake hands. */
static struct status open_tls(struct rpc *r, struct arena *a)
{
    const struct tls_files files = { r->o.tls_cert, r->o.tls_key, r->o.tls_client_ca };
    return has_tls(&r->o) ? tls_open(&files, a, &r->tls) : ok();
}

static struct status listen_on(struct rpc *r, struct arena *a)
{
    grpc_server_credentials *credentials =
        r->tls ? tls_credentials(r->tls) : grpc_insecure_server_credentials_create();
    int port = credentials ? grpc_server_add_http2_port(r->server, r->o.address, credentials) : 0;
    grpc_server_credentials_release(credentials);
    if (!port)
        return fail_field(a, REASON_FIELD_INVALID, "address", "cannot listen on %s", r->o.address);
    r->port = strncmp(r->o.address, "unix", 4) == 0 ? 0 : port;
    return ok();
}

static void *poll_events(void *arg)
{
    struct rpc *r = arg;
    for (;;) {
        grpc_event e = grpc_completion_queue_next(r->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (e.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        struct tag *t = e.tag;
        tag_take_over(t);
        t->on(t->slot, e.success);
    }
}

static struct status start_threads(struct rpc *r)
{
    TRY(lane_start(&r->db_lane, r->o.db_threads, r->o.db_queue, &r->arena));
    TRY(lane_start(&r->slow_lane, r->o.slow_threads, r->o.slow_queue, &r->arena));
    TRY(ticker_start(r));
    r->pollers = ARENA_ARRAY(&r->arena, r->o.threads, pthread_t);
    if (!r->pollers)
        return fail_memory();
    for (; r->n_pollers < r->o.threads; r->n_pollers++)
        if (pthread_create(&r->pollers[r->n_pollers], NULL, poll_events, r))
            return fail(NULL, REASON_OVERLOADED, "no thread to receive calls");
    return ok();
}

static struct status start(struct rpc *r, struct arena *a)
{
    TRY(check_exposure(&r->o, a));
    TRY(bind_all(r));
    TRY(health_make(r));
    TRY(slots_make(r));
    r->server = create_server(&r->o);
    r->cq = grpc_completion_queue_create_for_next(NULL);
    grpc_server_register_completion_queue(r->server, r->cq, NULL);
    TRY(register_methods(r));
    TRY(open_tls(r, a));
    TRY(start_threads(r));
    TRY(listen_on(r, a));
    health_set_all(r, true);
    grpc_server_start(r->server);
    slots_arm_all(r);
    return ok();
}

/* Debian builds the C-core's locks (abseil) for debugging: each lock taken is looked up under one global
 * lock, in a graph of all locks, and a cycle there aborts the process. This turns it off where it is. */
static void quiet_locks(void)
{
    static const char name[] = "_ZN4absl7debian329SetMutexDeadlockDetectionModeENS0_15OnDeadlockCycleE";
    enum { IGNORE };
    void (*set_mode)(int) = NULL;
    *(void **)&set_mode = dlsym(RTLD_DEFAULT, name);
    if (set_mode)
        set_mode(IGNORE);
}

static void init_locks(struct rpc *r)
{
    pthread_mutex_init(&r->free_lock, NULL);
    pthread_mutex_init(&r->streams_lock, NULL);
    pthread_mutex_init(&r->shut_lock, NULL);
    pthread_mutex_init(&r->turn_lock, NULL);
    cond_init(&r->ticker_wake);
    cond_init(&r->shut_done);
}

struct status rpc_serve(const struct rpc_options *o, struct arena *a, struct rpc **ret)
{
    struct rpc *r = calloc(1, sizeof *r);
    if (!r)
        return fail_memory();
    r->o = *o;
    arena_init(&r->arena, START_BYTES);
    init_locks(r);
    random_bytes(r->trace_seed, sizeof r->trace_seed);
    quiet_locks();
    grpc_init();
    struct status st = start(r, a);
    if (!is_ok(st)) {
        /* Its texts may lie in the arena that goes now. */
        const char *text = arena_dup(a, str_of(st.message));
        rpc_stop(r);
        st.message = text ? text : reason_meaning((enum reason)st.reason);
        return st;
    }
    *ret = r;
    return st;
}

int rpc_port(const struct rpc *r)
{
    return r->port;
}

/* ---- drain and stop ---- */

static void on_shutdown(struct slot *s, bool ok)
{
    struct rpc *r = s->rpc;
    pthread_mutex_lock(&r->shut_lock);
    r->shut_complete = true;
    pthread_cond_broadcast(&r->shut_done);
    pthread_mutex_unlock(&r->shut_lock);
}

/* False when it is not over by then. */
static bool wait_shut(struct rpc *r, int64_t mono_us)
{
    pthread_mutex_lock(&r->shut_lock);
    while (!r->shut_complete && cond_wait_until(&r->shut_done, &r->shut_lock, mono_us))
        ;
    bool complete = r->shut_complete;
    pthread_mutex_unlock(&r->shut_lock);
    return complete;
}

static int64_t in_ms(unsigned ms)
{
    return clock_mono_us() + (int64_t)ms * 1000;
}

static void pause_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
    nanosleep(&t, NULL);
}

/* The C-core tells the connections to go only after it has begun to end, with a bare CANCELLED, each call
 * that comes in. So calls that come shortly before are let in but not begun: callers that send one call after
 * the other then wait for us and have nothing on the way at that moment. Only a call that nobody's answer
 * sets off may still meet it. */
bool drain_holds(struct slot *s)
{
    struct rpc *r = s->rpc;
    if (!__atomic_load_n(&r->holding, __ATOMIC_SEQ_CST))
        return false;
    pthread_mutex_lock(&r->shut_lock);
    bool holds = r->holding;
    if (holds) {
        s->next = r->held;
        r->held = s;
    }
    pthread_mutex_unlock(&r->shut_lock);
    return holds;
}

static void begin_held(struct rpc *r)
{
    pthread_mutex_lock(&r->shut_lock);
    __atomic_store_n(&r->holding, false, __ATOMIC_SEQ_CST);
    struct slot *s = r->held;
    r->held = NULL;
    pthread_mutex_unlock(&r->shut_lock);
    while (s) {
        struct slot *next = s->next;
        call_begin(s);
        s = next;
    }
}

static void shut_server(struct rpc *r, unsigned grace_ms)
{
    __atomic_store_n(&r->draining, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&r->shut, true, __ATOMIC_SEQ_CST);
    rpc_wake(r);
    r->shutdown_slot.rpc = r;
    r->shutdown_slot.on_end.slot = &r->shutdown_slot;
    r->shutdown_slot.on_end.on = on_shutdown;
    tag_hand_over(&r->shutdown_slot.on_end);
    grpc_server_shutdown_and_notify(r->server, r->cq, &r->shutdown_slot.on_end);
    begin_held(r);
    if (wait_shut(r, in_ms(grace_ms)))
        return;
    __atomic_store_n(&r->evicting, true, __ATOMIC_SEQ_CST);
    rpc_wake(r);
    if (wait_shut(r, in_ms(r->o.drain_evict_ms)))
        return;
    grpc_server_cancel_all_calls(r->server);
    wait_shut(r, INT64_MAX);
}

void rpc_drain(struct rpc *r, unsigned grace_ms)
{
    if (__atomic_load_n(&r->shut, __ATOMIC_SEQ_CST))
        return;
    health_set_all(r, false);
    if (grace_ms) {
        pause_ms(r->o.drain_linger_ms);
        __atomic_store_n(&r->holding, true, __ATOMIC_SEQ_CST);
        pause_ms(r->o.drain_hold_ms);
    }
    shut_server(r, grace_ms);
}

/* The last slots come back some instructions after their calls ended. */
static void wait_for_slots(struct rpc *r)
{
    while (__atomic_load_n(&r->in_core, __ATOMIC_SEQ_CST) > 0)
        pause_ms(1);
}

void rpc_stop(struct rpc *r)
{
    if (!r)
        return;
    if (r->n_pollers == r->o.threads && r->n_pollers > 0) {
        rpc_drain(r, 0);
        wait_for_slots(r);
    }
    ticker_stop(r);
    lane_stop(&r->db_lane);
    lane_stop(&r->slow_lane);
    if (r->cq)
        grpc_completion_queue_shutdown(r->cq);
    for (unsigned i = 0; i < r->n_pollers; i++)
        pthread_join(r->pollers[i], NULL);
    if (r->server)
        grpc_server_destroy(r->server);
    tls_close(r->tls);
    if (r->cq)
        grpc_completion_queue_destroy(r->cq);
    slots_free(r);
    arena_done(&r->arena);
    grpc_shutdown();
    pthread_cond_destroy(&r->ticker_wake);
    pthread_cond_destroy(&r->shut_done);
    pthread_mutex_destroy(&r->free_lock);
    pthread_mutex_destroy(&r->streams_lock);
    pthread_mutex_destroy(&r->shut_lock);
    pthread_mutex_destroy(&r->turn_lock);
    free(r);
}
