#include "agents/engage/send/transfer_private.h"

#include "agents/engage/send/address.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define CONNECT_MS 10000
#define KEPT_SECONDS 45L /* providers hang up on idle connections after a minute or more */
#define KEPT_MAX 4L
#define ANSWER_BYTES 65536
#define RETRY_AFTER_MOST 86400 /* seconds */
#define HOST_BYTES 1024

struct transfer {
    CURL *easy;
    curl_socket_t open[2 * KEPT_MAX]; /* sockets; -1: none */
    const struct exchange *x;
    struct transferred *ret;
    size_t given;                  /* bytes of the body handed over */
    size_t answered;               /* bytes of the answer's body */
    char trouble[CURL_ERROR_SIZE]; /* libcurl's words of the last failure */
    bool may_private;              /* the host may lie anywhere */
    bool forbidden;
    bool begun;   /* greeting and login are over */
    bool ended;   /* the mail's end was asked for: from now on only an answer tells */
    bool decided; /* the mail was refused, or its end was answered: nothing that follows counts */
};

/* ---- Opening ---- */

static void start_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void transfer_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_library);
}

struct status transfer_open(struct arena *a, struct transfer **ret)
{
    transfer_library();
    struct transfer *t = ARENA_NEW(a, struct transfer);
    if (!t || !(t->easy = curl_easy_init()))
        return fail_memory();
    for (size_t i = 0; i < COUNT(t->open); i++)
        t->open[i] = CURL_SOCKET_BAD;
    *ret = t;
    return ok();
}

/* libcurl would take leave of a mail server, and wait two minutes for one that has fallen silent. */
static void hang_up(curl_socket_t fd)
{
    if (fd != CURL_SOCKET_BAD)
        shutdown(fd, SHUT_RDWR);
}

void transfer_close(struct transfer *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < COUNT(t->open); i++)
        hang_up(t->open[i]);
    curl_easy_cleanup(t->easy);
}

/* ---- Callbacks ---- */

static void copy_text(struct transferred *ret, struct str s)
{
    s = str_trim(s);
    while (s.n >= sizeof ret->text || (s.n && !str_is_utf8(s)))
        s.n--;
    memcpy(ret->text, s.p, s.n);
    ret->text[s.n] = 0;
}

static curl_socket_t note(struct transfer *t, curl_socket_t from, curl_socket_t to)
{
    size_t i = 0;
    while (i < COUNT(t->open) && t->open[i] != from)
        i++;
    if (i < COUNT(t->open))
        t->open[i] = to;
    return to;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = arg;
    if (!t->may_private && !address_public(&address->addr)) {
        t->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return note(t, CURL_SOCKET_BAD,
                socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol));
}

static int close_socket(void *arg, curl_socket_t fd)
{
    note(arg, fd, CURL_SOCKET_BAD);
    return close(fd);
}

static int begin_mail(void *arg, char *ip, char *own_ip, int port, int own_port)
{
    struct transfer *t = arg;
    (void)ip;
    (void)own_ip;
    (void)port;
    (void)own_port;
    t->begun = true;
    t->ret->code = 0;
    return CURL_PREREQFUNC_OK;
}

/* libcurl asks for more only once what it was given is in the kernel's hands; so when it hears that there is
 * no more, nothing but the end itself is still to be sent. */
static size_t give_mail(char *to, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    size_t rest = t->x->body.n - t->given, part = MIN(rest, size * n);
    if (part == 0) {
        t->ended = true;
        t->ret->code = 0;
    }
    memcpy(to, t->x->body.p + t->given, part);
    t->given += part;
    return part;
}

/* RFC 5321 has no other answers to a mail's end. */
static bool is_verdict(int64_t code)
{
    return code / 100 == 2 || code / 100 == 4 || code / 100 == 5;
}

