/* keys.h: signing keys in files: 64 hexadecimal digits and a line end. */
#ifndef TOOLS_MARKETINGCTL_KEYS_H
#define TOOLS_MARKETINGCTL_KEYS_H

#include "base/status.h"

MUSTCHECK struct status key_read(const char *path, struct arena *errors, unsigned char key[32]);

#endif
