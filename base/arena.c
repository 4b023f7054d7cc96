#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

#define ALIGN 16u
#define BLOCK_BYTES (16u * 1024)

struct arena_block {
    struct arena_block *next;
    size_t size; /* payload bytes */
    _Alignas(ALIGN) char data[];
};

struct arena_hook {
    struct arena_hook *next;
    void (*f)(void *);
    void *p;
};

void arena_init(struct arena *a, size_t budget)
{
    memset(a, 0, sizeof *a);
    a->budget = budget;
}

static void run_hooks(struct arena *a, const struct arena_hook *until)
{
    while (a->hooks != until) {
        struct arena_hook *h = a->hooks;
        a->hooks = h->next;
        h->f(h->p);
    }
}

static void pop_block(struct arena *a)
{
    struct arena_block *b = a->block;
    a->block = b->next;
#ifdef ARENA_DEBUG
    memset(b->data, 0xdd, b->size);
#endif
    free(b);
}

void arena_keep(struct arena *a, size_t bytes)
{
    a->keep = bytes;
    while (a->kept > bytes) {
        struct arena_block *b = a->spare;
        a->spare = b->next;
        a->kept -= b->size;
        free(b);
    }
}

void arena_done(struct arena *a)
{
    run_hooks(a, NULL);
    while (a->block)
        pop_block(a);
    arena_keep(a, 0);
    arena_init(a, a->budget);
}

#ifndef ARENA_DEBUG
/* Keeps the newest block, where it is one of the usual size and there is room, or frees it. */
static void put_by(struct arena *a)
{
    struct arena_block *b = a->block;
    if (b->size != BLOCK_BYTES || a->kept + b->size > a->keep) {
        pop_block(a);
        return;
    }
    a->block = b->next;
    b->next = a->spare;
    a->spare = b;
    a->kept += b->size;
}
#endif

void arena_reset(struct arena *a)
{
    run_hooks(a, NULL);
#ifdef ARENA_DEBUG
    arena_done(a);
#else
    while (a->block && (a->block->next || a->block->size > BLOCK_BYTES))
        put_by(a);
    a->at = a->block ? a->block->data : NULL;
    a->end = a->block ? a->block->data + a->block->size : NULL;
#endif
    a->used = 0;
    a->overflow = false;
}

static struct arena_block *new_block(struct arena *a, size_t n)
{
#ifdef ARENA_DEBUG
    size_t size = n;
#else
    size_t size = MAX(n, BLOCK_BYTES);
#endif
    struct arena_block *b = size == BLOCK_BYTES ? a->spare : NULL;
    if (b) {
        a->spare = b->next;
        a->kept -= b->size;
        return b;
    }
    b = malloc(sizeof *b + size);
    if (b)
        b->size = size;
    return b;
}

static bool push_block(struct arena *a, size_t n)
{
    struct arena_block *b = new_block(a, n);
    if (!b)
        return false;
    b->next = a->block;
    a->block = b;
    a->at = b->data;
    a->end = b->data + b->size;
    return true;
}

void *arena_raw(struct arena *a, size_t n)
{
    size_t need = n > SIZE_MAX - ALIGN ? SIZE_MAX : (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    need = MAX(need, ALIGN);
    if (a->overflow || need > a->budget - a->used)
        goto full;
#ifdef ARENA_DEBUG
    if (!push_block(a, need))
        goto full;
#else
    if ((size_t)(a->end - a->at) < need && !push_block(a, need))
        goto full;
#endif
    void *p = a->at;
    a->at += need;
    a->used += need;
    return p;
full:
    a->overflow = true;
    return NULL;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p = arena_raw(a, n);
    if (p)
        memset(p, 0, n);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes)) {
        a->overflow = true;
        return NULL;
    }
    return arena_alloc(a, bytes);
}

char *arena_dup(struct arena *a, struct str s)
{
    char *p = s.n < SIZE_MAX ? arena_raw(a, s.n + 1) : NULL;
    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = 0;
    return p;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    char *p = n < 0 ? NULL : arena_raw(a, (size_t)n + 1);
    if (p)
        vsnprintf(p, (size_t)n + 1, fmt, ap);
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *p = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return p;
}

bool arena_on_reset(struct arena *a, void (*f)(void *), void *p)
{
    struct arena_hook *h = ARENA_NEW(a, struct arena_hook);
    if (!h)
        return false;
    h->f = f;
    h->p = p;
    h->next = a->hooks;
    a->hooks = h;
    return true;
}

struct arena_mark arena_mark(const struct arena *a)
{
    struct arena_mark m = { a->block, a->hooks, a->at, a->used };
    return m;
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    run_hooks(a, m.hooks);
    while (a->block != m.block && a->block && (m.block || a->block->next))
        pop_block(a);
#ifdef ARENA_DEBUG
    if (!m.block && a->block)
        pop_block(a);
    a->at = a->end = NULL;
#else
    a->at = m.block ? m.at : a->block ? a->block->data : NULL;
    a->end = a->block ? a->block->data + a->block->size : NULL;
#endif
    a->used = m.used;
    a->overflow = false;
}
