/* mime_part.h: mails as parts within parts (RFC 2045, 2046, 5322), read as strictly as their makers allow. No
 * I/O. Texts point into the mail, or into the arena; a function whose memory is out says so by the arena's
 * overflow.
 */
#ifndef AGENTS_ENGAGE_FEEDBACK_MIME_PART_H
#define AGENTS_ENGAGE_FEEDBACK_MIME_PART_H

#include "base/arena.h"
#include "base/base.h"

C_BEGIN

#define MIME_HEAD_MAX (64u * 1024) /* fields beyond are not seen */

/* A mail, or a part of one. */
struct mime_part {
    struct str head, body;
};
struct mime_part mime_split(struct str raw);

/* The first field of this name, unfolded; "" where there is none. */
struct str mime_field(struct arena *a, struct str head, const char *name);

/* What a part is: in lower case, without parameters; the two parameters that matter here, as they stand. */
struct mime_type {
    struct str type;     /* "multipart/report"; "text/plain" where nothing is said */
    struct str boundary; /* "" where there is none */
};
struct mime_type mime_type(struct arena *a, struct str head);

/* The parts of a multipart body, one after the other. What stands before the first and behind the last is
 * none. */
struct mime_parts {
    struct str rest, boundary;
    bool more;
};
struct mime_parts mime_parts(struct str body, struct str boundary);
bool mime_next(struct mime_parts *all, struct mime_part *ret);

/* A part's body without its transfer encoding: base64, quoted-printable, or none. */
struct str mime_decoded(struct arena *a, const struct mime_part *part);

C_END
#endif
