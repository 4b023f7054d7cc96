#include "ml/file.h"

#include <math.h>

/* The unread rest of a section. A read past its end gives zeros and leaves `bad`. */
struct reader {
    const char *p;
    size_t n;
    bool bad;
    struct arena *a;
};

static const char *take(struct reader *r, size_t n)
{
    if (r->bad || n > r->n) {
        r->bad = true;
        return NULL;
    }
    const char *at = r->p;
    r->p += n;
    r->n -= n;
    return at;
}

static void take_into(struct reader *r, void *to, size_t n)
{
    const char *at = take(r, n);
    if (at)
        memcpy(to, at, n);
    else
        memset(to, 0, n);
}

static uint32_t take_u32(struct reader *r)
{
    uint32_t v;
    take_into(r, &v, sizeof v);
    return v;
}

static uint64_t take_u64(struct reader *r)
{
    uint64_t v;
    take_into(r, &v, sizeof v);
    return v;
}

static double take_f64(struct reader *r)
{
    double v;
    take_into(r, &v, sizeof v);
    r->bad |= !isfinite(v);
    return v;
}

static float take_f32(struct reader *r)
{
    float v;
    take_into(r, &v, sizeof v);
    r->bad |= !isfinite(v);
    return v;
}

/* A count of things of which each takes at least `each` more bytes of the section: so no count outgrows the
 * file. */
static uint32_t take_count(struct reader *r, uint32_t max, size_t each)
{
    uint32_t n = take_u32(r);
    r->bad |= n > max || (each && n > r->n / each);
    return r->bad ? 0 : n;
}

/* UTF-8 without NUL, copied, NUL-ended. */
static struct str take_str(struct reader *r, uint32_t max)
{
    uint32_t n = take_count(r, max, 1);
    const char *at = take(r, n), *copy = NULL;
    if (at && (memchr(at, 0, n) || !str_is_utf8(str_make(at, n))))
        r->bad = true;
    if (at && !r->bad)
        copy = arena_dup(r->a, str_make(at, n));
    r->bad |= !copy;
    return str_make(copy ? copy : "", copy ? n : 0);
}

/* An array of n elements copied out; NULL (and bad) where the bytes or the arena end. */
static void *take_array(struct reader *r, size_t n, size_t size)
{
    void *to = r->bad || n > r->n / size ? NULL : arena_array(r->a, n + 1, size);
    r->bad |= !to;
    if (to)
        take_into(r, to, n * size);
    return r->bad ? NULL : to;
}

/* ---- Sections ---- */

static void read_info(struct reader *r, struct model_parts *p)
{
    p->name = take_str(r, 256);
    p->xgboost_version = take_str(r, 31);
    p->created_us = (int64_t)take_u64(r);
    p->train_rows = take_u64(r);
    p->train_positives = take_u64(r);
    r->bad |= p->train_positives > p->train_rows || p->train_rows == 0;
}

static void read_levels(struct reader *r, struct view_column *c)
{
    c->n_levels = take_count(r, LEVELS_MAX, 12);
    c->levels = arena_array(r->a, c->n_levels + 1, sizeof *c->levels);
    r->bad |= !c->levels || (c->kind == COLUMN_CATEGORICAL ? c->n_levels < 2 : c->n_levels != 0);
    for (uint32_t i = 0; i < c->n_levels && !r->bad; i++) {
        c->levels[i].text = take_str(r, 128);
        c->levels[i].count = take_u32(r);
        c->levels[i].target = take_f32(r);
        r->bad |= (i <= LEVEL_UNKNOWN) != (c->levels[i].text.n == 0);
    }
}

static void read_column(struct reader *r, struct view_column *c)
{
    c->name = take_str(r, 1024);
    uint32_t kind = take_u32(r);
    r->bad |= kind < COLUMN_NUMERIC || kind > COLUMN_TEXT || c->name.n == 0;
    c->kind = (enum column_kind)kind;
    read_levels(r, c);
    c->n_quantiles = take_count(r, 4096, sizeof(double));
    c->quantiles = take_array(r, c->n_quantiles, sizeof(double));
    for (uint32_t i = 0; i < c->n_quantiles && !r->bad; i++)
        r->bad |= !isfinite(c->quantiles[i]) || (i && c->quantiles[i] < c->quantiles[i - 1]);
}

