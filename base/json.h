/* json.h: looking values up in JSON text, without making a tree of it. For documents that this system wrote
 * itself or that were checked elsewhere: what is passed over is only scanned for where it ends. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"

C_BEGIN

/* The text of the value at a path of member names and array positions joined by dots,
 * "conformal.0.coverage0". Names with dots or escapes cannot be reached. False where there is none, or the
 * text ends or breaks before it. */
bool json_find(struct str json, const char *path, struct str *ret);
/* The same for a number. */
bool json_number(struct str json, const char *path, double *ret);

/* Appends the characters of the string at a path. False, with nothing appended, where there is no string, or
 * it holds an escape that is none, half of a surrogate pair, a NUL, or bytes that are not UTF-8; and where it
 * does not fit, which `to` says. */
bool json_text(struct str json, const char *path, struct buf *to);

C_END
#endif
