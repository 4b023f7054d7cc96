#include "tools/marketingctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct status failed(struct arena *errors, const char *verb, const char *path)
{
    return fail(errors, errno == ENOENT ? REASON_SUBJECT_NOT_FOUND : REASON_INTERNAL, "cannot %s %s: %s",
                verb, path, strerror(errno));
}

static void close_file(FILE **f)
{
    if (*f && *f != stdin)
        fclose(*f);
}

struct status file_stream(const char *path, struct arena *errors, struct status (*feed)(void *, struct str),
                          void *arg)
{
    CLEANUP(close_file) FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    static char block[256 * 1024];
    size_t n;
    if (!f)
        return failed(errors, "open", path);
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        TRY(feed(arg, str_make(block, n)));
    return ferror(f) ? failed(errors, "read", path) : ok();
}

static struct status append(void *arg, struct str bytes)
{
    struct buf *b = arg;
    buf_put(b, bytes.p, bytes.n);
    return b->overflow ? fail(NULL, REASON_REQUEST_TOO_LARGE, "the file is too large") : ok();
}

struct status file_slurp(const char *path, size_t max, struct arena *errors, struct buf *b)
{
    buf_init(b, max);
    return file_stream(path, errors, append, b);
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes = str_make(bytes.p + n, bytes.n - (size_t)n);
    }
    return true;
}

struct status file_store(const char *path, struct str bytes, unsigned mode, struct arena *errors)
{
    const char *beside = arena_printf(errors, "%s.tmp%d", path, (int)getpid());
    int fd = beside ? open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode) : -1;
    if (fd < 0)
        return failed(errors, "create", path);
    bool written = write_all(fd, bytes) && fsync(fd) == 0;
    bool closed = close(fd) == 0;
    if (written && closed && rename(beside, path) == 0)
        return ok();
    struct status s = failed(errors, "write", path);
    unlink(beside);
    return s;
}
