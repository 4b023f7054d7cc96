#include "server/iam/iam_private.h"

#include "agents/record/denied.h"

struct status text_check(struct ctx *c, const char *text, const char *field)
{
    if (strlen(text) > TEXT_MAX)
        return fail_field(c->arena, REASON_FIELD_TOO_LONG, field, "at most %d bytes", TEXT_MAX);
    return ok();
}

struct status required(struct ctx *c, const void *message, const char *field)
{
    return message ? ok() : fail_field(c->arena, REASON_FIELD_REQUIRED, field, "must be given");
}

struct status denied(struct ctx *c, enum reason reason, const char *message)
{
    struct status s = fail(NULL, reason, "%s", message);
    denied_note(c->app->denied, c, c->peer, s);
    return s;
}

void random_text(char *text, size_t n)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    for (size_t i = 0; i < n;) {
        unsigned char b;
        random_bytes(&b, 1);
        if ((b & 63) < sizeof letters - 1)
            text[i++] = letters[b & 63];
    }
    text[n] = 0;
}

struct str digest_of(struct arena *a, struct str text)
{
    unsigned char digest[SHA256_BYTES];
    sha256(text, digest);
    return str_make(arena_dup(a, str_make((const char *)digest, sizeof digest)), sizeof digest);
}
