#include "ml/file.h"

#include "base/ids.h"

/* Both x86-64 and arm64 are little-endian, so numbers are copied as they lie; the reader does the same. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the model file is little-endian");

static void put_u32(struct buf *b, uint32_t v)
{
    buf_put(b, &v, sizeof v);
}

static void put_u64(struct buf *b, uint64_t v)
{
    buf_put(b, &v, sizeof v);
}

static void put_f64(struct buf *b, double v)
{
    buf_put(b, &v, sizeof v);
}

static void put_str(struct buf *b, struct str s)
{
    put_u32(b, (uint32_t)s.n);
    buf_put(b, s.p, s.n);
}

static void put_info(const struct model_parts *p, struct buf *b)
{
    put_str(b, p->name);
    put_str(b, p->xgboost_version);
    put_u64(b, (uint64_t)p->created_us);
    put_u64(b, p->train_rows);
    put_u64(b, p->train_positives);
}

static void put_column(const struct view_column *c, struct buf *b)
{
    put_str(b, c->name);
    put_u32(b, c->kind);
    put_u32(b, c->n_levels);
    for (uint32_t i = 0; i < c->n_levels; i++) {
        put_str(b, c->levels[i].text);
        put_u32(b, c->levels[i].count);
        buf_put(b, &c->levels[i].target, sizeof(float));
    }
    put_u32(b, c->n_quantiles);
    buf_put(b, c->quantiles, c->n_quantiles * sizeof *c->quantiles);
}

static void put_view(const struct model_parts *p, struct buf *b)
{
    put_u32(b, p->view.n_columns);
    for (uint32_t i = 0; i < p->view.n_columns; i++)
        put_column(&p->view.columns[i], b);
    put_u32(b, p->view.n_features);
    for (uint32_t i = 0; i < p->view.n_features; i++) {
        const struct feature *f = &p->view.features[i];
        put_u32(b, f->kind);
        put_u32(b, f->column);
        put_u32(b, f->level);
    }
}

static void put_forest(const struct member *m, struct buf *b)
{
    const struct forest *f = &m->forest;
    put_u32(b, f->n_trees);
    buf_put(b, &f->base, sizeof f->base);
    buf_put(b, f->starts, (f->n_trees + 1) * sizeof *f->starts);
    buf_put(b, f->nodes, f->starts[f->n_trees] * sizeof *f->nodes);
}

static void put_linear(const struct member *m, struct buf *b)
{
    put_u32(b, m->linear.n);
    put_f64(b, m->linear.bias);
    buf_put(b, m->linear.terms, m->linear.n * sizeof *m->linear.terms);
}

static void put_foreign(const struct member *m, struct buf *b)
{
    put_str(b, m->foreign_json);
}

static void put_members(const struct model_parts *p, struct buf *b)
{
    static void (*const put[])(const struct member *, struct buf *) = {
        [MEMBER_FOREST] = put_forest,
        [MEMBER_LINEAR] = put_linear,
        [MEMBER_FOREIGN] = put_foreign,
    };
    put_u32(b, p->n_members);
    for (uint32_t i = 0; i < p->n_members; i++) {
        put_u32(b, p->members[i].kind);
        put_f64(b, p->members[i].weight);
        put[p->members[i].kind](&p->members[i], b);
    }
}

static void put_stack(const struct model_parts *p, struct buf *b)
{
    const double all[] = { p->bias,          p->calibration.a, p->calibration.b, p->calibration.c,
                           p->at90.in1_from, p->at90.in0_to,   p->at95.in1_from, p->at95.in0_to };
    buf_put(b, all, sizeof all);
}

static void put_report(const struct model_parts *p, struct buf *b)
{
    put_str(b, p->report);
}

static void put_data(const struct model_parts *p, struct buf *b)
{
    put_str(b, p->data);
}

static const struct {
    const char *tag;
    void (*put)(const struct model_parts *, struct buf *);
} sections[] = {
    { "INFO", put_info },  { "VIEW", put_view },   { "MEMB", put_members },
    { "STAK", put_stack }, { "REPT", put_report }, { "DATA", put_data },
};

static bool put_trailer(size_t from, const unsigned char *secret, struct buf *to)
{
    unsigned char trailer[FILE_TRAILER] = { 0 };
    sha256(str_make(to->p + from, to->n - from), trailer);
    if (secret &&
        (!key_public(secret, trailer + 32) || !key_sign(secret, trailer, trailer + 32 + MODEL_KEY_BYTES)))
        return false;
    buf_put(to, trailer, sizeof trailer);
    return true;
}

struct status file_write(const struct model_parts *p, const unsigned char *secret, struct buf *to)
{
    size_t from = to->n, lengths;
    buf_puts(to, FILE_MAGIC);
    put_u32(to, FILE_VERSION);
    put_u32(to, COUNT(sections));
    lengths = to->n;
    for (size_t i = 0; i < COUNT(sections); i++) {
        buf_puts(to, sections[i].tag);
        put_u64(to, 0);
    }
    for (size_t i = 0; i < COUNT(sections) && !to->overflow; i++) {
        size_t start = to->n;
        sections[i].put(p, to);
        uint64_t n = to->n - start;
        memcpy(to->p + lengths + i * 12 + 4, &n, sizeof n);
    }
    if (to->overflow)
        return fail_memory();
    if (!put_trailer(from, secret, to))
        return fail(NULL, REASON_INTERNAL, "OpenSSL cannot sign the model file");
    return to->overflow ? fail_memory() : ok();
}
