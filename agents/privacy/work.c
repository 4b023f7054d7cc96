#include "agents/privacy/work.h"

#include "agents/record/lead_text.h"
#include "base/buf.h"
#include "base/pb.h"

#include <ctype.h>

#define WORK_BYTES (1024 * 1024)

/* ---- Texts in a form that can be compared ---- */

static char *lower(struct arena *a, struct str s)
{
    char *p = arena_dup(a, s);
    for (size_t i = 0; p && i < s.n; i++)
        p[i] = (char)tolower((unsigned char)p[i]);
    return p;
}

/* Without what people put between the digits of a phone. */
static char *compact(struct arena *a, struct str s)
{
    char *p = arena_raw(a, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; p && i < s.n; i++)
        if (!strchr(" ()-./+", s.p[i]) || !s.p[i])
            p[n++] = (char)tolower((unsigned char)s.p[i]);
    if (p)
        p[n] = 0;
    return p;
}

static bool is_word(char ch)
{
    return isalnum((unsigned char)ch) || (unsigned char)ch >= 0x80;
}

static bool holds_word(const char *row, struct str word)
{
    for (const char *at = row; word.n && (at = strstr(at, word.p)); at++)
        if ((at == row || !is_word(at[-1])) && !is_word(at[word.n]))
            return true;
    return false;
}

/* ---- Making, packing ---- */

static struct status add_text(struct ctx *c, struct work *w, struct str s, bool phone)
{
    char *p = phone ? compact(c->arena, s) : lower(c->arena, s);
    if (!p)
        return fail_memory();
    if (*p)
        w->texts[w->n_texts++] = str_of(p);
    return ok();
}

struct status work_make(struct ctx *c, const Lead *lead, const struct lead_identity *identities, size_t n,
                        const char **ids, size_t n_ids, struct work *ret)
{
    *ret = (struct work){ ids, n_ids, ARENA_ARRAY(c->arena, n + 1, struct str), 0 };
    if (!ret->texts)
        return fail_memory();
    for (size_t i = 0; i < n; i++)
        TRY(add_text(c, ret, identities[i].text.s, identities[i].kind.i == LEAD_PHONE + 1));
    return lead ? add_text(c, ret, str_of(lead->full_name), false) : ok();
}

struct str work_pack(struct ctx *c, const struct work *w)
{
    struct buf b;
    buf_init(&b, WORK_BYTES);
    for (size_t i = 0; i < w->n_ids; i++)
        buf_printf(&b, "i %s%c", w->ids[i], 0);
    for (size_t i = 0; i < w->n_texts; i++)
        buf_printf(&b, "t %s%c", w->texts[i].p, 0);
    return buf_keep(&b, c->arena);
}

static size_t count_parts(struct str s, char end)
{
    size_t n = 0;
    for (; s.n; n++)
        str_split(&s, end);
    return n;
}

struct status work_unpack(struct ctx *c, struct str packed, struct work *ret)
{
    char end = packed.n && !packed.p[packed.n - 1] ? 0 : '\n'; /* older builds ended them with a line feed */
    size_t n = count_parts(packed, end);
    *ret = (struct work){ ARENA_ARRAY(c->arena, n + 1, const char *), 0,
                          ARENA_ARRAY(c->arena, n + 1, struct str), 0 };
    if (!ret->ids || !ret->texts)
        return fail_memory();
    while (packed.n) {
        struct str part = str_split(&packed, end);
        if (part.n <= 2)
            continue; /* of an older build: a piece of a text that held a line feed */
        const char *text = arena_dup(c->arena, str_make(part.p + 2, part.n - 2));
        if (!text)
            return fail_memory();
        if (part.p[0] == 'i')
            ret->ids[ret->n_ids++] = text;
        else
            ret->texts[ret->n_texts++] = str_of(text);
    }
    return ok();
}

struct status work_found_in(struct ctx *c, const struct work *w, const char *row, bool *ret)
{
    struct arena_mark mark = arena_mark(c->arena);
    const char *small = lower(c->arena, str_of(row)), *dense = compact(c->arena, str_of(row));
    if (!small || !dense)
        return fail_memory();
    *ret = false;
    for (size_t i = 0; i < w->n_texts && !*ret; i++)
        *ret = holds_word(small, w->texts[i]) || holds_word(dense, w->texts[i]);
    arena_rewind(c->arena, mark);
    return ok();
}
