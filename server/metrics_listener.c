#include "server/metrics_listener.h"

#include "base/buf.h"
#include "base/metrics.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>

#define TEXT_MAX (4u << 20)

struct metrics_listener {
    struct MHD_Daemon *daemon;
};

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned code, const char *type,
                              struct str body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(body.n, (void *)body.p, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, "Content-Type", type);
    enum MHD_Result sent = MHD_queue_response(connection, code, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data, size_t *data_n,
                                  void **state)
{
    struct buf text;
    if (strcmp(method, "GET") != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain", STR("GET only\n"));
    if (strcmp(url, "/metrics") != 0)
        return answer(connection, MHD_HTTP_NOT_FOUND, "text/plain", STR("see /metrics\n"));
    buf_init(&text, TEXT_MAX);
    metrics_text(&text);
    enum MHD_Result sent = answer(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", buf_str(&text));
    buf_done(&text);
    return sent;
}

static bool parse(const char *address, struct sockaddr_in *ret)
{
    struct str host = str_of(address);
    const char *colon = strrchr(address, ':');
    char text[INET_ADDRSTRLEN];
    int64_t port;
    if (!colon || !str_to_i64(str_of(colon + 1), &port) || port < 1 || port > 65535)
        return false;
    host.n = (size_t)(colon - address);
    if (str_eq(host, STR("localhost")))
        host = STR("127.0.0.1");
    if (host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    text[host.n] = 0;
    memset(ret, 0, sizeof *ret);
    ret->sin_family = AF_INET;
    ret->sin_port = htons((uint16_t)port);
    return inet_pton(AF_INET, text, &ret->sin_addr) == 1 && (ntohl(ret->sin_addr.s_addr) >> 24) == 127;
}

struct status metrics_listen(const char *address, struct arena *a, struct metrics_listener **ret)
{
    struct sockaddr_in at;
    if (!parse(address, &at))
        return fail_field(a, REASON_FIELD_INVALID, "METRICS_LISTEN", "\"%s\" is not a loopback host:port",
                          address);
    struct metrics_listener *l = calloc(1, sizeof *l);
    if (!l)
        return fail_memory();
    l->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request, NULL,
                                 MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_CONNECTION_LIMIT, 16u,
                                 MHD_OPTION_CONNECTION_TIMEOUT, 10u, MHD_OPTION_END);
    if (!l->daemon) {
        free(l);
        return fail_field(a, REASON_FIELD_INVALID, "METRICS_LISTEN", "cannot listen on %s", address);
    }
    *ret = l;
    return ok();
}

void metrics_listener_stop(struct metrics_listener *l)
{
    if (!l)
        return;
    MHD_stop_daemon(l->daemon);
    free(l);
}
