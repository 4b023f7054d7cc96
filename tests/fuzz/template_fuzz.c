/* Any bytes as a text of a template: refused with where and why, or compiled to something that renders in
 * bounded time and memory; and then no value, whatever is in it, brings a character that could end its place.
 * The first byte says which part it is. */
#include "agents/engage/template/program.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct program_field fields[] = {
    { "a", true },
    { "b", false },
    { "attributes.c d", true },
};

#define TEXT(literal)                                                                                        \
    {                                                                                                        \
        literal, sizeof(literal) - 1                                                                         \
    }

static const struct str calm[COUNT(fields)] = { TEXT("A"), TEXT("B"), TEXT("C") };
static const struct str none[COUNT(fields)] = { TEXT("A"), TEXT(""), TEXT("C") };
static const struct str wild[COUNT(fields)] = {
    TEXT("\"'<>`=&;: \r\n\t{{a}}/\\?#%+-!"),
    TEXT("javascript:alert(1)//--></style></title>"),
    TEXT("https://x/\"'><script>{{#b}}"),
};

static size_t count(struct str s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == c;
    return n;
}

static void run(const struct program *p, const struct str *values, struct buf *out)
{
    buf_init(out, 1 << 20);
    program_run(p, values, out);
}

static void check(enum program_part part, const struct program *p)
{
    static const char marks[] = "<>\"'";
    struct buf a, b, c;
    run(p, calm, &a);
    run(p, wild, &b);
    run(p, none, &c);
    for (const char *m = marks; part == PROGRAM_HTML && *m && !a.overflow && !b.overflow; m++)
        if (count(buf_str(&a), *m) != count(buf_str(&b), *m))
            abort();
    if (part == PROGRAM_SUBJECT && (count(buf_str(&b), '\n') || count(buf_str(&b), '\r')))
        abort();
    buf_done(&a);
    buf_done(&b);
    buf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    const struct program *p = NULL;
    struct program_fault *faults = NULL;
    enum program_part part = size ? (enum program_part)(data[0] % PROGRAM_PARTS) : PROGRAM_TEXT;
    struct str text = size ? str_make((const char *)data + 1, size - 1) : str_make("", 0);
    if (!str_is_utf8(text))
        return 0;
    arena_init(&arena, 4 << 20);
    struct status s = program_compile(&arena, part, text, fields, COUNT(fields), &p, &faults);
    if (s.code == CODE_OK && !faults)
        check(part, p);
    else if (s.code == CODE_OK && (!faults->line || !faults->column))
        abort();
    else if (s.code != CODE_OK && s.reason != REASON_REQUEST_TOO_LARGE)
        abort();
    arena_done(&arena);
    return 0;
}
