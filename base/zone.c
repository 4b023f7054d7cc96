#include "base/zone.h"

#include "base/zone_rule.h"

#define CHANGES_MAX 4096
#define TYPES_MAX 256
#define OFFSET_MAX (26 * 3600) /* RFC 9636: less than this, either way */

struct zone {
    size_t n;
    const int64_t *at;            /* rising */
    const int32_t *offset;        /* from at[i] on */
    int32_t first;                /* before at[0] */
    const struct zone_rule *rule; /* from the last change on; NULL: its offset stays */
};

static const struct zone utc;
const struct zone *const zone_utc = &utc;

/* ---- Reading the file ---- */

static bool take(struct str *s, size_t n, struct str *ret)
{
    if (s->n < n)
        return false;
    *ret = str_make(s->p, n);
    *s = str_make(s->p + n, s->n - n);
    return true;
}

static int64_t big_endian(const char *p, size_t bytes)
{
    uint64_t v = (unsigned char)p[0] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)p[i];
    return (int64_t)v;
}

struct counts {
    size_t is_ut, is_standard, leaps, changes, types, letters;
};

static bool read_header(struct str *s, struct counts *ret)
{
    struct str h;
    if (!take(s, 44, &h) || !str_starts(h, STR("TZif")) || h.p[4] < '2')
        return false;
    size_t *to[] = { &ret->is_ut, &ret->is_standard, &ret->leaps, &ret->changes, &ret->types, &ret->letters };
    for (size_t i = 0; i < COUNT(to); i++) {
        int64_t v = big_endian(h.p + 20 + 4 * i, 4);
        if (v < 0 || v > CHANGES_MAX)
            return false;
        *to[i] = (size_t)v;
    }
    return ret->types >= 1 && ret->types <= TYPES_MAX;
}

/* The first block, with times of four bytes, is for older readers. */
static bool skip_old_block(struct str *s)
{
    struct counts n;
    struct str block;
    return read_header(s, &n) &&
           take(s, n.changes * 5 + n.types * 6 + n.letters + n.leaps * 8 + n.is_standard + n.is_ut, &block);
}

struct block {
    struct counts n;
    struct str times, kinds, types;
};

static bool read_block(struct str *s, struct block *b)
{
    struct str rest;
    return read_header(s, &b->n) && b->n.leaps == 0 && take(s, b->n.changes * 8, &b->times) &&
           take(s, b->n.changes, &b->kinds) && take(s, b->n.types * 6, &b->types) &&
           take(s, b->n.letters + b->n.is_standard + b->n.is_ut, &rest);
}

static bool offset_of(const struct block *b, size_t type, int32_t *ret)
{
    int64_t v = type < b->n.types ? big_endian(b->types.p + 6 * type, 4) : OFFSET_MAX;
    if (v <= -OFFSET_MAX || v >= OFFSET_MAX)
        return false;
    *ret = (int32_t)v;
    return true;
}

static bool take_changes(struct arena *a, const struct block *b, struct zone *z)
{
    int64_t *at = ARENA_ARRAY(a, b->n.changes, int64_t);
    int32_t *offset = ARENA_ARRAY(a, b->n.changes, int32_t);
    if (!at || !offset || !offset_of(b, 0, &z->first))
        return false;
    for (size_t i = 0; i < b->n.changes; i++) {
        at[i] = big_endian(b->times.p + 8 * i, 8);
        if (!offset_of(b, (unsigned char)b->kinds.p[i], &offset[i]) || (i && at[i] <= at[i - 1]))
            return false;
    }
    z->n = b->n.changes;
    z->at = at;
    z->offset = offset;
    return true;
}

static bool take_footer(struct arena *a, struct str s, struct zone *z)
{
    if (s.n < 2 || s.p[0] != '\n' || s.p[s.n - 1] != '\n')
        return false;
    if (s.n == 2)
        return true;
    struct zone_rule *rule = ARENA_NEW(a, struct zone_rule);
    z->rule = rule;
    return rule && zone_rule_parse(str_make(s.p + 1, s.n - 2), rule);
}

const struct zone *zone_parse(struct arena *a, struct str file)
{
    struct block b;
    struct zone *z = ARENA_NEW(a, struct zone);
    if (!z || !skip_old_block(&file) || !read_block(&file, &b) || !take_changes(a, &b, z) ||
        !take_footer(a, file, z))
        return NULL;
    return z;
}

/* ---- Looking up ---- */

/* How many changes are at or before t. */
static size_t passed(const struct zone *z, int64_t t)
{
    size_t low = 0, high = z->n;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (z->at[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct zone_span zone_at(const struct zone *z, int64_t t)
{
    size_t i = passed(z, t);
    if (i == z->n && z->rule)
        return zone_rule_at(z->rule, t);
    struct zone_span s = { i ? z->offset[i - 1] : z->first, i < z->n ? z->at[i] : ZONE_FOREVER };
    return s;
}
