/* base.h: what every room leans on: attributes, slices, checked sizes. No I/O. */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
#define C_BEGIN extern "C" {
#define C_END }
#else
#define C_BEGIN
#define C_END
#endif

#define MUSTCHECK __attribute__((warn_unused_result))
#define PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
#define NORETURN __attribute__((noreturn))
#define CLEANUP(f) __attribute__((cleanup(f)))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

C_BEGIN

/* A read-only slice of bytes. Not NUL-ended unless whoever made it says so. */
struct str {
    const char *p;
    size_t n;
};

static inline struct str str_make(const char *p, size_t n)
{
    struct str s;
    s.p = p;
    s.n = n;
    return s;
}

/* The slice of a NUL-ended string; NULL gives the empty slice. */
static inline struct str str_of(const char *p)
{
    return str_make(p ? p : "", p ? strlen(p) : 0);
}

#define STR(literal) str_make("" literal, sizeof(literal) - 1)

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Byte order, shorter first where one is the other's prefix. */
int str_cmp(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
/* The same whatever the case of ASCII letters. */
bool str_starts_nocase(struct str s, struct str prefix);
static inline bool str_eq_nocase(struct str a, struct str b)
{
    return a.n == b.n && str_starts_nocase(a, b);
}
/* Without leading and trailing ASCII white space. */
struct str str_trim(struct str s);
/* Cuts s at the first `sep`: the part before is returned, *s becomes the part after (empty at the end). */
struct str str_split(struct str *s, char sep);
/* Whole-slice numbers: false (and *ret untouched) on anything else, overflow and non-finite values included.
 */
bool str_to_i64(struct str s, int64_t *ret);
bool str_to_f64(struct str s, double *ret);
/* True where every byte belongs to well-formed UTF-8 (no surrogates, no overlong forms, at most U+10FFFF). */
bool str_is_utf8(struct str s);

/* Our own mistake: prints where and aborts. Never for input, I/O or memory. */
NORETURN void bug(const char *file, int line, const char *what);
#define BUG(what) bug(__FILE__, __LINE__, what)
#define ASSERT(cond)                                                                                         \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            BUG(#cond);                                                                                      \
    } while (0)

C_END
#endif
