#include "agents/engage/send/stream.h"

#include "agents/engage/send/address.h"
#include "agents/engage/send/transfer_private.h"

struct stream {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    stream_take take;
    void *arg;
    enum stream_state state;
    CURLcode result;
    bool anywhere, forbidden, enough;
};

static void stream_end(void *arg)
{
    struct stream *s = arg;
    if (s->multi && s->easy)
        curl_multi_remove_handle(s->multi, s->easy);
    curl_easy_cleanup(s->easy);
    curl_multi_cleanup(s->multi);
    curl_slist_free_all(s->headers);
}

int stream_code(const struct stream *s)
{
    long code = 0;
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
    return (int)code;
}

const char *stream_detail(const struct stream *s)
{
    return s->result == CURLE_OK || s->enough ? "" : curl_easy_strerror(s->result);
}

/* ---- Callbacks ---- */

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct stream *s = arg;
    if (s->anywhere || address_public(&address->addr))
        return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    s->forbidden = true;
    return CURL_SOCKET_BAD;
}

static size_t take_bytes(char *from, size_t size, size_t n, void *arg)
{
    struct stream *s = arg;
    s->enough = stream_code(s) != 200 || !s->take(s->arg, str_make(from, size * n));
    return s->enough ? 0 : size * n;
}

/* ---- Life ---- */

static void set_up(struct stream *s, const struct exchange *x)
{
    CURL *e = s->easy;
    s->anywhere = transfer_anywhere(x);
    transfer_set(e, x);
    transfer_set_post(e, x, &s->headers);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_bytes);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
    curl_multi_add_handle(s->multi, e);
}

struct status stream_open(struct arena *a, const struct exchange *x, stream_take take, void *arg,
                          struct stream **ret)
{
    transfer_library();
    struct stream *s = ARENA_NEW(a, struct stream);
    if (!s || !arena_on_reset(a, stream_end, s))
        return fail_memory();
    s->multi = curl_multi_init();
    s->easy = curl_easy_init();
    if (!s->multi || !s->easy)
        return fail_memory();
    s->take = take;
    s->arg = arg;
    set_up(s, x);
    *ret = s;
    return ok();
}

static enum stream_state state_of(const struct stream *s)
{
    if (s->result == CURLE_OK || s->enough)
        return STREAM_ENDED;
    if (s->result == CURLE_OPERATION_TIMEDOUT)
        return STREAM_LATE;
    return s->forbidden ? STREAM_FORBIDDEN : STREAM_FAILED;
}

enum stream_state stream_step(struct stream *s, int wait_ms)
{
    int running, left;
    const CURLMsg *m;
    if (s->state != STREAM_OPEN)
        return s->state;
    curl_multi_poll(s->multi, NULL, 0, wait_ms, NULL);
    curl_multi_perform(s->multi, &running);
    while ((m = curl_multi_info_read(s->multi, &left)))
        if (m->msg == CURLMSG_DONE) {
            s->result = m->data.result;
            s->state = state_of(s);
        }
    return s->state;
}
