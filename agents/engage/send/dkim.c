#include "agents/engage/send/dkim.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/ids.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#define RSA_BITS_MIN 2048
#define SIGNATURE_MAX 1024 /* RSA of 8192 bits */
#define FOLD 70

/* ---- The key ---- */

static void drop_key(EVP_PKEY **k)
{
    EVP_PKEY_free(*k);
}

static void drop_context(EVP_MD_CTX **c)
{
    EVP_MD_CTX_free(*c);
}

/* A key with a password is refused instead of asking for it at the terminal. */
static int no_password(char *text, int size, int writing, void *arg)
{
    return -1;
}

static EVP_PKEY *key_read(struct str pem)
{
    BIO *b = BIO_new_mem_buf(pem.p, (int)pem.n);
    EVP_PKEY *k = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
    BIO_free(b);
    return k;
}

/* The algorithm's name; NULL where the key is of none that is taken. */
static const char *algorithm(const EVP_PKEY *k)
{
    switch (k ? EVP_PKEY_base_id(k) : EVP_PKEY_NONE) {
    case EVP_PKEY_ED25519:
        return "ed25519-sha256";
    case EVP_PKEY_RSA:
        return EVP_PKEY_bits(k) >= RSA_BITS_MIN && EVP_PKEY_size(k) <= SIGNATURE_MAX ? "rsa-sha256" : NULL;
    default:
        return NULL;
    }
}

bool dkim_key_usable(struct str pem)
{
    CLEANUP(drop_key) EVP_PKEY *k = key_read(pem);
    return algorithm(k) != NULL;
}

/* RSA signs the text, which is hashed on the way; Ed25519 signs the hash (RFC 8463, section 3). */
static bool sign(EVP_PKEY *k, struct str text, unsigned char *signature, size_t *n)
{
    unsigned char hash[SHA256_BYTES];
    bool rsa = EVP_PKEY_base_id(k) == EVP_PKEY_RSA;
    CLEANUP(drop_context) EVP_MD_CTX *c = EVP_MD_CTX_new();
    *n = SIGNATURE_MAX;
    sha256(text, hash);
    if (!rsa)
        text = str_make((const char *)hash, sizeof hash);
    return c && EVP_DigestSignInit(c, NULL, rsa ? EVP_sha256() : NULL, NULL, k) == 1 &&
           EVP_DigestSign(c, signature, n, (const unsigned char *)text.p, text.n) == 1;
}

/* ---- The relaxed forms (RFC 6376, section 3.4) ---- */

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t';
}

/* The length of the first line, its CRLF included. */
static size_t line_length(struct str s)
{
    const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;
    return end ? (size_t)(end - s.p) + 1 : s.n;
}

/* Runs of blanks become one; those at the end go. `s` has no line end, or ones that count as none. */
static void put_squeezed(struct buf *b, struct str s)
{
    bool blank = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\r' || s.p[i] == '\n')
            continue;
        if (!is_blank(s.p[i])) {
            if (blank)
                buf_putc(b, ' ');
            buf_putc(b, s.p[i]);
        }
        blank = is_blank(s.p[i]);
    }
}

static void put_name(struct buf *b, struct str name)
{
    for (size_t i = 0; i < name.n; i++)
        buf_putc(b, ascii_lower(name.p[i]));
}

/* Empty lines at the end of the body do not count. */
static void body_hash(struct str body, unsigned char hash[SHA256_BYTES], struct buf *b)
{
    size_t full = 0;
    buf_clear(b);
    while (body.n) {
        size_t n = line_length(body), before = b->n;
        put_squeezed(b, str_make(body.p, n));
        bool empty = b->n == before;
        buf_puts(b, "\r\n");
        full = empty ? full : b->n;
        body = str_make(body.p + n, body.n - n);
    }
    sha256(str_make(buf_str(b).p, full), hash);
}

