/* The file beside the database, "...-lock": who writes to the database, and what that process wrote down to
 * be found again though the database itself be put back. Two fields of fixed width, so that each is written
 * in place. It is a file of its own, since closing any descriptor of the database file would drop SQLite's
 * locks on it. */
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELD 32 /* bytes of each: a number, blanks, a line feed */
enum { FIELD_OWNER, FIELD_NUMBER };

/* "" where the file ends before it. */
static void field_read(const struct lite_db *d, int field, char ret[FIELD])
{
    ssize_t n = pread(d->lock_fd, ret, FIELD - 1, field * FIELD);
    ret[n > 0 ? n : 0] = 0;
    ret[strcspn(ret, " \n")] = 0;
}

static bool field_write(const struct lite_db *d, int field, int64_t number)
{
    char text[FIELD + 1];
    snprintf(text, sizeof text, "%-31lld\n", (long long)number);
    return pwrite(d->lock_fd, text, FIELD, field * FIELD) == FIELD;
}

struct status lite_lock(struct lite_db *d, struct arena *a)
{
    char owner[FIELD];
    const char *name = arena_printf(a, "%s-lock", d->at.path);
    if (!name)
        return fail_memory();
    d->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->lock_fd < 0)
        return fail(a, REASON_STORE_UNAVAILABLE, "%s: %s", name, strerror(errno));
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB)) {
        field_read(d, FIELD_OWNER, owner);
        return fail(a, REASON_STORE_UNAVAILABLE,
                    "%s: process %s writes to this database; one process at a time may", d->at.path, owner);
    }
    return field_write(d, FIELD_OWNER, getpid())
               ? ok()
               : fail(a, REASON_STORE_UNAVAILABLE, "%s: %s", name, strerror(errno));
}

void lite_remember(struct db *db, int64_t number)
{
    (void)!field_write((struct lite_db *)db, FIELD_NUMBER, number); /* a full disk says so elsewhere */
}

int64_t lite_remembered(struct db *db)
{
    char text[FIELD];
    int64_t number;
    field_read((struct lite_db *)db, FIELD_NUMBER, text);
    return str_to_i64(str_of(text), &number) ? number : 0;
}

/* The file itself: a copy is another one, made at another time. */
struct status lite_place(struct db *db, struct arena *a, const char **ret)
{
    const struct lite_db *d = (struct lite_db *)db;
    struct statx x;
    if (statx(AT_FDCWD, d->at.path, 0, STATX_INO | STATX_BTIME, &x))
        return fail(a, REASON_STORE_UNAVAILABLE, "%s: %s", d->at.path, strerror(errno));
    bool dated = x.stx_mask & STATX_BTIME;
    *ret = arena_printf(a, "file %llu of %lld.%09u", (unsigned long long)x.stx_ino,
                        dated ? (long long)x.stx_btime.tv_sec : 0LL, dated ? x.stx_btime.tv_nsec : 0);
    return *ret ? ok() : fail_memory();
}
