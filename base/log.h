/* log.h: one logfmt line (key=value) a call or job, to stderr. For edges only: library code returns a status
 * instead.
 *
 *     struct log_line l;
 *     log_begin(&l, LEVEL_WARN, "call");
 *     log_text(&l, "method", c->method);
 *     log_int(&l, "ms", ms);
 *     log_end(&l);
 *
 * Values are ids and numbers, never payloads. Any thread. No lock is held across a write: lines go into a
 * buffer that a thread of its own writes out within some 20 ms, warnings at once; where stderr blocks for
 * long, lines are dropped and counted, callers never wait. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

C_BEGIN

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

#define LOG_LINE 1024

struct log_line {
    size_t n; /* 0: below the level, the calls that follow do nothing */
    bool urgent, cut;
    char text[LOG_LINE];
};

/* Lines under `min` are left out. Until log_start (and after log_stop) lines are written by the thread that
 * makes them. */
void log_level_set(enum log_level min);
void log_start(int fd);
void log_stop(void); /* writes what is buffered */
/* Lines dropped since start. */
uint64_t log_dropped(void);

/* Starts "time=... level=... event=<event>". */
void log_begin(struct log_line *l, enum log_level level, const char *event);
/* Quoted where it needs to be; control characters and bytes that are not UTF-8 are escaped. NULL is "". */
void log_text(struct log_line *l, const char *key, const char *value);
void log_str(struct log_line *l, const char *key, struct str value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_end(struct log_line *l);

C_END
#endif
