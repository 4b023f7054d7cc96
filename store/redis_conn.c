#include "store/redis_conn.h"

#include "base/buf.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMANDS_MAX (64u << 20) /* bytes of one exchange */

struct redis_conn {
    int fd;
    SSL *tls;
    redisReader *reader;
    struct buf out;
};

static struct status unreachable(void)
{
    return fail(NULL, REASON_KV_UNAVAILABLE, "Redis cannot be reached");
}

static struct status lost(void)
{
    return fail(NULL, REASON_KV_UNAVAILABLE, "Redis did not answer in time, or closed the connection");
}

/* ---- The socket ---- */

static bool wait_socket(int fd, short events, int64_t deadline_us)
{
    struct pollfd p = { fd, events, 0 };
    for (;;) {
        int64_t left = deadline_us - clock_mono_us();
        int n = left > 0 ? poll(&p, 1, (int)(left / 1000 + 1)) : 0;
        if (n > 0)
            return true;
        if (n == 0 || errno != EINTR)
            return false;
    }
}

/* What is to be waited for before the step is tried again; 0 where it failed for good. */
static short wants(struct redis_conn *c, int result, short otherwise)
{
    if (!c->tls)
        return errno == EAGAIN || errno == EINTR ? otherwise : 0;
    switch (SSL_get_error(c->tls, result)) {
    case SSL_ERROR_WANT_READ:
        return POLLIN;
    case SSL_ERROR_WANT_WRITE:
        return POLLOUT;
    default:
        return 0;
    }
}

static bool send_all(struct redis_conn *c, struct str bytes, int64_t deadline_us)
{
    while (bytes.n) {
        int size = (int)MIN(bytes.n, (size_t)INT32_MAX);
        int n =
            c->tls ? SSL_write(c->tls, bytes.p, size) : (int)send(c->fd, bytes.p, (size_t)size, MSG_NOSIGNAL);
        short want = n > 0 ? 0 : wants(c, n, POLLOUT);
        if (n > 0)
            bytes = str_make(bytes.p + n, bytes.n - (size_t)n);
        else if (!want || !wait_socket(c->fd, want, deadline_us))
            return false;
    }
    return true;
}

static bool feed(struct redis_conn *c, int64_t deadline_us)
{
    char piece[16384];
    for (;;) {
        int n = c->tls ? SSL_read(c->tls, piece, sizeof piece) : (int)recv(c->fd, piece, sizeof piece, 0);
        short want = n > 0 || (n == 0 && !c->tls) ? 0 : wants(c, n, POLLIN);
        if (n > 0)
            return redisReaderFeed(c->reader, piece, (size_t)n) == REDIS_OK;
        if (!want || !wait_socket(c->fd, want, deadline_us))
            return false;
    }
}

static int connect_socket(const struct addrinfo *at, int64_t deadline_us)
{
    int error = 0, on = 1;
    socklen_t size = sizeof error;
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol);
    if (fd < 0)
        return -1;
    bool good = connect(fd, at->ai_addr, at->ai_addrlen) == 0 ||
                (errno == EINPROGRESS && wait_socket(fd, POLLOUT, deadline_us) &&
                 getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0);
    if (good && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The first address of the host that answers; -1 where none does. */
static int reach(const struct redis_target *t, int64_t deadline_us)
{
    struct addrinfo wanted, *all = NULL;
    int fd = -1;
    memset(&wanted, 0, sizeof wanted);
    wanted.ai_socktype = SOCK_STREAM;
    if (getaddrinfo(t->host, t->port, &wanted, &all))
        return -1;
    for (const struct addrinfo *at = all; at && fd < 0; at = at->ai_next)
        fd = connect_socket(at, deadline_us);
    freeaddrinfo(all);
    return fd;
}

static bool shake_hands(struct redis_conn *c, const struct redis_target *t, int64_t deadline_us)
{
    c->tls = SSL_new(t->tls);
    if (!c->tls || SSL_set_fd(c->tls, c->fd) != 1 || SSL_set1_host(c->tls, t->host) != 1 ||
        SSL_set_tlsext_host_name(c->tls, t->host) != 1)
        return false;
    for (;;) {
        int n = SSL_connect(c->tls);
        short want = n == 1 ? 0 : wants(c, n, 0);
        if (n == 1)
            return true;
        if (!want || !wait_socket(c->fd, want, deadline_us))
            return false;
    }
}

/* ---- Commands and replies ---- */

void redis_command(struct redis_conn *c, const struct str *words, size_t n)
{
    buf_printf(&c->out, "*%zu\r\n", n);
    for (size_t i = 0; i < n; i++) {
        buf_printf(&c->out, "$%zu\r\n", words[i].n);
        buf_put(&c->out, words[i].p, words[i].n);
        buf_puts(&c->out, "\r\n");
    }
}

static redisReply *next_reply(struct redis_conn *c, int64_t deadline_us)
{
    void *reply = NULL;
    for (;;) {
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK)
            return NULL;
        if (reply || !feed(c, deadline_us))
            return reply;
    }
}