/* Which kinds of feature a column may have. */
static bool feature_fits(const struct view *v, const struct feature *f)
{
    static const uint16_t of[] = {
        [COLUMN_NUMERIC] = 1 << FEATURE_VALUE | 1 << FEATURE_MISSING,
        [COLUMN_CATEGORICAL] =
            1 << FEATURE_LEVEL | 1 << FEATURE_TARGET | 1 << FEATURE_FREQUENCY | 1 << FEATURE_VALUE,
        [COLUMN_DATE] = 1 << FEATURE_VALUE | 1 << FEATURE_MISSING | 1 << FEATURE_MONTH |
                        1 << FEATURE_WEEKDAY | 1 << FEATURE_HOUR,
        [COLUMN_TEXT] = 1 << FEATURE_LENGTH | 1 << FEATURE_MISSING,
    };
    const struct view_column *c = &v->columns[f->column];
    return f->kind < FEATURE_KINDS && (of[c->kind] >> f->kind & 1) &&
           (f->kind == FEATURE_LEVEL ? f->level < c->n_levels : f->level == 0);
}

/* Features lie column by column, and none twice. */
static void read_features(struct reader *r, struct view *v)
{
    v->n_features = take_count(r, MODEL_FEATURES_MAX, 12);
    v->features = arena_array(r->a, v->n_features + 1, sizeof *v->features);
    r->bad |= !v->features || v->n_features == 0;
    for (uint32_t i = 0; i < v->n_features && !r->bad; i++) {
        struct feature *f = &v->features[i];
        uint32_t kind = take_u32(r);
        f->kind = (uint8_t)MIN(kind, 255u);
        f->column = take_u32(r);
        f->level = take_u32(r);
        r->bad |= f->column >= v->n_columns || (i && f->column < f[-1].column) || !feature_fits(v, f);
        for (uint32_t j = i; j-- > 0 && v->features[j].column == f->column && !r->bad;)
            r->bad |= v->features[j].kind == f->kind && v->features[j].level == f->level;
    }
}

static void read_view(struct reader *r, struct model_parts *p)
{
    struct view *v = &p->view;
    v->n_columns = take_count(r, MODEL_COLUMNS_MAX, 16);
    v->columns = arena_array(r->a, v->n_columns + 1, sizeof *v->columns);
    r->bad |= !v->columns || v->n_columns == 0;
    for (uint32_t i = 0; i < v->n_columns && !r->bad; i++)
        read_column(r, &v->columns[i]);
    if (!r->bad)
        read_features(r, v);
    r->bad = r->bad || !view_finish(v, r->a);
}

static void read_forest(struct reader *r, struct member *m, const struct view *v)
{
    struct forest *f = &m->forest;
    f->n_trees = take_count(r, FOREST_TREES_MAX, sizeof(uint32_t));
    f->n_features = v->n_features;
    f->base = take_f32(r);
    f->starts = take_array(r, (size_t)f->n_trees + 1, sizeof(uint32_t));
    uint32_t nodes = r->bad ? 0 : f->starts[f->n_trees];
    r->bad |= nodes > FOREST_NODES_MAX;
    f->nodes = take_array(r, nodes, sizeof(struct node));
    r->bad = r->bad || !is_ok(forest_check(f, NULL)) || !forest_finish(f, r->a);
}

static void read_linear(struct reader *r, struct member *m, const struct view *v)
{
    m->linear.n = take_u32(r);
    m->linear.bias = take_f64(r);
    r->bad |= m->linear.n != v->n_features;
    m->linear.terms = take_array(r, r->bad ? 0 : m->linear.n, sizeof(struct linear_term));
    for (uint32_t i = 0; !r->bad && i < m->linear.n; i++) {
        const struct linear_term *t = &m->linear.terms[i];
        r->bad |= !isfinite(t->lo) || !isfinite(t->hi) || !isfinite(t->mean) || !isfinite(t->weight) ||
                  t->lo > t->hi;
    }
}

static void read_foreign(struct reader *r, struct member *m, const struct view *v)
{
    (void)v;
    m->foreign_json = take_str(r, MODEL_FILE_MAX);
}

