#include "ml/forest.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* XGBoost's own arrays of one tree. */
struct raw {
    const json_t *left, *right, *feature, *value, *default_left, *cover, *split_type;
    size_t n;
};

static void json_drop(json_t **j)
{
    json_decref(*j);
}

static struct status damaged(struct arena *errors, const char *what)
{
    return fail(errors, REASON_MODEL_INVALID, "the booster is damaged: %s", what);
}

static struct status not_ours(struct arena *errors, const char *what)
{
    return fail(errors, REASON_MODEL_STATE, "%s is not for the forest walker", what);
}

/* A path such as "learner.gradient_booster.model"; NULL where it breaks off. */
static json_t *find(json_t *j, const char *path)
{
    struct str rest = str_of(path);
    while (j && rest.n) {
        struct str part = str_split(&rest, '.');
        char name[64];
        if (part.n >= sizeof name)
            return NULL;
        memcpy(name, part.p, part.n);
        name[part.n] = 0;
        j = json_object_get(j, name);
    }
    return j;
}

static double number(const json_t *array, size_t i)
{
    const json_t *v = json_array_get(array, i);
    if (json_is_boolean(v))
        return json_is_true(v);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool index_of(const json_t *array, size_t i, size_t n, uint32_t *ret)
{
    double v = number(array, i);
    if (!(v >= 0 && v < (double)n))
        return false;
    *ret = (uint32_t)v;
    return true;
}

static struct status read_raw(json_t *tree, struct raw *r, struct arena *errors)
{
    r->left = json_object_get(tree, "left_children");
    r->right = json_object_get(tree, "right_children");
    r->feature = json_object_get(tree, "split_indices");
    r->value = json_object_get(tree, "split_conditions");
    r->default_left = json_object_get(tree, "default_left");
    r->cover = json_object_get(tree, "sum_hessian");
    r->split_type = json_object_get(tree, "split_type");
    const json_t *all[] = { r->left, r->right, r->feature, r->value, r->default_left, r->cover };
    r->n = json_array_size(r->left);
    for (size_t i = 0; i < COUNT(all); i++)
        if (!json_is_array(all[i]) || json_array_size(all[i]) != r->n)
            return damaged(errors, "a tree's arrays are missing or differ in length");
    for (size_t i = 0; i < json_array_size(r->split_type); i++)
        if (number(r->split_type, i) != 0)
            return not_ours(errors, "a categorical split");
    return r->n ? ok() : damaged(errors, "a tree without nodes");
}

/* Copies breadth-first from the root. `order[i]` is XGBoost's number of our node i. */
static struct status copy_tree(const struct raw *r, uint32_t n_features, struct node *to, uint32_t *order,
                               uint32_t *ret_n, struct arena *errors)
{
    uint32_t n = 1, level_end = 1, depth = 0;
    order[0] = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i == level_end) {
            depth++;
            level_end = n;
        }
        uint32_t from = order[i], feature = 0;
        struct node node = { (float)number(r->value, from), 0, 0, (float)number(r->cover, from) };
        if (number(r->left, from) >= 0) {
            if (depth == FOREST_DEPTH_MAX)
                return not_ours(errors, "a tree of this depth");
            if (n + 2 > r->n || !index_of(r->left, from, r->n, &order[n]) ||
                !index_of(r->right, from, r->n, &order[n + 1]) ||
                !index_of(r->feature, from, n_features, &feature))
                return damaged(errors, "a child or feature out of range");
            node.feature = feature | (number(r->default_left, from) == 1 ? NODE_DEFAULT_LEFT : 0);
            node.left = n;
            n += 2;
        }
        to[i] = node;
    }
    *ret_n = n;
    return ok();
}

static struct status read_trees(json_t *trees, struct forest *f, struct arena *a, struct arena *errors)
{
    size_t total = 0, i;
    json_t *tree;
    json_array_foreach(trees, i, tree) total += json_array_size(json_object_get(tree, "left_children"));
    if (total > FOREST_NODES_MAX || json_array_size(trees) > FOREST_TREES_MAX)
        return not_ours(errors, "a forest of this size");
    f->starts = ARENA_ARRAY(a, json_array_size(trees) + 1, uint32_t);
    f->nodes = ARENA_ARRAY(a, total + 1, struct node);
    uint32_t *order = ARENA_ARRAY(a, total + 2, uint32_t);
    if (!f->starts || !f->nodes || !order)
        return fail_memory();
    json_array_foreach(trees, i, tree)
    {
        struct raw r;
        uint32_t n = 0;
        TRY(read_raw(tree, &r, errors));
        TRY(copy_tree(&r, f->n_features, f->nodes + f->starts[i], order, &n, errors));
        f->starts[i + 1] = f->starts[i] + n;
        f->n_trees++;
    }
    return ok();
}

/* As XGBoost turns base_score into a margin. */
static struct status read_base(json_t *root, struct forest *f, struct arena *errors)
{
    const char *text = json_string_value(find(root, "learner.learner_model_param.base_score"));
    double p;
    if (!text || !str_to_f64(str_of(text), &p) || !(p > 0 && p < 1))
        return damaged(errors, "base_score");
    f->base = (float)p == 0.5f ? 0.0f : -logf(1.0f / (float)p - 1.0f);
    return ok();
}

static struct status read_header(json_t *root, struct forest *f, struct arena *errors)
{
    const char *booster = json_string_value(find(root, "learner.gradient_booster.name"));
    const char *objective = json_string_value(find(root, "learner.objective.name"));
    const char *classes = json_string_value(find(root, "learner.learner_model_param.num_class"));
    const char *features = json_string_value(find(root, "learner.learner_model_param.num_feature"));
    int64_t n;
    if (!booster || !objective || !features || !str_to_i64(str_of(features), &n) || n < 0)
        return damaged(errors, "no booster, objective or num_feature");
    if (strcmp(booster, "gbtree") != 0)
        return not_ours(errors, booster);
    if (strcmp(objective, "binary:logistic") != 0 || (classes && strcmp(classes, "0") != 0))
        return not_ours(errors, objective);
    if (n > MODEL_FEATURES_MAX)
        return not_ours(errors, "a row of this width");
    f->n_features = (uint32_t)n;
    return read_base(root, f, errors);
}

struct status forest_import(struct str json, struct arena *a, struct arena *errors, struct forest *ret)
{
    json_error_t e;
    struct forest f;
    memset(&f, 0, sizeof f);
    CLEANUP(json_drop) json_t *root = json_loadb(json.p, json.n, 0, &e);
    json_t *trees = find(root, "learner.gradient_booster.model.trees");
    if (!root)
        return damaged(errors, "not JSON");
    TRY(read_header(root, &f, errors));
    if (!json_is_array(trees))
        return damaged(errors, "no trees");
    TRY(read_trees(trees, &f, a, errors));
    TRY(forest_check(&f, errors));
    if (!forest_finish(&f, a))
        return fail_memory();
    *ret = f;
    return ok();
}
