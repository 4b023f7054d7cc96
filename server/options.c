#include "server/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum option_type { TYPE_TEXT, TYPE_UINT, TYPE_REAL, TYPE_BOOL };

static const struct row {
    enum option_type type;
    size_t offset;
    const char *name, *initial;
    double min, max;
    int flags;
    const char *help;
} rows[] = {
#define OPT(type, field, NAME, initial, min, max, flags, help)                                               \
    { TYPE_##type, offsetof(struct options, field), #NAME, initial, min, max, flags, help },
#include "server/options.def"
#undef OPT
};

/* postgresql://user:password@host -> postgresql://user:***@host */
static const char *hide_password(struct arena *a, const char *url)
{
    const char *scheme = strstr(url, "://"), *at = scheme ? strrchr(scheme + 3, '@') : NULL;
    const char *colon = at ? memchr(scheme + 3, ':', (size_t)(at - scheme - 3)) : NULL;
    if (strstr(url, "password="))
        return "***";
    return colon ? arena_printf(a, "%.*s:***%s", (int)(colon - url), url, at) : url;
}

static struct status read_file(struct arena *a, const struct row *r, const char *path, const char **ret)
{
    char text[4097];
    FILE *f = fopen(path, "re");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0;
    bool bad = !f || ferror(f) || n == sizeof text;
    if (f)
        fclose(f);
    if (bad) /* the "path" may be a secret that happens to start with an @ */
        return fail_field(a, REASON_FIELD_INVALID, r->name,
                          "the file named behind the @ is unreadable or over 4,096 bytes");
    *ret = arena_dup(a, str_trim(str_make(text, n)));
    explicit_bzero(text, n);
    return *ret ? ok() : fail_memory();
}

static struct status out_of_range(struct arena *a, const struct row *r, const char *text)
{
    return fail_field(a, REASON_FIELD_OUT_OF_RANGE, r->name, "%s is not between %g and %g", text, r->min,
                      r->max);
}

static struct status set_text(struct arena *a, const struct row *r, const char *text, const char **ret)
{
    const char *value = arena_dup(a, str_of(text));
    if (text[0] == '@')
        TRY(read_file(a, r, text + 1, &value));
    if (!value)
        return fail_memory();
    if (strlen(value) < (size_t)r->min || strlen(value) > (size_t)r->max)
        return fail_field(a, REASON_FIELD_TOO_LONG, r->name, "must have %g to %g bytes", r->min, r->max);
    *ret = value;
    return ok();
}

static struct status set_bool(struct arena *a, const struct row *r, const char *text, bool *ret)
{
    bool yes = !strcmp(text, "true") || !strcmp(text, "1");
    if (!yes && strcmp(text, "false") && strcmp(text, "0"))
        return fail_field(a, REASON_FIELD_INVALID, r->name, "\"%s\" is neither true nor false", text);
    *ret = yes;
    return ok();
}

static struct status set(struct arena *a, struct options *o, const struct row *r, const char *text)
{
    void *at = (char *)o + r->offset;
    int64_t i;
    double d;
    switch (r->type) {
    case TYPE_TEXT:
        return set_text(a, r, text, at);
    case TYPE_BOOL:
        return set_bool(a, r, text, at);
    case TYPE_UINT:
        if (!str_to_i64(str_of(text), &i) || (double)i < r->min || (double)i > r->max)
            return out_of_range(a, r, text);
        *(uint64_t *)at = (uint64_t)i;
        return ok();
    case TYPE_REAL:
        if (!str_to_f64(str_of(text), &d) || d < r->min || d > r->max)
            return out_of_range(a, r, text);
        *(double *)at = d;
        return ok();
    }
    BUG("option type");
}

/* Whether the argument names the row: --database-url for DATABASE_URL. *value is what follows '=', or NULL.
 */
static bool names(const struct row *r, const char *arg, const char **value)
{
    if (strncmp(arg, "--", 2) != 0)
        return false;
    const char *p = arg + 2, *name = r->name;
    for (; *name && *p; name++, p++)
        if (*p != (*name == '_' ? '-' : tolower((unsigned char)*name)))
            return false;
    *value = *p == '=' ? p + 1 : NULL;
    return *name == 0 && (*p == 0 || *p == '=');
}

/* Arguments are shown to everyone on the machine. */
static struct status check_public(struct arena *a, const struct row *r, const char *text)
{
    bool secret = r->flags & OPT_SECRET || (r->flags & OPT_URL && hide_password(a, text) != text);
    if (!secret || !text[0] || text[0] == '@')
        return ok();
    return fail_field(a, REASON_FIELD_INVALID, r->name,
                      "is no secret as an argument: use the environment or @file");
}

static struct status read_argument(struct arena *a, int argc, char **argv, int *i, struct options *o)
{
    for (size_t k = 0; k < COUNT(rows); k++) {
        const char *value;
        if (!names(&rows[k], argv[*i], &value))
            continue;
        if (!value && ++*i >= argc)
            return fail_field(a, REASON_FIELD_REQUIRED, rows[k].name, "%s needs a value", argv[argc - 1]);
        o->source[k] = "argument";
        value = value ? value : argv[*i];
        TRY(check_public(a, &rows[k], value));
        return set(a, o, &rows[k], value);
    }
    /* Not in full: it may be a secret behind a misspelt name. */
    const char *shown = argv[*i][0] == '-' ? argv[*i] : "";
    return fail(a, REASON_FIELD_INVALID, "argument %d: no such option: %.*s; see --help", *i,
                (int)strcspn(shown, "="), shown);
}

/* What links in messages begin with, and the key that makes them good for longer than this process. */
static struct status check_public_url(struct arena *a, const struct options *o)
{
    struct str url = str_of(o->public_url);
    if (!url.n)
        return ok();
    if (!str_starts(url, STR("https://")) && !str_starts(url, STR("http://")))
        return fail_field(a, REASON_FIELD_INVALID, "PUBLIC_URL", "must begin with https:// or http://");
    if (url.p[url.n - 1] == '/' || strcspn(url.p, " \"<>?#\\") != url.n)
        return fail_field(a, REASON_FIELD_INVALID, "PUBLIC_URL",
                          "ends in no slash and holds no blanks, quotes, ? or #");
    if (!o->secret_key[0])
        return fail_field(a, REASON_FIELD_REQUIRED, "SECRET_KEY",
                          "PUBLIC_URL needs it: links outlive this process");
    return ok();
}

struct status options_read(struct arena *a, int argc, char **argv, struct options *ret)
{
    for (size_t k = 0; k < COUNT(rows); k++) {
        const char *env = getenv(rows[k].name);
        ret->source[k] = env ? "environment" : "default";
        TRY(set(a, ret, &rows[k], env ? env : rows[k].initial));
    }
    for (int i = 1; i < argc; i++)
        TRY(read_argument(a, argc, argv, &i, ret));
    if (ret->secret_key[0] && strlen(ret->secret_key) < 16)
        return fail_field(a, REASON_FIELD_OUT_OF_RANGE, "SECRET_KEY", "must have at least 16 bytes");
    return check_public_url(a, ret);
}

bool options_help(int argc, char **argv, struct buf *out)
{
    bool asked = false;
    for (int i = 1; i < argc; i++)
        asked |= !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
    if (!asked)
        return false;
    buf_puts(out, "usage: server [--option value]...\n\nEach option is also an environment variable; an "
                  "argument wins.\n");
    for (size_t k = 0; k < COUNT(rows); k++) {
        buf_puts(out, "\n  --");
        for (const char *p = rows[k].name; *p; p++)
            buf_putc(out, *p == '_' ? '-' : (char)tolower((unsigned char)*p));
        buf_printf(out, "  (%s, default \"%s\")\n      %s\n", rows[k].name, rows[k].initial, rows[k].help);
    }
    return true;
}

static const char *show(struct arena *a, const struct options *o, const struct row *r)
{
    const void *at = (const char *)o + r->offset;
    switch (r->type) {
    case TYPE_TEXT: {
        const char *text = *(const char *const *)at;
        if (r->flags & OPT_SECRET)
            return *text ? "***" : "";
        return r->flags & OPT_URL ? hide_password(a, text) : text;
    }
    case TYPE_UINT:
        return arena_printf(a, "%llu", (unsigned long long)*(const uint64_t *)at);
    case TYPE_REAL:
        return arena_printf(a, "%g", *(const double *)at);
    case TYPE_BOOL:
        return *(const bool *)at ? "true" : "false";
    }
    BUG("option type");
}

size_t options_view(const struct options *o, struct arena *a, const struct option_view **ret)
{
    struct option_view *views = ARENA_ARRAY(a, COUNT(rows), struct option_view);
    if (!views)
        return 0;
    for (size_t k = 0; k < COUNT(rows); k++) {
        struct option_view v = { rows[k].name, show(a, o, &rows[k]), o->source[k], rows[k].help };
        if (!v.value)
            return 0;
        views[k] = v;
    }
    *ret = views;
    return COUNT(rows);
}
