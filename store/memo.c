#include "store/memo.h"

#include "base/ids.h"

#define PLACES 1024 /* a power of two */
#define FULL (PLACES / 4 * 3)

struct answer {
    const struct stmt *stmt; /* NULL: a free place */
    const char *reach;
    const struct value *args;
    struct rows rows;
};

struct memo {
    struct arena *arena;
    size_t n;
    struct answer places[PLACES];
};

struct status memo_open(struct arena *a, struct memo **ret)
{
    *ret = ARENA_NEW(a, struct memo);
    if (!*ret)
        return fail_memory();
    (*ret)->arena = a;
    return ok();
}

static bool has_text(const struct value *v)
{
    return v->type == VALUE_TEXT || v->type == VALUE_BYTES;
}

static uint64_t hash_of(const char *reach, const struct stmt *s, const struct value *args)
{
    uint64_t h = hash64(str_of(reach), (uintptr_t)s);
    for (size_t i = 0; s->params[i]; i++)
        h = has_text(&args[i]) ? hash64(args[i].s, h) : mix64(h ^ (uint64_t)args[i].i);
    return h;
}

static bool is_same(const struct value *a, const struct value *b)
{
    return a->type == b->type && (has_text(a) ? str_eq(a->s, b->s) : a->i == b->i);
}

static bool answers(const struct answer *x, const char *reach, const struct stmt *s, const struct value *args)
{
    if (x->stmt != s || strcmp(x->reach, reach) != 0)
        return false;
    for (size_t i = 0; s->params[i]; i++)
        if (!is_same(&x->args[i], &args[i]))
            return false;
    return true;
}

/* The answer's place, or the free one where it belongs. */
static size_t place(const struct memo *m, const char *reach, const struct stmt *s, const struct value *args)
{
    size_t at = hash_of(reach, s, args) & (PLACES - 1);
    while (m->places[at].stmt && !answers(&m->places[at], reach, s, args))
        at = (at + 1) & (PLACES - 1);
    return at;
}

const struct rows *memo_find(const struct memo *m, const char *reach, const struct stmt *s,
                             const struct value *args)
{
    const struct answer *x = &m->places[place(m, reach, s, args)];
    return x->stmt ? &x->rows : NULL;
}

/* NULL where memory is out. */
static struct value *copy_values(struct arena *a, const struct value *from, size_t n)
{
    struct value *to = arena_raw(a, (n + 1) * sizeof *to);
    for (size_t i = 0; to && i < n; i++) {
        to[i] = from[i];
        if (has_text(&from[i]) && !(to[i].s.p = arena_dup(a, from[i].s)))
            return NULL;
    }
    return to;
}

struct status rows_copy(struct arena *a, const struct rows *from, struct rows *ret)
{
    *ret = *from;
    ret->v = copy_values(a, from->v, from->n * from->cols);
    return ret->v ? ok() : fail_memory();
}

void memo_keep(struct memo *m, const char *reach, const struct stmt *s, const struct value *args,
               const struct rows *rows)
{
    struct answer x = {
        s, arena_dup(m->arena, str_of(reach)), copy_values(m->arena, args, strlen(s->params)), { 0, 0, NULL }
    };
    if (m->n == FULL || !x.reach || !x.args || !is_ok(rows_copy(m->arena, rows, &x.rows)))
        return;
    m->places[place(m, reach, s, args)] = x;
    m->n++;
}
