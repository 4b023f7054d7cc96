#include "ml/model.h"

#include "base/ids.h"
#include "ml/file.h"

#include <stdlib.h>

#define MEMORY_MAX ((size_t)512 * 1024 * 1024) /* a model in memory */

/* ---- Loading ---- */

static struct status check_trailer(struct str file, const struct model_trust *trust, struct arena *errors,
                                   struct model *m)
{
    static const unsigned char none[MODEL_KEY_BYTES];
    const unsigned char *trailer = (const unsigned char *)file.p + file.n - FILE_TRAILER, *key = trailer + 32;
    unsigned char digest[32];
    bool trusted = false;
    sha256(str_make(file.p, file.n - FILE_TRAILER), digest);
    if (memcmp(digest, trailer, sizeof digest) != 0)
        return fail(errors, REASON_MODEL_INVALID, "the model file is damaged: its digest does not match");
    for (size_t i = 0; i < trust->n_keys; i++)
        trusted |= memcmp(trust->keys[i], key, MODEL_KEY_BYTES) == 0;
    bool is_signed = memcmp(key, none, sizeof none) != 0;
    if (is_signed && !key_verify(key, digest, key + MODEL_KEY_BYTES))
        return fail(errors, REASON_MODEL_UNSIGNED, "the model file's signature is wrong");
    if (!trusted && !trust->accept_unsigned)
        return fail(errors, REASON_MODEL_UNSIGNED,
                    is_signed ? "the model file is signed by a key that is not trusted"
                              : "the model file is not signed");
    m->info.is_signed = trusted;
    memcpy(m->info.signer, key, MODEL_KEY_BYTES);
    return ok();
}

static struct status open_foreign(struct model *m, struct arena *errors)
{
    for (uint32_t i = 0; i < m->parts.n_members; i++) {
        struct member *member = &m->parts.members[i];
        if (member->kind != MEMBER_FOREIGN)
            continue;
        if (!m->foreign)
            return fail(errors, REASON_MODEL_INVALID, "the model needs XGBoost to be served");
        TRY(m->foreign->open(member->foreign_json, errors, &member->foreign));
    }
    return ok();
}

static struct status build_explanations(struct model *m)
{
    const struct view *v = &m->parts.view;
    uint32_t *columns = ARENA_ARRAY(&m->arena, v->n_features, uint32_t);
    if (!columns)
        return fail_memory();
    for (uint32_t i = 0; i < v->n_features; i++)
        columns[i] = v->features[i].column;
    m->base = m->parts.bias;
    for (uint32_t i = 0; i < m->parts.n_members; i++) {
        struct member *member = &m->parts.members[i];
        if (member->kind == MEMBER_FOREST &&
            !shap_build(&member->forest, columns, member->weight, &m->arena, &member->shap))
            return fail_memory();
        m->base += member->kind == MEMBER_FOREST   ? member->shap.base
                   : member->kind == MEMBER_LINEAR ? member->weight * member->linear.bias
                                                   : 0;
    }
    return ok();
}

static struct status fill_info(struct model *m)
{
    const struct model_parts *p = &m->parts;
    struct model_column *columns = ARENA_ARRAY(&m->arena, p->view.n_columns, struct model_column);
    struct model_info *info = &m->info;
    if (!columns)
        return fail_memory();
    for (uint32_t i = 0; i < p->view.n_columns; i++) {
        columns[i].name = p->view.columns[i].name;
        columns[i].kind = p->view.columns[i].kind;
        columns[i].n_levels = p->view.columns[i].n_levels;
    }
    info->name = p->name;
    info->xgboost_version = p->xgboost_version;
    info->created_us = p->created_us;
    info->train_rows = p->train_rows;
    info->train_positives = p->train_positives;
    info->columns = columns;
    info->n_columns = p->view.n_columns;
    info->n_features = p->view.n_features;
    info->n_members = p->n_members;
    for (uint32_t i = 0; i < p->n_members; i++)
        info->n_trees += p->members[i].forest.n_trees;
    info->base_rate = (double)p->train_positives / (double)p->train_rows;
    info->report = p->report;
    info->data = p->data;
    return ok();
}

static struct status load(struct str file, const struct model_trust *trust, struct arena *errors,
                          struct model *m)
{
    if (file.n < FILE_TRAILER || file.n > MODEL_FILE_MAX)
        return fail(errors, REASON_MODEL_INVALID, "not a model file: %zu bytes", file.n);
    TRY(check_trailer(file, trust, errors, m));
    sha256(file, m->digest);
    TRY(file_read(str_make(file.p, file.n - FILE_TRAILER), &m->arena, errors, &m->parts));
    TRY(open_foreign(m, errors));
    TRY(build_explanations(m));
    return fill_info(m);
}

static void model_free(struct model *m)
{
    for (uint32_t i = 0; i < m->parts.n_members; i++)
        if (m->parts.members[i].foreign)
            m->foreign->close(m->parts.members[i].foreign);
    arena_done(&m->arena);
    free(m);
}

struct status model_load(struct str file, const struct model_trust *trust, struct arena *errors,
                         struct model **ret)
{
    struct model *m = calloc(1, sizeof *m);
    if (!m)
        return fail_memory();
    m->refs = 1;
    m->foreign = trust->foreign;
    arena_init(&m->arena, MEMORY_MAX);
    struct status s = load(file, trust, errors, m);
    if (is_ok(s))
        *ret = m;
    else
        model_free(m);
    return s;
}

