#include "ml/forest.h"

#include <math.h>

#define LANES 8u

/* ---- Checks ---- */

static struct status bad_tree(struct arena *errors, uint32_t tree, const char *what)
{
    return fail(errors, REASON_MODEL_INVALID, "tree %u: %s", tree, what);
}

static struct status check_node(const struct forest *f, const struct node *n, uint32_t tree,
                                struct arena *errors)
{
    if (!isfinite(n->value) || !isfinite(n->cover) || n->cover <= 0)
        return bad_tree(errors, tree, "a number that is not finite, or a cover that is not positive");
    if (n->left && (n->feature & ~NODE_DEFAULT_LEFT) >= f->n_features)
        return bad_tree(errors, tree, "a feature out of range");
    return ok();
}

/* Breadth-first order makes a tree: the inner nodes' children are 1, 3, 5, ... in turn. */
static struct status check_tree(const struct forest *f, uint32_t tree, struct arena *errors)
{
    const struct node *nodes = f->nodes + f->starts[tree];
    uint32_t n = f->starts[tree + 1] - f->starts[tree], next = 1, level_end = 1, depth = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (i == level_end) {
            depth++;
            level_end = next;
        }
        TRY(check_node(f, &nodes[i], tree, errors));
        if (nodes[i].left == 0)
            continue;
        if (nodes[i].left != next || n - next < 2 || depth == FOREST_DEPTH_MAX)
            return bad_tree(errors, tree, "nodes are not in breadth-first order, or too deep");
        next += 2;
    }
    return next == n ? ok() : bad_tree(errors, tree, "unreachable nodes");
}

struct status forest_check(const struct forest *f, struct arena *errors)
{
    if (f->n_trees > FOREST_TREES_MAX || f->n_features > MODEL_FEATURES_MAX || !isfinite(f->base) ||
        f->starts[0] != 0)
        return fail(errors, REASON_MODEL_INVALID, "a forest's header is out of range");
    for (uint32_t t = 0; t < f->n_trees; t++)
        if (f->starts[t + 1] <= f->starts[t] || f->starts[t + 1] > FOREST_NODES_MAX)
            return bad_tree(errors, t, "nodes out of range");
    for (uint32_t t = 0; t < f->n_trees; t++)
        TRY(check_tree(f, t, errors));
    return ok();
}

/* ---- Padded groups ---- */

static uint32_t tree_depth(const struct node *nodes, uint32_t at)
{
    if (nodes[at].left == 0)
        return 0;
    uint32_t l = tree_depth(nodes, nodes[at].left), r = tree_depth(nodes, nodes[at].left + 1);
    return 1 + MAX(l, r);
}

struct pad {
    const struct node *nodes;
    struct step *steps;
    float *leaves;
    uint32_t depth;
};

/* Puts the node at place `i` of level `level`. Below a leaf every way leads to the same leaf. */
static void pad_node(const struct pad *p, uint32_t at, uint32_t i, uint32_t level)
{
    const struct node *n = &p->nodes[at];
    if (level == p->depth) {
        p->leaves[i - ((1u << p->depth) - 1)] = n->value;
        return;
    }
    if (n->left) {
        p->steps[i].threshold = n->value;
        p->steps[i].at = 2 * (n->feature & ~NODE_DEFAULT_LEFT) + ((n->feature & NODE_DEFAULT_LEFT) != 0);
    }
    pad_node(p, n->left ? n->left : at, 2 * i + 1, level + 1);
    pad_node(p, n->left ? n->left + 1 : at, 2 * i + 2, level + 1);
}

static bool finish_group(struct forest *f, uint32_t first, struct forest_group *g, struct arena *a)
{
    g->n_trees = MIN(LANES, f->n_trees - first);
    g->depth = 0;
    for (uint32_t t = first; t < first + g->n_trees; t++)
        g->depth = MAX(g->depth, tree_depth(f->nodes + f->starts[t], 0));
    size_t inner = (1u << g->depth) - 1, leaves = 1u << g->depth;
    struct step *steps = ARENA_ARRAY(a, LANES * inner + 1, struct step);
    float *values = ARENA_ARRAY(a, LANES * leaves, float);
    if (!steps || !values)
        return false;
    for (uint32_t t = 0; t < g->n_trees; t++) {
        struct pad p = { f->nodes + f->starts[first + t], steps + t * inner, values + t * leaves, g->depth };
        pad_node(&p, 0, 0, 0);
    }
    g->steps = steps;
    g->leaves = values;
    return true;
}

bool forest_finish(struct forest *f, struct arena *a)
{
    f->n_groups = (f->n_trees + LANES - 1) / LANES;
    f->groups = ARENA_ARRAY(a, f->n_groups + 1, struct forest_group);
    if (!f->groups)
        return false;
    for (uint32_t g = 0; g < f->n_groups; g++)
        if (!finish_group(f, g * LANES, &f->groups[g], a))
            return false;
    return true;
}

/* ---- Walking ---- */

void row_double(const float *row, size_t n_features, float *doubled)
{
    for (size_t i = 0; i < n_features; i++) {
        bool missing = row[i] != row[i];
        doubled[2 * i] = missing ? INFINITY : row[i];
        doubled[2 * i + 1] = missing ? -INFINITY : row[i];
    }
}

/* The eight walks do not depend on each other, so that their loads overlap; `<` is computed, never branched
 * on. */
static inline __attribute__((always_inline)) void walk(const struct forest_group *g, uint32_t depth,
                                                       const float *x, float *leaves)
{
    uint32_t at[LANES] = { 0 }, inner = (1u << depth) - 1;
    for (uint32_t level = 0; level < depth; level++)
        for (uint32_t t = 0; t < LANES; t++) {
            const struct step *s = &g->steps[t * inner + at[t]];
            at[t] = 2 * at[t] + 2 - (x[s->at] < s->threshold);
        }
    for (uint32_t t = 0; t < LANES; t++)
        leaves[t] = g->leaves[(t << depth) + at[t] - inner];
}

static void walk_any(const struct forest_group *g, const float *x, float *leaves)
{
    switch (g->depth) { /* the usual depths unrolled */
    case 3:
        walk(g, 3, x, leaves);
        break;
    case 4:
        walk(g, 4, x, leaves);
        break;
    case 5:
        walk(g, 5, x, leaves);
        break;
    case 6:
        walk(g, 6, x, leaves);
        break;
    case 7:
        walk(g, 7, x, leaves);
        break;
    default:
        walk(g, g->depth, x, leaves);
    }
}

float forest_margin(const struct forest *f, const float *doubled)
{
    float sum = f->base, leaves[LANES];
    for (uint32_t g = 0; g < f->n_groups; g++) {
        walk_any(&f->groups[g], doubled, leaves);
        for (uint32_t t = 0; t < f->groups[g].n_trees; t++)
            sum += leaves[t];
    }
    return sum;
}