/* A line of an SMTP reply. After a refusal libcurl takes leave, and what is said to that is no answer. */
static size_t take_reply(char *from, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    int64_t code;
    struct str line = str_make(from, size * n);
    if (t->decided || line.n < 4 || !str_to_i64(str_make(line.p, 3), &code) ||
        (t->ret->code >= 400 && code < 400))
        return line.n;
    t->ret->code = (int)code;
    copy_text(t->ret, str_make(line.p + 4, line.n - 4));
    bool counts = t->ended ? is_verdict(code) : t->begun && code >= 400;
    t->decided = counts && line.p[3] != '-';
    return line.n;
}

/* Of what HTTP answers only the beginning is kept, and no more is read than ANSWER_BYTES. */
static size_t take_answer(char *from, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    if (t->answered == 0)
        copy_text(t->ret, str_make(from, size * n));
    t->answered += size * n;
    return t->answered > ANSWER_BYTES ? 0 : size * n;
}

/* ---- One exchange ---- */

void transfer_set(CURL *e, const struct exchange *x)
{
    curl_easy_setopt(e, CURLOPT_URL, x->url);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)x->timeout_ms);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)MIN(x->timeout_ms, CONNECT_MS));
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (x->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, x->ca_file);
}

static void set_common(struct transfer *t)
{
    CURL *e = t->easy;
    transfer_set(e, t->x);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->trouble);
    curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, KEPT_SECONDS);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_MAXCONNECTS, KEPT_MAX);
    curl_easy_setopt(e, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)MAX(t->x->timeout_ms / 1000, 1));
}

static void set_mail(struct transfer *t, struct curl_slist **to)
{
    CURL *e = t->easy;
    const struct exchange *x = t->x;
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(e, CURLOPT_USE_SSL, (long)(x->tls == TRANSFER_PLAIN ? CURLUSESSL_NONE : CURLUSESSL_ALL));
    if (x->user) {
        curl_easy_setopt(e, CURLOPT_USERNAME, x->user);
        curl_easy_setopt(e, CURLOPT_PASSWORD, x->password);
        curl_easy_setopt(e, CURLOPT_SASL_IR, 1L);
    }
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_reply);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_reply);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    if (!x->mail_to) {
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "NOOP");
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
        return;
    }
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, begin_mail);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
    *to = curl_slist_append(NULL, x->mail_to);
    curl_easy_setopt(e, CURLOPT_MAIL_FROM, x->mail_from);
    curl_easy_setopt(e, CURLOPT_MAIL_RCPT, *to);
    curl_easy_setopt(e, CURLOPT_READFUNCTION, give_mail);
    curl_easy_setopt(e, CURLOPT_READDATA, t);
    curl_easy_setopt(e, CURLOPT_UPLOAD, 1L);
}

void transfer_set_post(CURL *e, const struct exchange *x, struct curl_slist **headers)
{
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.n);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body.p);
    for (size_t i = 0; x->headers[i]; i++)
        *headers = curl_slist_append(*headers, x->headers[i]);
    *headers = curl_slist_append(*headers, "Expect:");
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, *headers);
}

static void set_post(struct transfer *t, struct curl_slist **headers)
{
    transfer_set_post(t->easy, t->x, headers);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

static void conclude_mail(struct transfer *t, CURLcode result)
{
    struct transferred *ret = t->ret;
    bool only_connected = result == CURLE_OK && !t->x->mail_to;
    if (t->decided || only_connected)
        ret->end = TRANSFER_ANSWERED;
    else
        ret->end = t->ended ? TRANSFER_DOUBT : TRANSFER_LOST;
    if (ret->end != TRANSFER_ANSWERED && ret->code < 400)
        ret->code = 0;
}

static void conclude_post(struct transfer *t)
{
    long code = 0, sent = 0;
    curl_off_t wait = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &code);
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &wait);
    t->ret->code = (int)code;
    t->ret->retry_after_ms = MIN(MAX(wait, 0), RETRY_AFTER_MOST) * 1000; /* below 0: a date that has passed */
    t->ret->end = code >= 200 ? TRANSFER_ANSWERED : sent > 0 ? TRANSFER_DOUBT : TRANSFER_LOST;
}

