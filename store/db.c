#include "base/ids.h"
#include "store/backend.h"
#include "store/memo.h"
#include "store/migrate.h"

static const struct backend {
    const char *scheme;
    struct status (*open)(const struct db_options *o, struct arena *a, struct db **ret);
} backends[] = {
    { "sqlite:", sqlite_open },
    { "postgresql:", pg_open },
    { "postgres:", pg_open },
};

struct status db_open(const struct db_options *o, struct arena *a, struct db **ret)
{
    struct db_options filled = *o;
    struct str url = str_of(o->url);
    if (!filled.migrations)
        filled.migrations = store_migrations;
    for (size_t i = 0; i < COUNT(backends); i++)
        if (str_starts(url, str_of(backends[i].scheme)))
            return backends[i].open(&filled, a, ret);
    /* The text is not repeated: it may hold a password. */
    return fail(NULL, REASON_FIELD_INVALID, "the database url must start with sqlite:// or postgresql://");
}

void db_close(struct db *db)
{
    if (db)
        db->ops->close(db);
}

static struct status ask(struct ctx *c, const struct stmt *s, const struct value *args, struct rows *ret)
{
    if (c->db->ops->reach)
        c->db->ops->reach(c->read, db_reach(c));
    return c->db->ops->query(c->read, s, args, c->arena, ret);
}

static struct status ask_expected(struct ctx *c)
{
    struct arena *a;
    struct question *const *all;
    size_t n = memo_expected(c->memo, &all, &a);
    return n ? c->db->ops->query_all(c->read, all, n, a) : ok();
}

static struct status ask_once(struct ctx *c, const struct stmt *s, const struct value *args, struct rows *ret)
{
    struct question *q = memo_at(c->memo, db_reach(c), s, args);
    if (q && !q->answered)
        TRY(ask_expected(c));
    if (q && q->answered)
        return rows_copy(c->arena, &q->rows, ret);
    TRY(ask(c, s, args, ret));
    if (q)
        memo_answer(c->memo, q, ret);
    return ok();
}

struct status db_query(struct ctx *c, const struct stmt *s, const struct value *args, struct rows *ret)
{
    ASSERT(c->db);
    if (!*db_reach(c))
        return fail(c->arena, REASON_INTERNAL, "%s is read in no workspace: db_reach_all is missing",
                    s->name);
    if (c->may_not_wait && !c->db->ops->reads_inline) {
        c->had_to_wait = true;
        return fail(NULL, REASON_STORE_UNAVAILABLE, "this thread may not wait for the database");
    }
    if (!c->read)
        TRY(c->db->ops->read_begin(c->db, c->deadline_us, &c->read));
    return c->memo ? ask_once(c, s, args, ret) : ask(c, s, args, ret);
}

void db_expect(struct ctx *c, const struct stmt *s, const struct value *args)
{
    if (db_expects(c))
        memo_expect(c->memo, db_reach(c), s, args);
}

void db_read_done(struct ctx *c)
{
    if (c->read)
        c->read->db->ops->read_end(c->read);
    c->read = NULL;
}

void db_read_renew(struct ctx *c)
{
    db_read_done(c);
    if (c->db->ops->renew)
        c->db->ops->renew(c->db);
}

size_t stmt_check_args(const struct stmt *s, const struct value *args)
{
    static const char letters[] = {
        [VALUE_INT] = 'i', [VALUE_REAL] = 'd', [VALUE_TEXT] = 't', [VALUE_BYTES] = 'b'
    };
    size_t n = 0;
    for (; s->params[n]; n++)
        if (args[n].type != VALUE_NULL && letters[args[n].type] != s->params[n])
            BUG(s->name);
    ASSERT(n <= STMT_MAX_PARAMS);
    return n;
}

#define UNIT_FIRST_WRITES 8

static bool unit_grow(struct unit *u)
{
    size_t cap = u->cap ? u->cap * 2 : UNIT_FIRST_WRITES;
    struct write *w = ARENA_ARRAY(u->arena, cap, struct write);
    if (!w)
        return false;
    if (u->n)
        memcpy(w, u->writes, u->n * sizeof *w);
    u->writes = w;
    u->cap = cap;
    return true;
}

void unit_add(struct unit *u, const struct stmt *s, int expect, enum reason otherwise,
              const struct value *args)
{
    size_t n = stmt_check_args(s, args);
    struct value *copy = arena_raw(u->arena, n * sizeof *copy);
    if (!copy || (u->n == u->cap && !unit_grow(u)))
        return;
    for (size_t i = 0; i < n; i++) {
        copy[i] = args[i];
        u->bytes += args[i].type >= VALUE_TEXT ? args[i].s.n : 0;
    }
    struct write *w = &u->writes[u->n++];
    w->stmt = s;
    w->args = copy;
    w->expect = expect;
    w->otherwise = otherwise;
}

#define KEY_BYTES_MAX 32 /* longer bytes are what a row holds, not what it is called */

/* Equal for the writes that name one row, whatever else they say: made of names, not of versions, times or
 * contents, in any order. */
static uint64_t row_mark(const struct write *w)
{
    uint64_t mark = 0;
    for (size_t i = 0; w->stmt->params[i]; i++) {
        const struct value *v = &w->args[i];
        if (v->type == VALUE_TEXT || (v->type == VALUE_BYTES && v->s.n <= KEY_BYTES_MAX))
            mark += mix64(hash64(v->s, 0));
    }
    return mark;
}

void unit_mismatch(struct unit *u, const struct write *w)
{
    enum reason r = w->otherwise == REASON_NONE ? REASON_CONFLICT : w->otherwise;
    u->outcome = fail(u->arena, r, "%s", reason_meaning(r));
    u->conflict = row_mark(w);
}

void units_fail(struct unit **units, size_t n, enum reason r, const char *message)
{
    for (size_t i = 0; i < n; i++)
        units[i]->outcome = fail(units[i]->arena, r, "%s", message);
}

void units_ok(struct unit **units, size_t n)
{
    for (size_t i = 0; i < n; i++)
        units[i]->outcome = ok();
}
