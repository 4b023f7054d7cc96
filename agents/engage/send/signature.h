/* signature.h: how a body that is posted over HTTP is signed, ours and what is posted to us. No I/O. */
#ifndef AGENTS_ENGAGE_SEND_SIGNATURE_H
#define AGENTS_ENGAGE_SEND_SIGNATURE_H

#include "base/base.h"

C_BEGIN

#define SIGNATURE_HEADER "Marketing-Signature" /* t=<unix seconds>,v1=<hex> */
#define SIGNATURE_HEX 65

/* The HMAC-SHA256 of "<seconds>.<body>" under the secret, in hex. False where memory is out. */
bool signature_make(struct str secret, int64_t seconds, struct str body, char ret[SIGNATURE_HEX]) MUSTCHECK;

/* Whether the header's text signs this body now, give or take max_age seconds. */
bool signature_holds(struct str secret, const char *text, struct str body, int64_t now,
                     int64_t max_age) MUSTCHECK;

C_END
#endif
