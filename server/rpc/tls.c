#include "server/rpc/tls.h"

#include "base/buf.h"
#include "base/ids.h"
#include "base/log.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define PEM_MAX (1 << 20)

struct tls {
    struct tls_files files;
    pthread_mutex_t lock;
    unsigned char seen[SHA256_BYTES]; /* of the files when they were last looked at, usable or not */
};

/* What the files held at one moment. */
struct pems {
    struct buf cert, key, client_ca;
};

/* ---- reading ---- */

static void drop_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

static void drop_pems(struct pems *p)
{
    if (p->key.p)
        explicit_bzero(p->key.p, p->key.n);
    buf_done(&p->cert);
    buf_done(&p->key);
    buf_done(&p->client_ca);
}

static struct status read_pem(const char *path, struct arena *a, struct buf *to)
{
    char piece[4096];
    CLEANUP(drop_file) FILE *f = fopen(path, "re");
    buf_init(to, PEM_MAX);
    for (size_t n; f && (n = fread(piece, 1, sizeof piece, f)) > 0;)
        buf_put(to, piece, n);
    explicit_bzero(piece, sizeof piece);
    if (!f || ferror(f))
        return fail_field(a, REASON_FIELD_INVALID, "tls", "cannot read %s", path);
    if (to->overflow)
        return fail_field(a, REASON_FIELD_TOO_LONG, "tls", "%s has more than %d bytes", path, PEM_MAX);
    return ok();
}

static struct status read_pems(const struct tls_files *files, struct arena *a, struct pems *to)
{
    TRY(read_pem(files->cert, a, &to->cert));
    TRY(read_pem(files->key, a, &to->key));
    return read_pem(files->client_ca, a, &to->client_ca);
}

/* ---- checking ---- */

static void drop_bio(BIO **b)
{
    BIO_free(*b);
}

static void drop_cert(X509 **x)
{
    X509_free(*x);
}

static void drop_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

/* The first certificate of a file, all of whose certificates must be whole: a file cut short may well hold
 * one. */
static struct status parse_certs(const struct buf *pem, const char *path, struct arena *a, X509 **ret)
{
    CLEANUP(drop_cert) X509 *first = NULL;
    CLEANUP(drop_bio) BIO *text = BIO_new_mem_buf(buf_str(pem).p, (int)pem->n);
    for (X509 *x; (x = PEM_read_bio_X509(text, NULL, NULL, NULL));)
        if (first)
            X509_free(x);
        else
            first = x;
    bool whole = first && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!whole)
        return fail_field(a, REASON_FIELD_INVALID, "tls", "%s %s", path,
                          first ? "holds a damaged certificate" : "holds no whole certificate");
    *ret = first;
    first = NULL;
    return ok();
}

static struct status check_key(const struct tls_files *files, const struct buf *pem, X509 *cert,
                               struct arena *a)
{
    char no_password[] = "";
    CLEANUP(drop_bio) BIO *text = BIO_new_mem_buf(buf_str(pem).p, (int)pem->n);
    CLEANUP(drop_key) EVP_PKEY *key = PEM_read_bio_PrivateKey(text, NULL, NULL, no_password);
    bool matches = key && X509_check_private_key(cert, key) == 1;
    ERR_clear_error();
    if (!key)
        return fail_field(a, REASON_FIELD_INVALID, "tls", "%s holds no whole private key without a password",
                          files->key);
    if (!matches)
        return fail_field(a, REASON_FIELD_INVALID, "tls",
                          "the key in %s is not that of the certificate in %s", files->key, files->cert);
    return ok();
}

static struct status check_pems(const struct tls_files *files, const struct pems *p, struct arena *a)
{
    CLEANUP(drop_cert) X509 *cert = NULL;
    CLEANUP(drop_cert) X509 *authority = NULL;
    TRY(parse_certs(&p->client_ca, files->client_ca, a, &authority));
    TRY(parse_certs(&p->cert, files->cert, a, &cert));
    if (X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
        return fail_field(a, REASON_FIELD_INVALID, "tls", "the certificate in %s has expired", files->cert);
    return check_key(files, &p->key, cert, a);
}

struct status tls_open(const struct tls_files *files, struct arena *a, struct tls **ret)
{
    CLEANUP(drop_pems) struct pems p = { 0 };
    TRY(read_pems(files, a, &p));
    TRY(check_pems(files, &p, a));
    struct tls *t = calloc(1, sizeof *t);
    if (!t)
        return fail_memory();
    t->files = *files;
    pthread_mutex_init(&t->lock, NULL);
    *ret = t;
    return ok();
}

/* ---- serving ---- */

/* Called with the lock held. Of files that cannot be read, what counts is why. */
static bool changed(struct tls *t, const struct pems *p, struct status read)
{
    unsigned char now[SHA256_BYTES], each[4 * SHA256_BYTES];
    sha256(buf_str(&p->cert), each);
    sha256(buf_str(&p->key), each + SHA256_BYTES);
    sha256(buf_str(&p->client_ca), each + 2 * SHA256_BYTES);
    sha256(str_of(is_ok(read) ? "" : read.message), each + 3 * SHA256_BYTES);
    sha256(str_make((const char *)each, sizeof each), now);
    bool is_new = memcmp(now, t->seen, sizeof now) != 0;
    memcpy(t->seen, now, sizeof now);
    return is_new;
}

static void log_outcome(const struct tls *t, struct status s)
{
    struct log_line l;
    log_begin(&l, is_ok(s) ? LEVEL_INFO : LEVEL_WARN, is_ok(s) ? "tls_loaded" : "tls_refused");
    log_text(&l, "cert", t->files.cert);
    if (!is_ok(s))
        log_text(&l, "cause", s.message);
    log_end(&l);
}

/* Called with the lock held. NULL where nothing is new, or what is new cannot be used. */
static grpc_ssl_server_certificate_config *look(struct tls *t, struct arena *a)
{
    CLEANUP(drop_pems) struct pems p = { 0 };
    struct status s = read_pems(&t->files, a, &p);
    if (!changed(t, &p, s))
        return NULL;
    if (is_ok(s))
        s = check_pems(&t->files, &p, a);
    log_outcome(t, s);
    grpc_ssl_pem_key_cert_pair pair = { p.key.p, p.cert.p };
    return is_ok(s) ? grpc_ssl_server_certificate_config_create(p.client_ca.p, &pair, 1) : NULL;
}

/* The C-core asks in each handshake. */
static grpc_ssl_certificate_config_reload_status fetch(void *arg, grpc_ssl_server_certificate_config **ret)
{
    struct tls *t = arg;
    struct arena texts;
    arena_init(&texts, 64 * 1024);
    pthread_mutex_lock(&t->lock);
    *ret = look(t, &texts);
    pthread_mutex_unlock(&t->lock);
    arena_done(&texts);
    return *ret ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
}

grpc_server_credentials *tls_credentials(struct tls *t)
{
    return grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, fetch, t));
}

void tls_close(struct tls *t)
{
    if (!t)
        return;
    pthread_mutex_destroy(&t->lock);
    free(t);
}