static void read_members(struct reader *r, struct model_parts *p)
{
    static void (*const read[])(struct reader *, struct member *, const struct view *) = {
        [MEMBER_FOREST] = read_forest,
        [MEMBER_LINEAR] = read_linear,
        [MEMBER_FOREIGN] = read_foreign,
    };
    p->n_members = take_count(r, PARTS_MEMBERS_MAX, 12);
    p->members = arena_array(r->a, p->n_members + 1, sizeof *p->members);
    r->bad |= !p->members;
    for (uint32_t i = 0; i < p->n_members && !r->bad; i++) {
        struct member *m = &p->members[i];
        m->kind = take_u32(r);
        m->weight = take_f64(r);
        r->bad |= m->kind < MEMBER_FOREST || m->kind > MEMBER_FOREIGN || m->weight < 0 || m->weight > 1e6;
        if (!r->bad)
            read[m->kind](r, m, &p->view);
    }
}

static void read_stack(struct reader *r, struct model_parts *p)
{
    double *all[] = { &p->bias,          &p->calibration.a, &p->calibration.b, &p->calibration.c,
                      &p->at90.in1_from, &p->at90.in0_to,   &p->at95.in1_from, &p->at95.in0_to };
    for (size_t i = 0; i < COUNT(all); i++)
        *all[i] = take_f64(r);
    r->bad |= p->calibration.a < 0 || p->calibration.b < 0;
}

static void read_report(struct reader *r, struct model_parts *p)
{
    p->report = take_str(r, STRING_MAX);
}

static void read_data(struct reader *r, struct model_parts *p)
{
    p->data = take_str(r, STRING_MAX);
}

/* ---- The file ---- */

static const struct {
    const char *tag;
    void (*read)(struct reader *, struct model_parts *);
} sections[] = {
    { "INFO", read_info },  { "VIEW", read_view },   { "MEMB", read_members },
    { "STAK", read_stack }, { "REPT", read_report }, { "DATA", read_data },
};

static struct status refuse(struct arena *errors, const char *what)
{
    return fail(errors, REASON_MODEL_INVALID, "not a model file: %s", what);
}

static struct status read_header(struct reader *r, struct arena *errors, uint64_t lengths[COUNT(sections)])
{
    const char *magic = take(r, sizeof FILE_MAGIC - 1);
    if (!magic || memcmp(magic, FILE_MAGIC, sizeof FILE_MAGIC - 1) != 0)
        return refuse(errors, "it does not begin with " FILE_MAGIC);
    if (take_u32(r) != FILE_VERSION || take_u32(r) != COUNT(sections))
        return refuse(errors, "its version is not known");
    for (size_t i = 0; i < COUNT(sections); i++) {
        const char *tag = take(r, 4);
        lengths[i] = take_u64(r);
        if (!tag || memcmp(tag, sections[i].tag, 4) != 0)
            return refuse(errors, "a section is missing");
    }
    return r->bad ? refuse(errors, "the header is cut") : ok();
}

struct status file_read(struct str body, struct arena *a, struct arena *errors, struct model_parts *ret)
{
    uint64_t lengths[COUNT(sections)];
    struct reader r = { body.p, body.n, false, a };
    struct model_parts p;
    memset(&p, 0, sizeof p);
    TRY(read_header(&r, errors, lengths));
    for (size_t i = 0; i < COUNT(sections); i++) {
        const char *at = lengths[i] <= r.n ? take(&r, (size_t)lengths[i]) : NULL;
        struct reader section = { at, at ? (size_t)lengths[i] : 0, !at, a };
        if (at)
            sections[i].read(&section, &p);
        if (a->overflow)
            return fail_memory();
        if (section.bad || section.n)
            return fail(errors, REASON_MODEL_INVALID, "not a model file: section %s is damaged",
                        sections[i].tag);
        if (i == 0 && !str_eq(p.xgboost_version, STR(BOOSTER_VERSION)))
            return fail(errors, REASON_MODEL_INVALID,
                        "the model was trained by XGBoost %.*s, not " BOOSTER_VERSION,
                        (int)p.xgboost_version.n, p.xgboost_version.p);
    }
    if (r.n)
        return refuse(errors, "bytes after the last section");
    *ret = p;
    return ok();
}
