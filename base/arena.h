/* arena.h: memory grouped by life span. One arena a request, reused; everything in it dies at the reset.
 *
 * An arena has a byte budget. An allocation over it returns NULL and leaves the sticky mark `overflow`, so
 * that a run of allocations is checked once (and a failed decode can be told apart from a malformed one).
 * Built with ARENA_DEBUG each allocation is its own malloc, so that sanitizers see every overrun and use
 * after reset. Not thread-safe: one thread at a time uses an arena. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/base.h"

#include <stdarg.h>

C_BEGIN

struct arena_block;
struct arena_hook;

struct arena {
    struct arena_block *block; /* newest first */
    struct arena_hook *hooks;  /* run at reset, newest first */
    char *at, *end;            /* free part of the newest block */
    size_t used, budget;
    bool overflow;
    struct arena_block *spare; /* kept for later */
    size_t kept, keep;         /* their bytes; at most so many */
};

struct arena_mark {
    struct arena_block *block;
    struct arena_hook *hooks;
    char *at;
    size_t used;
};

/* Holds at most `budget` bytes. Takes no memory until the first allocation. */
void arena_init(struct arena *a, size_t budget);
/* Frees everything. Copes with an arena never used; the arena may be initialised again. */
void arena_done(struct arena *a);
/* Runs the hooks and empties the arena, keeping one block for reuse. Clears `overflow`. */
void arena_reset(struct arena *a);

/* From now on resets keep up to so many bytes of blocks for what comes next, instead of one block: for an
 * arena that is filled again and again. Keeps less at once where it kept more. */
void arena_keep(struct arena *a, size_t bytes);

/* Zero-filled, 16-byte aligned. NULL (and overflow set) over the budget or when memory is out. */
void *arena_alloc(struct arena *a, size_t n) __attribute__((malloc));
/* The same without the zero fill, for bytes about to be overwritten. */
void *arena_raw(struct arena *a, size_t n) __attribute__((malloc));
/* n elements; NULL on overflow of n * size as well. */
void *arena_array(struct arena *a, size_t n, size_t size);
#define ARENA_NEW(a, type) ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, n, type) ((type *)arena_array((a), (n), sizeof(type)))

/* NUL-ended copies. NULL like arena_alloc. */
char *arena_dup(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap);

/* Calls f(p) at reset, done or rewind past this point: releases what a foreign library gave. False when out
 * of memory (then f was not registered and the caller still owns p). */
bool arena_on_reset(struct arena *a, void (*f)(void *), void *p) MUSTCHECK;

/* Everything allocated after the mark is freed by the rewind; earlier allocations stay. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

C_END
#endif
