#include "store/memo.h"

#include "base/ids.h"

#define PLACES 2048 /* a power of two */
#define FULL (PLACES / 4 * 3)

struct memo {
    struct arena *arena;
    size_t n, n_expected;
    struct question places[PLACES]; /* stmt: NULL where it is free */
    struct question *expected[FULL];
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

static bool is_asked(const struct question *x, const char *reach, const struct stmt *s,
                     const struct value *args)
{
    if (x->stmt != s || strcmp(x->reach, reach) != 0)
        return false;
    for (size_t i = 0; s->params[i]; i++)
        if (!is_same(&x->args[i], &args[i]))
            return false;
    return true;
}

/* The question's place, or the free one where it belongs. */
static size_t place(const struct memo *m, const char *reach, const struct stmt *s, const struct value *args)
{
    size_t at = hash_of(reach, s, args) & (PLACES - 1);
    while (m->places[at].stmt && !is_asked(&m->places[at], reach, s, args))
        at = (at + 1) & (PLACES - 1);
    return at;
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

struct question *memo_at(struct memo *m, const char *reach, const struct stmt *s, const struct value *args)
{
    struct question *x = &m->places[place(m, reach, s, args)];
    if (x->stmt || m->n == FULL)
        return x->stmt ? x : NULL;
    const char *own_reach = arena_dup(m->arena, str_of(reach));
    const struct value *own_args = copy_values(m->arena, args, strlen(s->params));
    if (!own_reach || !own_args)
        return NULL;
    *x = (struct question){ own_reach, s, own_args, false, { 0, 0, NULL } };
    m->n++;
    return x;
}

void memo_expect(struct memo *m, const char *reach, const struct stmt *s, const struct value *args)
{
    size_t before = m->n;
    struct question *x = memo_at(m, reach, s, args);
    if (m->n > before)
        m->expected[m->n_expected++] = x;
}

size_t memo_expected(struct memo *m, struct question *const **ret, struct arena **ret_arena)
{
    size_t n = m->n_expected;
    m->n_expected = 0;
    *ret = m->expected;
    *ret_arena = m->arena;
    return n;
}

void memo_answer(struct memo *m, struct question *q, const struct rows *rows)
{
    q->answered = is_ok(rows_copy(m->arena, rows, &q->rows));
}
