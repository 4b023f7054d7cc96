/* json.h: looking values up in JSON text, without making a tree of it. For documents that this system wrote
 * itself or that were checked elsewhere: what is passed over is only scanned for where it ends. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/base.h"

C_BEGIN

/* The text of the value at a path of member names and array positions joined by dots,
 * "conformal.0.coverage0". Names with dots or escapes cannot be reached. False where there is none, or the
 * text ends or breaks before it. */
bool json_find(struct str json, const char *path, struct str *ret);
/* The same for a number. */
bool json_number(struct str json, const char *path, double *ret);

C_END
#endif
