#include "agents/engage/delivery/marks.h"

#include "base/ids.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD "marks of claims, 1, of "
#define HEAD_BYTES 256
#define NAME_BYTES 64

struct slot {
    _Atomic uint32_t set;
    struct mark mark;
};

struct kept {
    char head[HEAD_BYTES]; /* the layout, and where the database lies; then NULs */
    struct slot slots[];
};

struct marks {
    char name[NAME_BYTES];
    int fd;
    size_t bytes;
    struct kept *kept;
};

/* ---- Opening ---- */

static bool is_ours(int fd)
{
    struct stat s;
    return fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && s.st_uid == geteuid() && !(s.st_mode & 077);
}

/* Takes the memory of this name for as long as the process lives, and the room for it: what is written later
 * must not find the machine's memory full. */
static bool take(struct marks *m)
{
    m->fd = shm_open(m->name, O_RDWR | O_CREAT, 0600);
    if (m->fd < 0)
        return false;
    if (is_ours(m->fd) && flock(m->fd, LOCK_EX | LOCK_NB) == 0 &&
        posix_fallocate(m->fd, 0, (off_t)m->bytes) == 0) {
        m->kept = mmap(NULL, m->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
        if (m->kept != MAP_FAILED)
            return true;
    }
    close(m->fd);
    return false;
}

static bool is_text(const char text[MARK_ID])
{
    return *text && memchr(text, 0, MARK_ID);
}

static size_t find(const struct kept *k, size_t n, struct mark *ret)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct slot *s = &k->slots[i];
        if (atomic_load(&s->set) == 1 && is_text(s->mark.workspace) && is_text(s->mark.id) &&
            s->mark.version > 0)
            ret[found++] = s->mark;
    }
    return found;
}

/* What another layout, another database or nobody left is not read. */
static size_t find_left(struct marks *m, const char *place, size_t n, struct mark *ret)
{
    char head[HEAD_BYTES] = { 0 };
    snprintf(head, sizeof head, HEAD "%zu, %s", n, place);
    if (memcmp(m->kept->head, head, sizeof head) == 0)
        return find(m->kept, n, ret);
    memset(m->kept, 0, m->bytes);
    memcpy(m->kept->head, head, sizeof head);
    return 0;
}

struct marks *marks_open(const char *place, size_t n, struct arena *a, struct mark *ret_left, size_t *ret_n)
{
    struct marks *m = ARENA_NEW(a, struct marks);
    *ret_n = 0;
    if (!m)
        return NULL;
    m->bytes = sizeof *m->kept + n * sizeof m->kept->slots[0];
    for (unsigned i = 0; i < MARKS_REPLICAS; i++) {
        snprintf(m->name, sizeof m->name, "/marketing-%016llx-%u",
                 (unsigned long long)hash64(str_of(place), 0), i);
        if (take(m)) {
            *ret_n = find_left(m, place, n, ret_left);
            return m;
        }
    }
    return NULL;
}

void marks_close(struct marks *m)
{
    if (!m)
        return;
    shm_unlink(m->name);
    munmap(m->kept, m->bytes);
    close(m->fd);
}

/* ---- Marks ---- */

/* A process that is killed has done what stands before; the exchanges keep the order that is written here. */
void marks_set(struct marks *m, size_t i, const char *workspace, const char *id, int64_t version)
{
    if (!m)
        return;
    struct slot *s = &m->kept->slots[i];
    (void)atomic_exchange(&s->set, 0);
    snprintf(s->mark.workspace, MARK_ID, "%s", workspace);
    snprintf(s->mark.id, MARK_ID, "%s", id);
    s->mark.version = version;
    (void)atomic_exchange(&s->set, 1);
}

void marks_take_away(struct marks *m, size_t i)
{
    if (m)
        (void)atomic_exchange(&m->kept->slots[i].set, 0);
}
