/* subject_key.h: the key of a person. What the house keeps about one for good (agents/record/decisions.h)
 * lies under it, and an erasure destroys the key: what was sealed stays where it is and can never be read
 * again.
 *
 * A key belongs to a lead: it is made with the lead and stored in its row, so it costs no row and no read of
 * its own. When the lead ends it moves to lead_ended (lead_end.c), where an erasure finds it by the person.
 * It does not depend on SECRET_KEY: the lead lies beside it in plain. */
#ifndef AGENTS_RECORD_SUBJECT_KEY_H
#define AGENTS_RECORD_SUBJECT_KEY_H

#include "base/ctx.h"

C_BEGIN

#define SUBJECT_KEY_NAME 8                        /* random bytes by which a key is known */
#define SUBJECT_KEY_BYTES (SUBJECT_KEY_NAME + 32) /* its name and itself */

/* A new one, in the arena. */
MUSTCHECK struct status subject_key_make(struct ctx *c, struct str *ret);

/* Seals the text for the use `what` (base/seal.h); what comes of it begins with the key's name. */
MUSTCHECK struct status subject_seal(struct ctx *c, struct str key, const char *what, struct str plain,
                                     struct str *ret);
/* Opens it. p is NULL where the key is gone: an empty one is given, or another person's. Fails: INTERNAL
 * where it was altered. */
MUSTCHECK struct status subject_open(struct ctx *c, struct str key, const char *what, struct str sealed,
                                     struct str *ret);

C_END
#endif
