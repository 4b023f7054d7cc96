#include "store/backup.h"
#include "store/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define BUSY_WAIT_MS 30000

/* ---- Statements of a connection of our own ---- */

struct work {
    sqlite3 *h;
    struct arena *a;
};

static struct status work_open(struct work *w, const char *path, int flags, struct arena *a)
{
    memset(w, 0, sizeof *w);
    w->a = a;
    int rc = sqlite3_open_v2(path, &w->h, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return lite_error(w->h, rc, path, a);
    sqlite3_extended_result_codes(w->h, 1);
    sqlite3_busy_timeout(w->h, BUSY_WAIT_MS);
    return ok();
}

static struct status work_end(struct work *w, struct status s)
{
    sqlite3_close(w->h);
    return s;
}

/* Runs one statement; `name` is its first parameter where it has one. *ret_number, unless NULL, is its first
 * column, *ret_text the same as text. */
static struct status work_run(struct work *w, const char *text, const char *name, int64_t *ret_number,
                              const char **ret_text)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(w->h, text, -1, &stmt, NULL);
    if (rc == SQLITE_OK && name)
        rc = sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && ret_number)
        *ret_number = sqlite3_column_int64(stmt, 0);
    if (rc == SQLITE_ROW && ret_text)
        *ret_text = arena_dup(w->a, str_of((const char *)sqlite3_column_text(stmt, 0)));
    struct status s = rc == SQLITE_ROW || rc == SQLITE_DONE ? ok() : lite_error(w->h, rc, text, w->a);
    sqlite3_finalize(stmt);
    return s;
}

static struct status work_number(struct work *w, const char *text, int64_t *ret)
{
    return work_run(w, text, NULL, ret, NULL);
}

/* ---- What a copy holds ---- */

static struct status check(struct work *w)
{
    const char *verdict = NULL;
    TRY(work_run(w, "PRAGMA integrity_check(1)", NULL, NULL, &verdict));
    return verdict && strcmp(verdict, "ok") == 0
               ? ok()
               : fail(w->a, REASON_STORE_UNAVAILABLE, "the copy is damaged: %s", verdict ? verdict : "?");
}

static struct status describe(struct work *w, struct backup *ret)
{
    TRY(work_number(w, "SELECT MAX(number) FROM schema_migration", &ret->schema));
    TRY(work_number(w, "SELECT COALESCE(MAX(seq), 0) FROM event", &ret->events));
    TRY(work_number(w, "SELECT create_time FROM event ORDER BY seq DESC LIMIT 1", &ret->time_us));
    return work_number(w, "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
                       &ret->bytes);
}

/* ---- Files ---- */

static struct status file_error(struct arena *a, const char *path)
{
    return fail(a, errno == ENOSPC ? REASON_STORE_FULL : REASON_STORE_UNAVAILABLE, "%s: %s", path,
                strerror(errno));
}

static struct status must_be_new(struct arena *a, const char *path)
{
    if (access(path, F_OK) == 0)
        return fail(a, REASON_FIELD_INVALID, "%s is there already", path);
    return errno == ENOENT ? ok() : file_error(a, path);
}

static bool sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

/* Puts a finished file into its place: from here on it is there, whatever happens. */
static struct status publish(struct arena *a, const char *from, const char *to)
{
    const char *slash = strrchr(to, '/');
    const char *folder = slash ? arena_printf(a, "%.*s/", (int)(slash - to), to) : ".";
    if (!folder)
        return fail_memory();
    if (!sync_path(from, O_RDWR) || link(from, to) || unlink(from) || !sync_path(folder, O_RDONLY))
        return file_error(a, to);
    return ok();
}

/* ---- backup_create ---- */

/* Into a file that is its owner's alone from the first byte on. */
static struct status copy(const char *path, const char *to, struct arena *a)
{
    struct work w;
    int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || close(fd))
        return file_error(a, to);
    struct status s = work_open(&w, path, SQLITE_OPEN_READWRITE, a);
    if (is_ok(s))
        s = work_run(&w, "VACUUM INTO ?", to, NULL, NULL);
    return work_end(&w, s);
}

