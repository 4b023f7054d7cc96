#include "ml/shap.h"

#define MASKS (1u << (FOREST_DEPTH_MAX + 1))

/* ---- Building ---- */

struct build {
    const struct node *nodes; /* of the tree at hand */
    const uint32_t *target;
    double weight;
    struct shap *s;
    uint32_t n_nodes, n_leaves, n_parts;
    size_t n_table;
    /* the path from the root to here: different features in order of first test */
    uint32_t features[FOREST_DEPTH_MAX];
    double shares[FOREST_DEPTH_MAX];
    uint32_t depth;
};

/* |S|! (d - |S| - 1)! / d! */
static double shapley_weight(uint32_t size, uint32_t d)
{
    double w = 1.0 / d; /* 1 / (d * C(d - 1, size)) */
    for (uint32_t k = 1; k <= size; k++)
        w *= (double)k / (double)(d - k);
    return w;
}

/* Fills B for every mask: the terms of single subsets, then sums over subsets (a zeta transform). */
static void fill_table(const struct build *b, double value, float *table)
{
    double terms[1u << FOREST_DEPTH_MAX], weights[FOREST_DEPTH_MAX + 1];
    uint32_t d = b->depth, n = 1u << d;
    for (uint32_t k = 0; k < d; k++)
        weights[k] = shapley_weight(k, d);
    weights[d] = 0; /* the full set leaves no feature to add */
    for (uint32_t m = 0; m < n; m++) {
        terms[m] = value * weights[(uint32_t)__builtin_popcount(m)];
        for (uint32_t j = 0; j < d; j++)
            terms[m] *= m >> j & 1 ? 1 : b->shares[j];
    }
    for (uint32_t j = 0; j < d; j++)
        for (uint32_t m = 0; m < n; m++)
            if (m >> j & 1)
                terms[m] += terms[m ^ (1u << j)];
    for (uint32_t m = 0; m < n; m++)
        table[m] = (float)terms[m];
}

static void build_leaf(struct build *b, uint32_t at, double share)
{
    struct shap *s = b->s;
    double value = b->weight * (double)b->nodes[at].value;
    s->base += value * share;
    if (b->depth == 0)
        return;
    struct shap_leaf leaf = { (uint16_t)at, (uint16_t)b->depth, (uint32_t)b->n_table, b->n_parts };
    s->leaves[b->n_leaves++] = leaf;
    fill_table(b, value, s->tables + b->n_table);
    b->n_table += 1u << b->depth;
    for (uint32_t j = 0; j < b->depth; j++) {
        struct shap_part p = { (float)MIN((1 - b->shares[j]) / b->shares[j], 1e30),
                               b->target[b->features[j]] };
        s->parts[b->n_parts++] = p;
    }
}

static void build_node(struct build *b, uint32_t at, double share);

/* One step down: the feature's share shrinks while below, and is restored after. */
static void build_child(struct build *b, uint32_t child, uint32_t slot, double ratio, double share)
{
    double before = b->shares[slot];
    b->shares[slot] = before * ratio;
    build_node(b, child, share * ratio);
    b->shares[slot] = before;
}

static void build_node(struct build *b, uint32_t at, double share)
{
    const struct node *n = &b->nodes[at];
    uint32_t feature = n->feature & ~NODE_DEFAULT_LEFT, slot = 0;
    if (n->left == 0) {
        build_leaf(b, at, share);
        return;
    }
    while (slot < b->depth && b->features[slot] != feature)
        slot++;
    bool first = slot == b->depth;
    if (first) {
        b->features[slot] = feature;
        b->shares[slot] = 1;
        b->depth++;
    }
    struct shap_node out = { n->value,
                             2 * feature + ((n->feature & NODE_DEFAULT_LEFT) != 0),
                             (uint16_t)at,
                             (uint16_t)n->left,
                             (uint16_t) ~(1u << slot),
                             0 };
    b->s->nodes[b->n_nodes++] = out; /* before its children: masks flow down */
    double l = (double)b->nodes[n->left].cover, r = (double)b->nodes[n->left + 1].cover;
    build_child(b, n->left, slot, l / (l + r), share);
    build_child(b, n->left + 1, slot, r / (l + r), share);
    b->depth -= first;
}

