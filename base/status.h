/* status.h: the one way to say that something failed.
 *
 * A status is small and passed by value. Its texts live in the arena it was made in, or are literals. It is
 * made by fail() and fail_field() only, so a code never disagrees with its reason. Boundaries translate
 * foreign errors once. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "base/arena.h"

C_BEGIN

/* The canonical gRPC codes. */
enum code {
    CODE_OK = 0,
    CODE_CANCELLED = 1,
    CODE_UNKNOWN = 2,
    CODE_INVALID_ARGUMENT = 3,
    CODE_DEADLINE_EXCEEDED = 4,
    CODE_NOT_FOUND = 5,
    CODE_ALREADY_EXISTS = 6,
    CODE_PERMISSION_DENIED = 7,
    CODE_RESOURCE_EXHAUSTED = 8,
    CODE_FAILED_PRECONDITION = 9,
    CODE_ABORTED = 10,
    CODE_OUT_OF_RANGE = 11,
    CODE_UNIMPLEMENTED = 12,
    CODE_INTERNAL = 13,
    CODE_UNAVAILABLE = 14,
    CODE_DATA_LOSS = 15,
    CODE_UNAUTHENTICATED = 16
};

enum reason {
    REASON_NONE = 0,
#define REASON(name, number, code, meaning) REASON_##name = number,
#include "base/reasons.def"
#undef REASON
    REASON_END
};

struct violation {
    const char *field; /* path in the request, e.g. "lead.email" or "rows[3].lead.phone"; of QUOTA_EXCEEDED:
                          whose limit it is, e.g. "users/ann" */
    const char *description;
    struct violation *next;
};

struct status {
    uint8_t code;            /* enum code */
    uint16_t reason;         /* enum reason; REASON_NONE where code is OK */
    uint32_t retry_after_ms; /* 0: no hint */
    const char *message;
    struct violation *violations; /* BadRequest field violations, or the QuotaFailure; may be NULL */
};

static inline struct status ok(void)
{
    struct status s;
    memset(&s, 0, sizeof s);
    return s;
}

static inline bool is_ok(struct status s)
{
    return s.code == CODE_OK;
}

/* Returns a failed status to the caller. */
#define TRY(expr)                                                                                            \
    do {                                                                                                     \
        struct status try_ = (expr);                                                                         \
        if (try_.code)                                                                                       \
            return try_;                                                                                     \
    } while (0)

/* The message is formatted into the arena (a literal stands in where that is full). a may be NULL: then the
 * format itself is the message. */
MUSTCHECK struct status fail(struct arena *a, enum reason r, const char *fmt, ...) PRINTF(3, 4);
/* The same with one field violation; the message becomes "field: text". */
MUSTCHECK struct status fail_field(struct arena *a, enum reason r, const char *field, const char *fmt, ...)
    PRINTF(4, 5);
/* An arena that ran over its budget: REQUEST_TOO_LARGE. */
MUSTCHECK struct status fail_memory(void);

const char *reason_name(enum reason r); /* "LEAD_NOT_FOUND"; "INTERNAL" for unknown numbers */
enum code reason_code(enum reason r);
const char *reason_meaning(enum reason r);
const char *code_name(enum code c); /* "NOT_FOUND" */

C_END
#endif