struct status redis_exchange(struct redis_conn *c, int64_t deadline_us, redisReply **ret, size_t n)
{
    bool sent = !c->out.overflow && send_all(c, buf_str(&c->out), deadline_us);
    buf_clear(&c->out);
    for (size_t i = 0; i < n; i++) {
        ret[i] = sent ? next_reply(c, deadline_us) : NULL;
        if (ret[i])
            continue;
        while (i > 0)
            freeReplyObject(ret[--i]);
        return lost();
    }
    return ok();
}

/* ---- Start and end ---- */

static size_t greet(struct redis_conn *c, const struct redis_target *t)
{
    size_t n = 0;
    struct str login[] = { STR("AUTH"), str_of(t->user), str_of(t->password) };
    struct str plain[] = { STR("AUTH"), str_of(t->password) };
    struct str choice[] = { STR("SELECT"), str_of(t->database) };
    if (t->password[0]) {
        redis_command(c, t->user[0] ? login : plain, t->user[0] ? COUNT(login) : COUNT(plain));
        n++;
    }
    if (t->database[0]) {
        redis_command(c, choice, COUNT(choice));
        n++;
    }
    return n;
}

static struct status log_in(struct redis_conn *c, const struct redis_target *t, int64_t deadline_us)
{
    redisReply *replies[2];
    bool refused = false;
    size_t n = greet(c, t);
    TRY(redis_exchange(c, deadline_us, replies, n));
    for (size_t i = 0; i < n; i++) {
        refused |= replies[i]->type == REDIS_REPLY_ERROR;
        freeReplyObject(replies[i]);
    }
    return refused ? fail(NULL, REASON_KV_UNAVAILABLE, "Redis refuses the login or the database") : ok();
}

static struct status start(struct redis_conn *c, const struct redis_target *t, int64_t deadline_us)
{
    c->fd = reach(t, deadline_us);
    if (c->fd < 0)
        return unreachable();
    c->reader = redisReaderCreate();
    if (!c->reader)
        return fail_memory();
    if (t->tls && !shake_hands(c, t, deadline_us))
        return fail(NULL, REASON_KV_UNAVAILABLE, "Redis shows no certificate that is trusted for this host");
    return log_in(c, t, deadline_us);
}

struct status redis_connect(const struct redis_target *t, int64_t deadline_us, struct redis_conn **ret)
{
    struct redis_conn *c = calloc(1, sizeof *c);
    if (!c)
        return fail_memory();
    c->fd = -1;
    buf_init(&c->out, COMMANDS_MAX);
    struct status s = start(c, t, deadline_us);
    if (is_ok(s))
        *ret = c;
    else
        redis_disconnect(c);
    return s;
}

void redis_disconnect(struct redis_conn *c)
{
    if (!c)
        return;
    SSL_free(c->tls);
    if (c->fd >= 0)
        close(c->fd);
    if (c->reader)
        redisReaderFree(c->reader);
    buf_done(&c->out);
    free(c);
}
