/* `backup create` and `backup restore`: copies of an SQLite database (docs/backup.md). */
#include "store/backup.h"
#include "base/clock.h"
#include "tools/marketingctl/command.h"

#include <stdio.h>

#define MEMORY (1024 * 1024)

static void print(const char *what, const char *where, const struct backup *b)
{
    char time[CLOCK_TEXT] = "";
    if (b->events)
        clock_format(b->time_us, time);
    printf("%s: %s, %lld bytes, schema %lld, events up to %lld%s%s\n", what, where, (long long)b->bytes,
           (long long)b->schema, (long long)b->events, *time ? " of " : "", time);
}

int backup_create_command(const struct arguments *a)
{
    const char *url = option(a, "database", ""), *out = option(a, "out", "");
    struct arena memory;
    struct backup b;
    arena_init(&memory, MEMORY);
    struct status s = backup_create(url, out, &memory, &b);
    int rc = is_ok(s) ? 0 : report(out, s);
    if (rc == 0)
        print("saved", out, &b);
    arena_done(&memory);
    return rc;
}

int backup_restore_command(const struct arguments *a)
{
    const char *file = option(a, "file", ""), *url = option(a, "database", "");
    struct arena memory;
    struct backup b;
    arena_init(&memory, MEMORY);
    struct status s = backup_restore(file, url, option(a, "suppressions-of", NULL), &memory, &b);
    int rc = is_ok(s) ? 0 : report(file, s);
    if (rc == 0)
        print("restored", url, &b);
    if (rc == 0 && b.erased)
        printf("%lld erasures came after this copy: the people are in it again, erase them again\n",
               (long long)b.erased);
    arena_done(&memory);
    return rc;
}
