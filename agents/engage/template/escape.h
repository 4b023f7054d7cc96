/* escape.h: values made harmless for the place where they stand. No I/O.
 *
 * The escapes of HTML and URLs are those of Go's html/template, byte for byte (tests/e2e/template_test.go
 * compares them); which of them a place needs is found by markup.h. */
#ifndef AGENTS_ENGAGE_TEMPLATE_ESCAPE_H
#define AGENTS_ENGAGE_TEMPLATE_ESCAPE_H

#include "base/buf.h"

C_BEGIN

enum escape {
    ESCAPE_NONE, /* plain text: as it is */
    ESCAPE_LINE, /* one line: each run of control characters and line separators becomes a space */
    ESCAPE_HTML, /* text, and quoted attributes */
    ESCAPE_URL,  /* a whole URL in a quoted attribute: ESCAPE_BLOCKED_URL unless it is absolute with one of
                    https, http and mailto */
    ESCAPE_URL_REST,  /* after the start of a URL: keeps what has a meaning in URLs */
    ESCAPE_URL_QUERY, /* after a ? or #: keeps letters, digits and - . _ ~ only */
    ESCAPES
};

/* What stands in place of a URL that is none, or of a scheme that could do something. */
#define ESCAPE_BLOCKED_URL "about:invalid#blocked"

/* The value must be UTF-8. */
void escape_put(struct buf *out, enum escape how, struct str value);

/* The bytes before the first that ESCAPE_LINE would change. */
size_t escape_line_length(struct str s);

/* The schemes of ESCAPE_URL: true where s starts with one of them. */
bool escape_url_allowed(struct str s);

C_END
#endif
