/* Compiled templates kept in memory. A version never changes, so what is kept is never stale; that it was not
 * deleted is asked of the store each time. */
#include "agents/engage/template/stored.h"
#include "agents/engage/template/templates.h"
#include "agents/engage/template/templates_sql.h"
#include "agents/record/aside.h"

#include <pthread.h>

#define KEPT 256                              /* over all workspaces */
#define KEPT_BYTES ((size_t)64 * 1024 * 1024) /* of all together */
#define KEY_MAX 192                           /* what has a longer key is not kept, only compiled again */
#define STORED_BUDGET (8u * 1024 * 1024)      /* for one as it is stored */

struct kept {
    struct form *form; /* NULL: free */
    uint64_t used;     /* by the clock of uses */
    int64_t version;
    char key[KEY_MAX]; /* workspace, newline, id: neither has one */
};

struct forms {
    pthread_mutex_t lock; /* over what follows */
    uint64_t uses;
    size_t bytes;
    struct kept kept[KEPT];
};

struct status forms_open(struct arena *a, struct forms **ret)
{
    struct forms *f = ARENA_NEW(a, struct forms);
    if (!f)
        return fail_memory();
    pthread_mutex_init(&f->lock, NULL);
    *ret = f;
    return ok();
}

void forms_close(struct forms *f)
{
    for (size_t i = 0; f && i < KEPT; i++)
        form_unref(f->kept[i].form);
    if (f)
        pthread_mutex_destroy(&f->lock);
}

/* ---- The table; the lock is held ---- */

static struct kept *find(struct forms *f, const char *key, int64_t version)
{
    for (size_t i = 0; i < KEPT; i++) {
        struct kept *k = &f->kept[i];
        if (k->form && k->version == version && strcmp(k->key, key) == 0)
            return k;
    }
    return NULL;
}

static void drop(struct forms *f, struct kept *k)
{
    if (k->form)
        f->bytes -= form_bytes(k->form);
    form_unref(k->form);
    memset(k, 0, sizeof *k);
}

/* Makes room: those longest unused go. Returns a free place. */
static struct kept *make_room(struct forms *f, size_t bytes)
{
    for (;;) {
        struct kept *oldest = &f->kept[0], *unused = NULL;
        for (size_t i = 0; i < KEPT; i++) {
            struct kept *k = &f->kept[i];
            if (!k->form)
                unused = k;
            else if (!oldest->form || k->used < oldest->used)
                oldest = k;
        }
        if (unused && (f->bytes + bytes <= KEPT_BYTES || !oldest->form))
            return unused;
        drop(f, oldest);
    }
}

/* ---- Keeping ---- */

/* A reference for the caller, or NULL. */
static struct form *take(struct forms *f, const char *key, int64_t version)
{
    pthread_mutex_lock(&f->lock);
    struct kept *k = find(f, key, version);
    struct form *form = k ? form_ref(k->form) : NULL;
    if (k)
        k->used = ++f->uses;
    pthread_mutex_unlock(&f->lock);
    return form;
}

/* Two threads may have compiled the same version: the first one's stays. */
static void keep(struct forms *f, const char *key, int64_t version, struct form *form)
{
    size_t n = strlen(key) + 1;
    if (n > KEY_MAX)
        return;
    pthread_mutex_lock(&f->lock);
    if (!find(f, key, version)) {
        struct kept *k = make_room(f, form_bytes(form));
        k->form = form_ref(form);
        k->version = version;
        k->used = ++f->uses;
        memcpy(k->key, key, n);
        f->bytes += form_bytes(form);
    }
    pthread_mutex_unlock(&f->lock);
}

/* ---- Loading ---- */

static struct status compile(struct ctx *c, const char *id, int64_t version, struct form **ret)
{
    Template *t;
    TRY(template_stored(c, id, version, &t));
    struct status s = form_compile(c->arena, t, "template", ret);
    if (s.code == CODE_INVALID_ARGUMENT) /* nothing that a request could mend */
        return fail(c->arena, REASON_INTERNAL, "%s version %lld does not compile: %s", t->name,
                    (long long)version, s.message);
    return s;
}

static struct status load(struct ctx *c, const char *id, int64_t version, struct form **ret)
{
    struct aside own;
    aside_begin(&own, c, STORED_BUDGET);
    return aside_end(&own, c, compile(&own.ctx, id, version, ret));
}

static void let_go(void *f)
{
    form_unref(f);
}

struct status form_hold(struct ctx *c, struct form *f, const struct form **ret)
{
    if (!arena_on_reset(c->arena, let_go, f)) {
        form_unref(f);
        return fail_memory();
    }
    *ret = f;
    return ok();
}

static struct status check_there(struct ctx *c, const char *id, int64_t version)
{
    struct rows rows;
    TRY(DB_QUERY(c, &template_sql[TEMPLATE_STATE], &rows, v_text(c->workspace), v_text(id), v_int(version)));
    return rows.n ? ok()
                  : fail(c->arena, REASON_TEMPLATE_NOT_FOUND, TEMPLATES "%s has no version %lld", id,
                         (long long)version);
}

struct status form_get(struct ctx *c, const char *id, int64_t version, const struct form **ret)
{
    const char *key = arena_printf(c->arena, "%s\n%s", c->workspace, id);
    if (!key)
        return fail_memory();
    TRY(check_there(c, id, version));
    struct form *f = take(c->app->forms, key, version);
    if (!f) {
        TRY(load(c, id, version, &f));
        keep(c->app->forms, key, version, f);
    }
    return form_hold(c, f, ret);
}