/* What is wrong with the other side's TLS in detail; of all else no more than its kind, for libcurl would
 * name addresses that a name stands for. */
static const char *reason_text(const struct transfer *t, CURLcode result)
{
    bool of_tls = result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CONNECT_ERROR ||
                  result == CURLE_USE_SSL_FAILED;
    return of_tls && *t->trouble ? t->trouble : curl_easy_strerror(result);
}

static CURLcode perform(struct transfer *t)
{
    struct curl_slist *list = NULL;
    memset(t->ret, 0, sizeof *t->ret);
    t->given = t->answered = 0;
    *t->trouble = 0;
    t->begun = t->ended = t->decided = t->forbidden = false;
    curl_easy_reset(t->easy);
    set_common(t);
    if (t->x->mail_from)
        set_mail(t, &list);
    else
        set_post(t, &list);
    CURLcode result = curl_easy_perform(t->easy);
    if (t->x->mail_from)
        conclude_mail(t, result);
    else
        conclude_post(t);
    if (t->ret->end != TRANSFER_ANSWERED) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &fd);
        hang_up(fd);
    }
    if (t->forbidden && t->ret->end == TRANSFER_LOST)
        t->ret->end = TRANSFER_FORBIDDEN;
    if (t->ret->end != TRANSFER_ANSWERED && t->ret->code == 0)
        copy_text(t->ret, str_of(reason_text(t, result)));
    curl_slist_free_all(list);
    return result;
}

/* A connection that was kept may have been hung up a moment ago: what was lost on it goes once over a new
 * one. */
void transfer_run(struct transfer *t, const struct exchange *x, struct transferred *ret)
{
    long connects = 0;
    t->x = x;
    t->ret = ret;
    t->may_private = transfer_anywhere(x);
    perform(t);
    curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
    if (ret->end == TRANSFER_LOST && ret->code == 0 && connects == 0)
        perform(t);
}

/* ---- Hosts ---- */

bool transfer_anywhere(const struct exchange *x)
{
    struct arena a;
    arena_init(&a, HOST_BYTES);
    const char *host = transfer_host(&a, x->url, x->mail_from ? "smtp smtps" : "http https");
    bool may = host && transfer_may_be_private(x->private_hosts, host);
    arena_done(&a);
    return may;
}

bool transfer_may_be_private(const char *private_hosts, const char *host)
{
    struct str rest = str_of(private_hosts);
    while (rest.n)
        if (str_eq(str_trim(str_split(&rest, ',')), str_of(host)))
            return true;
    return false;
}

static bool has_part(CURLU *u, CURLUPart part)
{
    char *text = NULL;
    bool there = curl_url_get(u, part, &text, 0) == CURLUE_OK;
    curl_free(text);
    return there;
}

static char *part_text(struct arena *a, CURLU *u, CURLUPart part)
{
    char *text = NULL;
    char *copy = curl_url_get(u, part, &text, 0) == CURLUE_OK ? arena_dup(a, str_of(text)) : NULL;
    curl_free(text);
    return copy;
}

char *transfer_host(struct arena *a, const char *url, const char *schemes)
{
    char *host = NULL;
    struct str rest = str_of(schemes);
    CURLU *u = curl_url();
    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK && !has_part(u, CURLUPART_USER) &&
        !has_part(u, CURLUPART_PASSWORD) && !has_part(u, CURLUPART_FRAGMENT)) {
        const char *scheme = part_text(a, u, CURLUPART_SCHEME);
        while (scheme && rest.n && !host)
            if (str_eq(str_split(&rest, ' '), str_of(scheme)))
                host = part_text(a, u, CURLUPART_HOST);
    }
    curl_url_cleanup(u);
    return host;
}