/* Upper bounds, by depth: different features are at most as many as steps. */
struct size {
    size_t leaves, parts, table;
};

static void measure(const struct node *nodes, uint32_t at, uint32_t depth, struct size *s)
{
    if (nodes[at].left == 0) {
        s->leaves++;
        s->parts += depth;
        s->table += (size_t)1 << depth;
        return;
    }
    measure(nodes, nodes[at].left, depth + 1, s);
    measure(nodes, nodes[at].left + 1, depth + 1, s);
}

struct status shap_build(const struct forest *f, const uint32_t *target, double weight, struct arena *a,
                         struct arena *errors, struct shap *ret)
{
    struct shap s = { .n_trees = f->n_trees };
    struct size size = { 0, 0, 0 };
    for (uint32_t t = 0; t < f->n_trees; t++)
        measure(f->nodes + f->starts[t], 0, 0, &size);
    if (size.table > SHAP_TABLE_MAX)
        return fail(errors, REASON_MODEL_INVALID, "explaining this forest takes a table of %zu numbers",
                    size.table);
    s.trees = ARENA_ARRAY(a, f->n_trees + 1, struct shap_tree);
    s.nodes = ARENA_ARRAY(a, f->starts[f->n_trees] + 1, struct shap_node);
    s.leaves = ARENA_ARRAY(a, size.leaves + 1, struct shap_leaf);
    s.parts = ARENA_ARRAY(a, size.parts + 1, struct shap_part);
    s.tables = ARENA_ARRAY(a, size.table + 1, float);
    if (a->overflow)
        return fail_memory();
    struct build b = { .target = target, .weight = weight, .s = &s };
    s.base = weight * (double)f->base;
    for (uint32_t t = 0; t < f->n_trees; t++) {
        struct shap_tree *tree = &s.trees[t];
        tree->first_node = b.n_nodes;
        tree->first_leaf = b.n_leaves;
        b.nodes = f->nodes + f->starts[t];
        build_node(&b, 0, 1);
        tree->n_nodes = b.n_nodes - tree->first_node;
        tree->n_leaves = b.n_leaves - tree->first_leaf;
    }
    *ret = s;
    return ok();
}

/* ---- Explaining a row ---- */

static void add_leaf(const struct shap *s, const struct shap_leaf *leaf, uint32_t mask, double *phi)
{
    const float *table = s->tables + leaf->table;
    const struct shap_part *parts = s->parts + leaf->parts;
    uint32_t d = leaf->depth;
    mask &= (1u << d) - 1;
    float unsatisfied = -table[mask];
    for (uint32_t j = 0; j < d; j++) {
        uint32_t in = mask >> j & 1;
        float with = parts[j].odds * table[mask & ~(1u << j)];
        phi[parts[j].target] += (double)(in ? with : unsatisfied);
    }
}

void shap_add(const struct shap *s, const float *doubled, double *phi)
{
    uint16_t masks[MASKS];
    for (uint32_t t = 0; t < s->n_trees; t++) {
        const struct shap_tree *tree = &s->trees[t];
        const struct shap_node *nodes = s->nodes + tree->first_node;
        const struct shap_leaf *leaves = s->leaves + tree->first_leaf;
        masks[0] = UINT16_MAX;
        for (uint32_t i = 0; i < tree->n_nodes; i++) {
            const struct shap_node *n = &nodes[i];
            uint16_t mask = masks[n->self], cut = mask & n->keep;
            bool left = doubled[n->at] < n->threshold;
            masks[n->left] = left ? mask : cut;
            masks[n->left + 1] = left ? cut : mask;
        }
        for (uint32_t i = 0; i < tree->n_leaves; i++)
            add_leaf(s, &leaves[i], masks[leaves[i].mask], phi);
    }
}
