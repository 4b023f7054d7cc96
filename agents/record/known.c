#include "agents/record/known.h"

#include "base/ids.h"
#include "store/db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SHARDS 16 /* a power of two: growing one stops a sixteenth of the callers */
#define FIRST_SLOTS 256
#define PAGE "5000" /* fits a job's arena */
#define PAGE_ROWS 5000

/* Open addressing with linear probing; 0 marks a free slot. */
struct shard {
    pthread_rwlock_t lock;
    uint64_t *slots; /* NULL once the set was given up */
    size_t n, cap;
};

struct known {
    struct shard shards[SHARDS];
    size_t limit;
    _Atomic size_t n;
    _Atomic bool complete, given_up;
    uint64_t seed;                       /* so that nobody outside can aim at collisions */
    char *after_workspace, *after_value; /* the filling's place; the job's alone */
    int64_t after_kind;
};

enum { NEXT_PAGE };
static const struct stmt sql[] = {
    [NEXT_PAGE] = { "known_next_page", "tit", "tit",
                    "SELECT workspace, kind, value FROM lead_identity WHERE (workspace, kind, value) > ($1, "
                    "$2, $3)"
                    " ORDER BY workspace, kind, value LIMIT " PAGE,
                    NULL, NULL },
};
const struct stmt_table known_statements = { sql, COUNT(sql) };

static uint64_t hash_of(const struct known *k, const char *workspace, int64_t kind, const char *value)
{
    uint64_t h = hash64(str_of(value), hash64(str_of(workspace), k->seed) ^ (uint64_t)kind);
    return h ? h : 1;
}

static struct shard *shard_of(struct known *k, uint64_t h)
{
    return &k->shards[h >> 60 & (SHARDS - 1)];
}

/* The slot that holds h, or the free one where it belongs. */
static uint64_t *probe(uint64_t *slots, size_t cap, uint64_t h)
{
    size_t i = h & (cap - 1);
    while (slots[i] && slots[i] != h)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static bool grow(struct shard *s)
{
    size_t cap = s->cap * 2;
    uint64_t *slots = calloc(cap, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < s->cap; i++)
        if (s->slots[i])
            *probe(slots, cap, s->slots[i]) = s->slots[i];
    free(s->slots);
    s->slots = slots;
    s->cap = cap;
    return true;
}

struct status known_open(size_t limit, struct arena *a, struct known **ret)
{
    struct known *k = ARENA_NEW(a, struct known);
    if (!k)
        return fail_memory();
    k->limit = limit;
    k->given_up = limit == 0;
    random_bytes(&k->seed, sizeof k->seed);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &k->shards[i];
        pthread_rwlock_init(&s->lock, NULL);
        s->cap = FIRST_SLOTS;
        s->slots = calloc(s->cap, sizeof *s->slots);
        if (!s->slots) {
            known_close(k);
            return fail_memory();
        }
    }
    *ret = k;
    return ok();
}

void known_close(struct known *k)
{
    for (size_t i = 0; k && i < SHARDS; i++) {
        free(k->shards[i].slots);
        k->shards[i].slots = NULL;
    }
    if (!k)
        return;
    free(k->after_workspace);
    free(k->after_value);
}

bool known_may_exist(struct known *k, const char *workspace, int64_t kind, const char *value)
{
    if (!k || !atomic_load_explicit(&k->complete, memory_order_acquire) ||
        atomic_load_explicit(&k->given_up, memory_order_relaxed))
        return true;
    uint64_t h = hash_of(k, workspace, kind, value);
    struct shard *s = shard_of(k, h);
    pthread_rwlock_rdlock(&s->lock);
    bool found = !s->slots || *probe(s->slots, s->cap, h) != 0;
    pthread_rwlock_unlock(&s->lock);
    return found;
}

/* False where it cannot be held: the limit is reached, or memory is out. */
static bool put(struct known *k, struct shard *s, uint64_t h)
{
    if (!s->slots)
        return true; /* given up meanwhile */
    if (s->n * 4 >= s->cap * 3 && !grow(s))
        return false;
    uint64_t *slot = probe(s->slots, s->cap, h);
    if (*slot)
        return true;
    *slot = h;
    s->n++;
    return atomic_fetch_add(&k->n, 1) < k->limit;
}

static void give_up(struct known *k)
{
    atomic_store(&k->given_up, true);
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &k->shards[i];
        pthread_rwlock_wrlock(&s->lock);
        free(s->slots);
        s->slots = NULL;
        pthread_rwlock_unlock(&s->lock);
    }
}

void known_add(struct known *k, const char *workspace, int64_t kind, const char *value)
{
    if (!k || atomic_load_explicit(&k->given_up, memory_order_relaxed))
        return;
    uint64_t h = hash_of(k, workspace, kind, value);
    struct shard *s = shard_of(k, h);
    pthread_rwlock_wrlock(&s->lock);
    bool held = put(k, s, h);
    pthread_rwlock_unlock(&s->lock);
    if (!held)
        give_up(k);
}

static bool keep(char **place, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return false;
    free(*place);
    *place = copy;
    return true;
}

struct status known_fill(struct ctx *c)
{
    struct known *k = c->app->known;
    struct rows rows;
    if (!k || k->complete || k->given_up)
        return ok();
    db_reach_all(c);
    TRY(DB_QUERY(c, &sql[NEXT_PAGE], &rows, v_text(k->after_workspace ? k->after_workspace : ""),
                 v_int(k->after_kind), v_text(k->after_value ? k->after_value : "")));
    for (size_t i = 0; i < rows.n; i++)
        known_add(k, row_at(&rows, i)[0].s.p, row_at(&rows, i)[1].i, row_at(&rows, i)[2].s.p);
    if (rows.n < PAGE_ROWS) {
        atomic_store_explicit(&k->complete, true, memory_order_release);
        return ok();
    }
    const struct value *last = row_at(&rows, rows.n - 1);
    k->after_kind = last[1].i;
    return keep(&k->after_workspace, last[0].s.p) && keep(&k->after_value, last[2].s.p) ? ok()
                                                                                        : fail_memory();
}
