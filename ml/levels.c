#include "ml/levels.h"

#include "base/ids.h"
#include "ml/value.h"

#include <stdlib.h>

#define ROWS_OF_A_LEVEL 3u

struct counted {
    char text[LEVEL_BYTES], spelled[LEVEL_BYTES]; /* folded; as first seen */
    uint32_t n, count;
};

struct counter {
    struct counted *all;
    size_t n, cap;
    uint32_t *table; /* index + 1 */
    size_t mask;
};

static void counter_done(struct counter *k)
{
    free(k->all);
    free(k->table);
}

static size_t slot_of(const struct counter *k, struct str key)
{
    size_t i = (size_t)hash64(key, 0) & k->mask;
    while (k->table[i] && !str_eq(str_make(k->all[k->table[i] - 1].text, k->all[k->table[i] - 1].n), key))
        i = (i + 1) & k->mask;
    return i;
}

static bool counter_grow(struct counter *k)
{
    size_t cap = k->cap ? k->cap * 2 : 256;
    struct counted *all = reallocarray(k->all, cap, sizeof *all);
    if (!all)
        return false;
    k->all = all;
    free(k->table);
    k->table = calloc(cap * 2, sizeof *k->table);
    if (!k->table)
        return false;
    k->cap = cap;
    k->mask = cap * 2 - 1;
    for (size_t i = 0; i < k->n; i++)
        k->table[slot_of(k, str_make(all[i].text, all[i].n))] = (uint32_t)i + 1;
    return true;
}

static bool counter_add(struct counter *k, struct str text)
{
    char folded[LEVEL_BYTES];
    struct str key = str_make(folded, text_fold(text, folded));
    if (k->n == k->cap && !counter_grow(k))
        return false;
    size_t slot = slot_of(k, key);
    if (!k->table[slot]) {
        struct counted *c = &k->all[k->n++];
        memcpy(c->text, key.p, key.n);
        memcpy(c->spelled, text.p, key.n);
        c->n = (uint32_t)key.n;
        c->count = 0;
        k->table[slot] = (uint32_t)k->n;
    }
    k->all[k->table[slot] - 1].count++;
    return true;
}

static int by_count(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return str_cmp(str_make(x->text, x->n), str_make(y->text, y->n));
}

static bool keep(const struct counter *k, struct arena *a, struct view_column *c)
{
    size_t known = 0;
    while (known < k->n && known < LEVELS_MAX - 2 && k->all[known].count >= ROWS_OF_A_LEVEL)
        known++;
    c->levels = ARENA_ARRAY(a, known + 2, struct level);
    if (!c->levels)
        return false;
    c->n_levels = (uint32_t)known + 2;
    for (size_t i = 0; i < k->n; i++) {
        struct level *l = &c->levels[i < known ? i + 2 : LEVEL_UNKNOWN];
        l->count += k->all[i].count;
        if (i >= known)
            continue;
        const char *text = arena_dup(a, str_make(k->all[i].spelled, k->all[i].n));
        if (!text)
            return false;
        l->text = str_make(text, k->all[i].n);
    }
    return true;
}

struct status levels_learn(const struct frame *f, size_t column, struct arena *a, struct view_column *c,
                           size_t *ret_distinct)
{
    CLEANUP(counter_done) struct counter k = { NULL, 0, 0, NULL, 0 };
    uint32_t missing = 0;
    for (size_t i = 0; i < f->n_rows; i++) {
        struct str t = str_trim(frame_cell(f, i, column));
        if (text_is_missing(t))
            missing++;
        else if (!counter_add(&k, t))
            return fail_memory();
    }
    if (k.n)
        qsort(k.all, k.n, sizeof *k.all, by_count);
    if (!keep(&k, a, c))
        return fail_memory();
    c->levels[LEVEL_MISSING].count = missing;
    *ret_distinct = k.n;
    return ok();
}
