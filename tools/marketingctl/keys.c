#include "tools/marketingctl/keys.h"

#include "base/ids.h"
#include "ml/file.h"
#include "tools/marketingctl/command.h"
#include "tools/marketingctl/files.h"

#include <stdio.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool from_hex(struct str s, unsigned char key[32])
{
    if (s.n != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        int high = digit(s.p[2 * i]), low = digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

struct status key_read(const char *path, struct arena *errors, unsigned char key[32])
{
    struct buf text;
    struct status s = file_slurp(path, 4096, errors, &text);
    if (is_ok(s) && !from_hex(str_trim(buf_str(&text)), key))
        s = fail(errors, REASON_FIELD_INVALID, "%s: not a key (64 hexadecimal digits)", path);
    buf_done(&text);
    return s;
}

static struct status store(const char *path, const unsigned char key[32], unsigned mode, struct arena *errors)
{
    char text[66];
    hex_text(key, 32, text);
    text[64] = '\n';
    return file_store(path, str_make(text, 65), mode, errors);
}

static struct status make(const char *path, struct arena *errors)
{
    unsigned char secret[32], public_key[32];
    key_new(secret, public_key);
    TRY(store(path, secret, 0600, errors));
    return store(arena_printf(errors, "%s.pub", path), public_key, 0644, errors);
}

int keys_new_command(const struct arguments *a)
{
    const char *path = option(a, "out", "");
    struct arena errors;
    arena_init(&errors, 64 * 1024);
    struct status s = make(path, &errors);
    int rc = is_ok(s) ? 0 : report(path, s);
    if (rc == 0)
        printf("%s\n%s.pub\n", path, path);
    arena_done(&errors);
    return rc;
}
