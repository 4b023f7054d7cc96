/* decoded.h: messages that this system stored, read again. */
#ifndef AGENTS_RECORD_DECODED_H
#define AGENTS_RECORD_DECODED_H

#include "base/ctx.h"

C_BEGIN

/* The outcome of unpacking one into the ctx's arena. Fails where it came out as NULL: REQUEST_TOO_LARGE where
 * the arena is full, else INTERNAL, "WHAT cannot be decoded". */
MUSTCHECK struct status decoded(struct ctx *c, const void *message, const char *what, ...) PRINTF(3, 4);

C_END
#endif
