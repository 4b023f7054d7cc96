/* report.h: a failed status as one log line: the edges of the process log, libraries do not. */
#ifndef SERVER_REPORT_H
#define SERVER_REPORT_H

#include "base/log.h"
#include "base/status.h"

C_BEGIN

static inline void report(enum log_level level, const char *event, const char *what, struct status s)
{
    struct log_line l;
    log_begin(&l, level, event);
    log_text(&l, "what", what);
    log_text(&l, "code", code_name((enum code)s.code));
    log_text(&l, "reason", reason_name((enum reason)s.reason));
    log_text(&l, "msg", s.message);
    log_end(&l);
}

C_END
#endif
