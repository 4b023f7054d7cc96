#include "store/migrate.h"

#include "base/buf.h"
#include "base/clock.h"

#include <ctype.h>
#include <inttypes.h>

#define MIGRATION_LIMIT (1024 * 1024)

/* Longest first: a row is taken where its text stands as whole words. */
static const struct mapping {
    const char *from, *to;
} mappings[] = {
    { "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY" },
    { "DOUBLE PRECISION", "REAL" },
    { "BIGINT", "INTEGER" },
    { "BYTEA", "BLOB" },
};

static bool word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static const struct mapping *mapping_at(struct str line, size_t at)
{
    if (at && word_char(line.p[at - 1]))
        return NULL;
    struct str rest = str_make(line.p + at, line.n - at);
    for (size_t i = 0; i < COUNT(mappings); i++) {
        struct str from = str_of(mappings[i].from);
        if (str_starts(rest, from) && (rest.n == from.n || !word_char(rest.p[from.n])))
            return &mappings[i];
    }
    return NULL;
}

static void put_mapped(struct buf *out, struct str line)
{
    for (size_t i = 0; i < line.n;) {
        const struct mapping *m = mapping_at(line, i);
        if (m)
            buf_puts(out, m->to);
        else
            buf_putc(out, line.p[i]);
        i += m ? strlen(m->from) : 1;
    }
}

/* `) --sqlite: WITHOUT ROWID` becomes `) STRICT, WITHOUT ROWID`; `);` becomes `) STRICT;`. */
static void put_table_end(struct buf *out, struct str line)
{
    struct str mark = STR("--sqlite:");
    const char *at = memmem(line.p, line.n, mark.p, mark.n);
    buf_puts(out, ") STRICT");
    if (at) {
        struct str extra = str_trim(str_make(at + mark.n, (size_t)(line.p + line.n - at) - mark.n));
        buf_puts(out, ", ");
        buf_put(out, extra.p, extra.n);
    } else {
        buf_put(out, line.p + 1, line.n - 1);
    }
}

const char *migrate_to_sqlite(const char *sql, struct arena *a)
{
    struct str rest = str_of(sql);
    struct buf out;
    buf_init(&out, MIGRATION_LIMIT);
    while (rest.n) {
        struct str line = str_split(&rest, '\n');
        if (str_starts(line, STR(")")))
            put_table_end(&out, line);
        else
            put_mapped(&out, line);
        buf_putc(&out, '\n');
    }
    return buf_keep(&out, a).p;
}

static struct status apply(const struct migrator *m, const struct migration *step, struct arena *a)
{
    const char *sql = m->to_sqlite ? migrate_to_sqlite(step->sql, a) : step->sql;
    if (!sql)
        return fail_memory();
    char *text = arena_printf(a,
                              "BEGIN;\n%s;\n"
                              "INSERT INTO schema_migration (number, name, apply_time) VALUES (%" PRId64
                              ", '%s', %" PRId64 ");\n"
                              "COMMIT;",
                              sql, step->number, step->name, clock_wall_us());
    if (!text)
        return fail_memory();
    struct status s = m->exec(m->self, text);
    if (is_ok(s))
        return s;
    struct status undone = m->exec(m->self, "ROLLBACK;"); /* fails where the database has done it already */
    (void)undone;
    return fail(a, (enum reason)s.reason, "migration %s: %s", step->name, s.message);
}

static const char create_log[] = "CREATE TABLE IF NOT EXISTS schema_migration ("
                                 "number BIGINT PRIMARY KEY, name TEXT NOT NULL, apply_time BIGINT NOT NULL)";

struct status migrate_run(const struct migrator *m, const struct migration *list, bool read_only,
                          struct arena *a)
{
    int64_t newest = 0, have = 0;
    for (const struct migration *step = list; step->number; step++) {
        ASSERT(step->number == newest + 1);
        newest = step->number;
    }
    if (!read_only)
        TRY(m->exec(m->self, create_log));
    TRY(m->number(m->self, "SELECT COALESCE(MAX(number), 0) FROM schema_migration", &have));
    if (have > newest)
        return fail(a, REASON_STORE_UNAVAILABLE,
                    "the database has schema %" PRId64 ", this program knows up to %" PRId64
                    ": run a newer program",
                    have, newest);
    if (read_only && have < newest)
        return fail(a, REASON_STORE_UNAVAILABLE,
                    "the database has schema %" PRId64 ", this program needs %" PRId64
                    ": start the server once to migrate it",
                    have, newest);
    for (int64_t i = have; i < newest; i++)
        TRY(apply(m, &list[i], a));
    return ok();
}
