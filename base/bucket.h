/* bucket.h: the arithmetic of a token bucket. Not thread-safe: whoever has the bucket holds its lock. */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include "base/base.h"

C_BEGIN

struct bucket_limit {
    double rate;  /* tokens a second, above 0 */
    double burst; /* tokens that a full bucket holds, at least 1 */
};

struct bucket {
    double tokens; /* below 0: a debt */
    int64_t at_us; /* of what clock, the caller knows */
};

/* A full one. */
static inline struct bucket bucket_full(struct bucket_limit l, int64_t now_us)
{
    struct bucket b;
    b.tokens = l.burst;
    b.at_us = now_us;
    return b;
}

/* What came in since the last time. A clock that went back brings nothing. */
static inline void bucket_fill(struct bucket *b, struct bucket_limit l, int64_t now_us)
{
    double came = now_us > b->at_us ? (double)(now_us - b->at_us) * l.rate / 1e6 : 0;
    b->tokens = MIN(b->tokens + came, l.burst);
    b->at_us = now_us;
}

/* The time in which a rate brings the bucket to `tokens`. 0 where it holds them. */
static inline int64_t bucket_wait_us(const struct bucket *b, double rate, double tokens)
{
    return b->tokens >= tokens ? 0 : (int64_t)((tokens - b->tokens) / rate * 1e6) + 1;
}

C_END
#endif
