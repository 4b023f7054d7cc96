/* files.h: whole files in and out. */
#ifndef TOOLS_MARKETINGCTL_FILES_H
#define TOOLS_MARKETINGCTL_FILES_H

#include "base/buf.h"
#include "base/status.h"

/* Reads all of a file of at most max bytes into b (initialised here). */
MUSTCHECK struct status file_slurp(const char *path, size_t max, struct arena *errors, struct buf *b);
/* Feeds a file, or standard input for "-", in blocks; stops at the first failure of `feed`. */
MUSTCHECK struct status file_stream(const char *path, struct arena *errors,
                                    struct status (*feed)(void *, struct str), void *arg);
/* Writes beside the target and renames, so that the target is never half a file. mode as for chmod. */
MUSTCHECK struct status file_store(const char *path, struct str bytes, unsigned mode, struct arena *errors);

#endif
