#include "agents/record/scoring.h"

#include "agents/record/aside.h"
#include "base/ids.h"
#include "store/db.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define KEPT 16
#define KEYS_MAX 64
#define FILE_BUDGET (MODEL_FILE_MAX + 1024u * 1024)
#define KEYS_FILE_MAX (64u * 1024)
#define DIGEST_TEXT (2 * MODEL_DIGEST_BYTES + 1)
#define WORKSPACE_MAX 128 /* a longer name is not kept, only loaded again */

/* A model kept loaded. The workspace belongs to the key: a file is nobody else's business. */
struct kept {
    struct model *model; /* NULL: free */
    uint64_t used;       /* by the clock of uses */
    char digest[DIGEST_TEXT], workspace[WORKSPACE_MAX];
};

struct scoring {
    unsigned char keys[KEYS_MAX][MODEL_KEY_BYTES];
    struct model_trust trust;
    _Atomic size_t incoming; /* bytes of SCORING_ROOM that are taken */
    pthread_mutex_t lock;    /* over what follows */
    uint64_t uses;
    struct kept kept[KEPT];
};

/* ---- Trust ---- */

static struct status take_keys(struct scoring *s, const char *file, struct str text, struct arena *a)
{
    for (size_t line = 1; text.n; line++) {
        struct str key = str_trim(str_split(&text, '\n'));
        if (!key.n || key.p[0] == '#')
            continue;
        if (s->trust.n_keys == KEYS_MAX)
            return fail(a, REASON_FIELD_INVALID, "%s: more than %d keys", file, KEYS_MAX);
        if (!hex_bytes(key, s->keys[s->trust.n_keys], MODEL_KEY_BYTES))
            return fail(a, REASON_FIELD_INVALID, "%s:%zu: not a public key (64 hexadecimal digits)", file,
                        line);
        s->trust.n_keys++;
    }
    return ok();
}

static void close_file(FILE **f)
{
    if (*f)
        fclose(*f);
}

static struct status read_keys(struct scoring *s, const char *file, struct arena *a)
{
    CLEANUP(close_file) FILE *f = fopen(file, "re");
    char *text = arena_raw(a, KEYS_FILE_MAX + 1);
    if (!text)
        return fail_memory();
    size_t n = f ? fread(text, 1, KEYS_FILE_MAX + 1, f) : 0;
    if (!f || ferror(f))
        return fail(a, REASON_FIELD_INVALID, "model keys: %s: %s", file, strerror(errno));
    if (n > KEYS_FILE_MAX)
        return fail(a, REASON_FIELD_INVALID, "model keys: %s holds more than %u bytes", file, KEYS_FILE_MAX);
    return take_keys(s, file, str_make(text, n), a);
}

static void close_scoring(void *s)
{
    scoring_close(s);
}

struct status model_trust_open(struct app *app, const char *keys_file, bool accept_unsigned, struct arena *a)
{
    struct scoring *s = ARENA_NEW(a, struct scoring);
    if (!s)
        return fail_memory();
    pthread_mutex_init(&s->lock, NULL);
    s->trust.keys = (const unsigned char(*)[MODEL_KEY_BYTES])s->keys;
    s->trust.accept_unsigned = accept_unsigned;
    if (keys_file[0])
        TRY(read_keys(s, keys_file, a));
    if (!arena_on_reset(a, close_scoring, s))
        return fail_memory();
    app->scoring = s;
    return ok();
}

void scoring_close(struct scoring *s)
{
    for (size_t i = 0; s && i < KEPT; i++) {
        model_unref(s->kept[i].model);
        s->kept[i].model = NULL;
    }
}

const struct model_trust *scoring_trust(const struct scoring *s)
{
    return &s->trust;
}

bool scoring_room_take(struct scoring *s, size_t bytes)
{
    if (atomic_fetch_add(&s->incoming, bytes) + bytes <= SCORING_ROOM)
        return true;
    scoring_room_give(s, bytes);
    return false;
}

void scoring_room_give(struct scoring *s, size_t bytes)
{
    atomic_fetch_sub(&s->incoming, bytes);
}

/* ---- Models kept loaded ---- */

static struct kept *find(struct scoring *s, const char *workspace, const char *digest)
{
    for (size_t i = 0; i < KEPT; i++)
        if (s->kept[i].model && strcmp(s->kept[i].digest, digest) == 0 &&
            strcmp(s->kept[i].workspace, workspace) == 0)
            return &s->kept[i];
    return NULL;
}

/* A reference for the caller, or NULL. */
static struct model *take(struct scoring *s, const char *workspace, const char *digest)
{
    pthread_mutex_lock(&s->lock);
    struct kept *k = find(s, workspace, digest);
    struct model *m = k ? model_ref(k->model) : NULL;
    if (k)
        k->used = ++s->uses;
    pthread_mutex_unlock(&s->lock);
    return m;
}

/* Keeps a model in place of the one longest unused. Two threads may have loaded the same file: the first
 * one's stays. */
static void keep(struct scoring *s, const char *workspace, const char *digest, struct model *m)
{
    size_t n_workspace = strlen(workspace) + 1, n_digest = strlen(digest) + 1;
    if (n_workspace > WORKSPACE_MAX || n_digest > DIGEST_TEXT)
        return;
    pthread_mutex_lock(&s->lock);
    struct model *dropped = NULL;
    if (!find(s, workspace, digest)) {
        struct kept *k = &s->kept[0];
        for (size_t i = 1; i < KEPT; i++)
            if (s->kept[i].used < k->used)
                k = &s->kept[i];
        dropped = k->model;
        k->model = model_ref(m);
        k->used = ++s->uses;
        memcpy(k->digest, digest, n_digest);
        memcpy(k->workspace, workspace, n_workspace);
    }
    pthread_mutex_unlock(&s->lock);
    model_unref(dropped);
}

static void let_go(void *m)
{
    model_unref(m);
}

static struct status hold(struct ctx *c, struct model *m, struct model **ret)
{
    if (!arena_on_reset(c->arena, let_go, m)) {
        model_unref(m);
        return fail_memory();
    }
    *ret = m;
    return ok();
}

static const struct stmt sql[] = {
    { "model_file_get", "tt", "b", "SELECT bytes FROM model_file WHERE workspace = $1 AND digest = $2", NULL,
      NULL },
};

const struct stmt_table scoring_statements = { sql, COUNT(sql) };

static struct status load_file(struct ctx *c, const char *digest, struct model **ret)
{
    struct rows rows;
    TRY(DB_QUERY(c, &sql[0], &rows, v_text(c->workspace), v_text(digest)));
    if (rows.n == 0)
        return fail(c->arena, REASON_MODEL_NOT_FOUND, "the model file %.64s is not stored", digest);
    return model_load(row_at(&rows, 0)[0].s, &c->app->scoring->trust, c->arena, ret);
}

static struct status load(struct ctx *c, const char *digest, struct model **ret)
{
    struct aside own;
    aside_begin(&own, c, FILE_BUDGET);
    return aside_end(&own, c, load_file(&own.ctx, digest, ret));
}

struct status scoring_model(struct ctx *c, const char *digest, struct model **ret)
{
    struct scoring *s = c->app->scoring;
    struct model *m = take(s, c->workspace, digest);
    if (!m) {
        TRY(load(c, digest, &m));
        keep(s, c->workspace, digest, m);
    }
    return hold(c, m, ret);
}