/* Takes a header, its folded lines included, off the front; false at the empty line that ends them. */
static bool next_header(struct str *s, struct str *name, struct str *value)
{
    size_t n = line_length(*s);
    if (n <= 2)
        return false;
    while (n < s->n && is_blank(s->p[n]))
        n += line_length(str_make(s->p + n, s->n - n));
    struct str line = str_make(s->p, n);
    *name = str_split(&line, ':');
    *value = str_trim(line);
    *s = str_make(s->p + n, s->n - n);
    return true;
}

/* ---- The signature ---- */

static void put_base64(struct buf *b, const unsigned char *p, size_t n)
{
    char text[SIGNATURE_MAX / 3 * 4 + 8];
    int length = EVP_EncodeBlock((unsigned char *)text, p, (int)n);
    for (int i = 0; i < length; i += FOLD)
        buf_printf(b, "%s%.*s", i ? "\r\n " : "", MIN(FOLD, length - i), text + i);
}

/* Adds the canonical form of all headers to `signed_text` and their names to `names`; what is left is the
 * body. */
static void take_headers(struct str *mail, struct buf *signed_text, struct buf *names)
{
    struct str name, value;
    while (next_header(mail, &name, &value)) {
        put_name(names, name);
        buf_puts(names, ":\r\n ");
        put_name(signed_text, name);
        buf_putc(signed_text, ':');
        put_squeezed(signed_text, value);
        buf_puts(signed_text, "\r\n");
    }
    size_t empty = line_length(*mail);
    *mail = str_make(mail->p + empty, mail->n - empty);
}

/* Puts the header with its "b=" still empty into `head`. */
static void begin(const struct dkim_key *k, const char *alg, int64_t time_us, struct str names,
                  const unsigned char hash[SHA256_BYTES], struct buf *head)
{
    buf_printf(
        head,
        "DKIM-Signature: v=1; a=%s; c=relaxed/relaxed; d=%s;\r\n s=%s; t=%lld;\r\n h=%.*sfrom;\r\n bh=", alg,
        k->domain, k->selector, (long long)(time_us / US_PER_SECOND), (int)names.n, names.p);
    put_base64(head, hash, SHA256_BYTES);
    buf_puts(head, ";\r\n b=");
}

struct bufs {
    struct buf text, names, head, body;
};

static struct status run(struct arena *a, const struct dkim_key *k, struct str mail, int64_t time_us,
                         struct bufs *b, struct str *ret)
{
    unsigned char hash[SHA256_BYTES], signature[SIGNATURE_MAX];
    size_t n;
    struct str rest = mail;
    CLEANUP(drop_key) EVP_PKEY *key = key_read(k->pem);
    const char *alg = algorithm(key);
    if (!alg)
        return fail_field(a, REASON_FIELD_INVALID, "dkim", "its key is neither RSA of %d bits nor Ed25519",
                          RSA_BITS_MIN);
    take_headers(&rest, &b->text, &b->names);
    body_hash(rest, hash, &b->body);
    begin(k, alg, time_us, buf_str(&b->names), hash, &b->head);
    buf_puts(&b->text, "dkim-signature:");
    put_squeezed(&b->text,
                 str_make(b->head.p + strlen("DKIM-Signature: "), b->head.n - strlen("DKIM-Signature: ")));
    if (b->text.overflow || b->names.overflow || b->head.overflow || b->body.overflow)
        return fail_memory();
    if (!sign(key, buf_str(&b->text), signature, &n))
        return fail(a, REASON_INTERNAL, "OpenSSL does not sign");
    put_base64(&b->head, signature, n);
    buf_puts(&b->head, "\r\n");
    buf_put(&b->head, mail.p, mail.n);
    *ret = buf_keep(&b->head, a);
    return ret->p ? ok() : fail_memory();
}

struct status dkim_sign(struct arena *a, const struct dkim_key *k, struct str mail, int64_t time_us,
                        struct str *ret)
{
    struct bufs b;
    const size_t limit = mail.n + 16384;
    buf_init(&b.text, limit);
    buf_init(&b.names, limit);
    buf_init(&b.head, limit);
    buf_init(&b.body, limit);
    struct status s = run(a, k, mail, time_us, &b, ret);
    buf_done(&b.text);
    buf_done(&b.names);
    buf_done(&b.head);
    buf_done(&b.body);
    return s;
}