/* A server takes a database that lies nowhere for one that was moved (agents/record/moved.h). */
static struct status mark(struct work *w, struct backup *ret)
{
    TRY(check(w));
    TRY(work_run(w, "UPDATE installation SET place = 'a backup', version = version + 1", NULL, NULL, NULL));
    return describe(w, ret);
}

static struct status create(const char *path, const char *part, struct arena *a, struct backup *ret)
{
    struct work w;
    TRY(copy(path, part, a));
    struct status s = work_open(&w, part, SQLITE_OPEN_READWRITE, a);
    if (is_ok(s))
        s = mark(&w, ret);
    return work_end(&w, s);
}

struct status backup_create(const char *url, const char *file, struct arena *a, struct backup *ret)
{
    memset(ret, 0, sizeof *ret);
    struct lite_url from;
    const char *part = arena_printf(a, "%s.part", file);
    if (!part)
        return fail_memory();
    TRY(lite_url_parse(url, a, &from));
    TRY(must_be_new(a, file));
    unlink(part);
    struct status s = create(from.path, part, a, ret);
    if (is_ok(s))
        s = publish(a, part, file);
    if (!is_ok(s))
        unlink(part);
    return s;
}

/* ---- backup_restore ---- */

/* Hashes of two installations are made with two keys and say nothing of each other. */
static struct status must_be_kin(struct work *w)
{
    int64_t strangers, schemas;
    TRY(work_number(w,
                    "SELECT COUNT(*) FROM suppression_key k JOIN newer.suppression_key n ON k.key <> n.key",
                    &strangers));
    TRY(work_number(w,
                    "SELECT (SELECT MAX(number) FROM schema_migration) <>"
                    " (SELECT MAX(number) FROM newer.schema_migration)",
                    &schemas));
    if (strangers)
        return fail(w->a, REASON_FIELD_INVALID, "the two databases are of two installations");
    return schemas ? fail(w->a, REASON_FIELD_INVALID,
                          "the two databases have different schemas: start a server on each once")
                   : ok();
}

static struct status suppress(struct work *w, const char *newer, int64_t *ret_erased)
{
    static const char *const steps[] = {
        "INSERT INTO suppression_key SELECT * FROM newer.suppression_key WHERE true ON CONFLICT DO NOTHING",
        "INSERT INTO suppression SELECT * FROM newer.suppression WHERE true"
        " ON CONFLICT (workspace, kind, hash, cause, purpose, medium)"
        " DO UPDATE SET create_time = MAX(create_time, excluded.create_time)",
    };
    TRY(work_run(w, "ATTACH ? AS newer", newer, NULL, NULL));
    TRY(must_be_kin(w));
    for (size_t i = 0; i < COUNT(steps); i++)
        TRY(work_run(w, steps[i], NULL, NULL, NULL));
    TRY(work_number(w,
                    "SELECT COUNT(*) FROM newer.erasure n WHERE NOT EXISTS (SELECT 1 FROM erasure e"
                    " WHERE e.workspace = n.workspace AND e.id = n.id)",
                    ret_erased));
    return work_run(w, "DETACH newer", NULL, NULL, NULL);
}

static struct status restore(const char *file, const char *part, const char *newer, struct arena *a,
                             struct backup *ret)
{
    struct work w;
    TRY(copy(file, part, a));
    struct status s = work_open(&w, part, SQLITE_OPEN_READWRITE, a);
    if (is_ok(s))
        s = check(&w);
    if (is_ok(s) && newer)
        s = suppress(&w, newer, &ret->erased);
    if (is_ok(s))
        s = describe(&w, ret);
    return work_end(&w, s);
}

struct status backup_restore(const char *file, const char *url, const char *suppressions_of, struct arena *a,
                             struct backup *ret)
{
    struct lite_url to, newer = { NULL, 0 };
    memset(ret, 0, sizeof *ret);
    TRY(lite_url_parse(url, a, &to));
    if (suppressions_of)
        TRY(lite_url_parse(suppressions_of, a, &newer));
    const char *part = arena_printf(a, "%s.part", to.path);
    if (!part)
        return fail_memory();
    TRY(must_be_new(a, to.path));
    unlink(part);
    struct status s = restore(file, part, newer.path, a, ret);
    if (is_ok(s))
        s = publish(a, part, to.path);
    if (!is_ok(s))
        unlink(part);
    return s;
}
