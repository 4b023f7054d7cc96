#include "server/access.h"

#include "agents/record/task.h"
#include "base/clock.h"
#include "server/iam/iam.h"
#include "server/report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#define TRIES 5 /* other replicas may start at the same moment */
#define TASK_BYTES (1u << 20)
#define PASSWORD_FILE_BYTES 128

bool access_required(const struct house *h)
{
    return strcmp(h->options.auth, "required") == 0;
}

static struct status check_option(struct house *h)
{
    struct log_line l;
    if (access_required(h))
        return ok();
    if (strcmp(h->options.auth, "off"))
        return fail_field(&h->arena, REASON_FIELD_INVALID, "AUTH", "must be required or off");
    log_begin(&l, LEVEL_WARN, "open_to_all");
    log_text(&l, "msg", "AUTH=off: whoever reaches this port may do everything");
    log_end(&l);
    return ok();
}

/* ---- The first password ---- */

/* "" where there is no file yet. */
static struct status read_password(const char *path, struct arena *a, const char **ret)
{
    char text[PASSWORD_FILE_BYTES];
    *ret = "";
    FILE *f = *path ? fopen(path, "re") : NULL;
    if (!f)
        return !*path || errno == ENOENT
                   ? ok()
                   : fail_field(a, REASON_FIELD_INVALID, "ADMIN_PASSWORD_FILE", "cannot read %s", path);
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    *ret = arena_dup(a, str_trim(str_make(text, n)));
    return *ret ? ok() : fail_memory();
}

static struct status write_password(const char *path, const char *password, struct arena *a)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t n = strlen(password);
    bool good = fd >= 0 && write(fd, password, n) == (ssize_t)n && write(fd, "\n", 1) == 1 && fsync(fd) == 0;
    if (fd >= 0 && close(fd))
        good = false;
    return good ? ok() : fail_field(a, REASON_FIELD_INVALID, "ADMIN_PASSWORD_FILE", "cannot write %s", path);
}

/* The file is there before the account is: nobody is locked out by a full disk. */
static struct status first_start(struct ctx *c)
{
    struct house *h = house_of(c->app);
    const char *path = h->options.admin_password_file, *given;
    TRY(read_password(path, c->arena, &given));
    TRY(iam_first_start(c, given, &h->first_password));
    if (h->first_password && *path && !*given)
        TRY(write_password(path, h->first_password, c->arena));
    return ok();
}

static void tell_password(const struct house *h)
{
    struct log_line l;
    if (!h->first_password)
        return;
    log_begin(&l, LEVEL_INFO, "first_start");
    log_text(&l, "user", "users/admin");
    log_text(&l, "workspace", "workspaces/default");
    if (*h->options.admin_password_file)
        log_text(&l, "password_file", h->options.admin_password_file);
    else
        log_text(&l, "password", h->first_password);
    log_end(&l);
}

/* ---- Start ---- */

/* Again where another replica that starts was first. */
static struct status run_task(struct house *h, const char *name, struct arena *a,
                              struct status (*work)(struct ctx *c))
{
    struct status s = ok();
    for (int i = 0; i < TRIES; i++) {
        s = task_run(&h->app, name, a, work);
        if (s.reason != REASON_CONFLICT && s.reason != REASON_ACCOUNT_ALREADY_EXISTS)
            break;
    }
    return s;
}

static struct status start(struct house *h, struct arena *a)
{
    for (int i = 0; i < TRIES && !iam_ready(h->app.iam, clock_wall_us()); i++)
        TRY(run_task(h, "iam_refresh", a, iam_refresh));
    if (!access_required(h))
        return ok();
    TRY(run_task(h, "first_start", a, first_start));
    tell_password(h);
    return ok();
}

struct status access_open(struct house *h)
{
    struct arena a;
    TRY(check_option(h));
    TRY(iam_open(str_of(h->options.secret_key), &h->app.iam));
    arena_init(&a, TASK_BYTES);
    struct status s = start(h, &a);
    if (!is_ok(s))
        s.message = arena_dup(&h->arena, str_of(s.message));
    arena_done(&a);
    h->first_password = NULL;
    return s;
}
