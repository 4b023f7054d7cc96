#include "agents/engage/gate/zones.h"

#include "base/ids.h"

#include <pthread.h>
#include <stdio.h>

#define FILE_MAX (64 * 1024)
#define NAME_MAX_BYTES 64
#define MEMORY (16 << 20)
#define SLOTS 4096 /* a power of two, several times the number of zones there are */

struct entry {
    struct str name;
    const struct zone *zone;
};

struct zones {
    const char *folder;
    struct str table; /* zone.tab */
    pthread_mutex_t lock;
    struct arena arena; /* below: guarded by the lock */
    struct entry slots[SLOTS];
    size_t n;
    char bytes[FILE_MAX];
};

/* ---- Files ---- */

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

/* Into `bytes`; empty where there is none, or it is too long. */
static struct str read_file(const struct zones *z, struct str name, char *bytes)
{
    char path[512];
    int n = snprintf(path, sizeof path, "%s/%.*s", z->folder, (int)name.n, name.p);
    CLEANUP(close_file) FILE *f = n > 0 && (size_t)n < sizeof path ? fopen(path, "re") : NULL;
    size_t got = f ? fread(bytes, 1, FILE_MAX, f) : 0;
    return str_make(bytes, got < FILE_MAX ? got : 0);
}

/* Letters, digits, _ + - and / between them: no way out of the folder. */
static bool is_name(struct str s)
{
    bool after_slash = true;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], letter = c | 32;
        bool word = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || (c && strchr("_+-", c));
        if (!word && (c != '/' || after_slash))
            return false;
        after_slash = c == '/';
    }
    return s.n && s.n <= NAME_MAX_BYTES && !after_slash;
}

/* ---- The zones read so far ---- */

static struct entry *slot_of(struct zones *z, struct str name)
{
    size_t i = hash64(name, 0) & (SLOTS - 1);
    while (z->slots[i].zone && !str_eq(z->slots[i].name, name))
        i = (i + 1) & (SLOTS - 1);
    return &z->slots[i];
}

static const struct zone *load(struct zones *z, struct str name, struct entry *to)
{
    struct arena_mark mark = arena_mark(&z->arena);
    const char *kept = arena_dup(&z->arena, name);
    const struct zone *zone = zone_parse(&z->arena, read_file(z, name, z->bytes));
    if (!kept || !zone || z->n == SLOTS / 2) {
        arena_rewind(&z->arena, mark);
        return NULL;
    }
    to->name = str_make(kept, name.n);
    to->zone = zone;
    z->n++;
    return zone;
}

const struct zone *zones_find(struct zones *z, struct str name)
{
    if (str_eq(name, STR("UTC")))
        return zone_utc;
    if (!is_name(name))
        return NULL;
    pthread_mutex_lock(&z->lock);
    struct entry *e = slot_of(z, name);
    const struct zone *found = e->zone ? e->zone : load(z, name, e);
    pthread_mutex_unlock(&z->lock);
    return found;
}

/* ---- Countries ---- */

/* "AT<tab>+4813+01620<tab>Europe/Vienna<tab>comments" */
static void add_of_country(struct zones *z, struct str row, struct str country, struct zones_of_lead *ret)
{
    struct str code = str_split(&row, '\t');
    (void)str_split(&row, '\t');
    if (ret->n == ZONES_MAX || !str_eq(code, country))
        return;
    const struct zone *zone = zones_find(z, str_split(&row, '\t'));
    if (zone)
        ret->all[ret->n++] = zone;
}

void zones_of_lead(struct zones *z, const char *name, const char *country, const char *otherwise,
                   struct zones_of_lead *ret)
{
    ret->n = 1;
    ret->all[0] = zones_find(z, str_of(name));
    if (ret->all[0])
        return;
    ret->n = 0;
    for (struct str rest = z->table; *country && rest.n;)
        add_of_country(z, str_split(&rest, '\n'), str_of(country), ret);
    if (ret->n)
        return;
    const struct zone *zone = zones_find(z, str_of(otherwise));
    ret->all[ret->n++] = zone ? zone : zone_utc;
}

/* ---- Opening ---- */

struct status zones_open(const char *folder, struct arena *a, struct zones **ret)
{
    struct zones *z = ARENA_NEW(a, struct zones);
    if (!z)
        return fail_memory();
    z->folder = folder;
    struct str table = read_file(z, STR("zone.tab"), z->bytes);
    if (!table.n)
        return fail(a, REASON_INTERNAL, "%s has no zone.tab: install Debian's tzdata", folder);
    z->table = str_make(arena_dup(a, table), table.n);
    if (!z->table.p)
        return fail_memory();
    arena_init(&z->arena, MEMORY);
    pthread_mutex_init(&z->lock, NULL);
    *ret = z;
    return ok();
}

void zones_close(struct zones *z)
{
    if (!z)
        return;
    arena_done(&z->arena);
    pthread_mutex_destroy(&z->lock);
}