struct model *model_ref(struct model *m)
{
    __atomic_add_fetch(&m->refs, 1, __ATOMIC_RELAXED);
    return m;
}

void model_unref(struct model *m)
{
    if (m && __atomic_sub_fetch(&m->refs, 1, __ATOMIC_ACQ_REL) == 0)
        model_free(m);
}

const struct model_info *model_info(const struct model *m)
{
    return &m->info;
}

const unsigned char *model_digest(const struct model *m)
{
    return m->digest;
}

/* ---- Rows ---- */

static void fill(const struct view *v, uint32_t column, struct str text, float *row)
{
    if (column < v->n_columns)
        view_fill(&v->columns[column], v->absent, text, row);
}

void model_row(const struct model *m, const struct cell *cells, size_t n, float *row)
{
    const struct view *v = &m->parts.view;
    memcpy(row, v->absent, v->n_features * sizeof *row);
    for (size_t i = 0; i < n; i++)
        fill(v, view_column_of(v, cells[i].name), cells[i].text, row);
}

void model_bind(const struct model *m, const struct str *names, size_t n, uint32_t *ret_binding)
{
    for (size_t i = 0; i < n; i++)
        ret_binding[i] = view_column_of(&m->parts.view, names[i]);
}

void model_row_bound(const struct model *m, const uint32_t *binding, const struct str *texts, size_t n,
                     float *row)
{
    const struct view *v = &m->parts.view;
    memcpy(row, v->absent, v->n_features * sizeof *row);
    for (size_t i = 0; i < n; i++)
        fill(v, binding[i], texts[i], row);
}

/* ---- Scores ---- */

/* What XGBoost cannot say (its own failure) counts as no opinion. */
static double foreign_margin(const struct model *m, const struct member *member, const float *row,
                             float *contributions)
{
    float margin = 0;
    struct status s =
        m->foreign->predict(member->foreign, row, m->parts.view.n_features, &margin, contributions);
    return is_ok(s) ? (double)margin : 0;
}

static double member_margin(const struct model *m, const struct member *member, const float *row,
                            const float *doubled)
{
    if (member->kind == MEMBER_FOREST)
        return (double)forest_margin(&member->forest, doubled);
    if (member->kind == MEMBER_LINEAR)
        return linear_margin(&member->linear, row);
    return foreign_margin(m, member, row, NULL);
}

void model_score_row(const struct model *m, const float *row, struct model_score *ret)
{
    const struct model_parts *p = &m->parts;
    float doubled[2 * MODEL_FEATURES_MAX];
    double margin = p->bias;
    row_double(row, p->view.n_features, doubled);
    for (uint32_t i = 0; i < p->n_members; i++)
        margin += p->members[i].weight * member_margin(m, &p->members[i], row, doubled);
    ret->margin = margin;
    ret->probability = calibration_apply(&p->calibration, margin);
    ret->in0_90 = margin <= p->at90.in0_to;
    ret->in1_90 = margin >= p->at90.in1_from;
    ret->in0_95 = margin <= p->at95.in0_to;
    ret->in1_95 = margin >= p->at95.in1_from;
}

/* ---- Reasons ---- */

static void add_linear(const struct model_parts *p, const struct member *m, const float *row, double *phi)
{
    for (uint32_t j = 0; j < m->linear.n; j++)
        phi[p->view.features[j].column] += m->weight * (double)linear_part(&m->linear.terms[j], row[j]);
}

static void add_foreign(const struct model *m, const struct member *member, const float *row, double *phi,
                        double *base)
{
    float contributions[MODEL_FEATURES_MAX + 1] = { 0 };
    const struct view *v = &m->parts.view;
    foreign_margin(m, member, row, contributions);
    for (uint32_t j = 0; j < v->n_features; j++)
        phi[v->features[j].column] += member->weight * (double)contributions[j];
    *base += member->weight * (double)contributions[v->n_features];
}

static int by_strength(const void *a, const void *b)
{
    const struct contribution *x = a, *y = b;
    double p = x->value < 0 ? -x->value : x->value, q = y->value < 0 ? -y->value : y->value;
    if (p != q)
        return p < q ? 1 : -1;
    return (x->column > y->column) - (x->column < y->column);
}

struct status model_explain_row(const struct model *m, const float *row, struct arena *a,
                                struct model_explanation *ret)
{
    const struct model_parts *p = &m->parts;
    uint32_t n = p->view.n_columns;
    float doubled[2 * MODEL_FEATURES_MAX];
    double *phi = ARENA_ARRAY(a, n, double);
    shap_lanes *lanes = ARENA_ARRAY(a, n, shap_lanes);
    struct contribution *all = ARENA_ARRAY(a, n, struct contribution);
    if (!phi || !lanes || !all)
        return fail_memory();
    ret->base = m->base;
    row_double(row, p->view.n_features, doubled);
    for (uint32_t i = 0; i < p->n_members; i++) {
        if (p->members[i].kind == MEMBER_FOREST)
            shap_add(&p->members[i].shap, doubled, lanes);
        else if (p->members[i].kind == MEMBER_LINEAR)
            add_linear(p, &p->members[i], row, phi);
        else
            add_foreign(m, &p->members[i], row, phi, &ret->base);
    }
    for (uint32_t i = 0; i < n; i++) {
        all[i].column = i;
        all[i].value = phi[i] + shap_sum(&lanes[i]);
    }
    qsort(all, n, sizeof *all, by_strength);
    ret->contributions = all;
    ret->n = n;
    return ok();
}
