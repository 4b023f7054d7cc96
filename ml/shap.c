#include "ml/shap.h"

_Static_assert(FOREST_DEPTH_MAX <= 2 * SHAP_POINTS, "the quadrature is exact to this depth");

#define NODES_MAX (1u << (FOREST_DEPTH_MAX + 1))
#define SHARE_MIN 1e-6 /* of one test; keeps the products of tiny shares away from 0 / 0 */

/* Gauss-Legendre on [0, 1]: points and weights. */
static const shap_lanes point = { 0.06943184420297371f, 0.33000947820757187f, 0.6699905217924281f,
                                  0.9305681557970263f };
static const shap_lanes weights = { 0.17392742256872693f, 0.32607257743127307f, 0.32607257743127307f,
                                    0.17392742256872693f };

double shap_sum(shap_lanes v)
{
    return (double)v[0] + (double)v[1] + (double)v[2] + (double)v[3];
}

/* ---- Building ---- */

struct build {
    const struct node *nodes; /* of the tree at hand */
    const uint32_t *target;
    struct shap *s;
    double weight;
    struct shap_tree *tree;
    /* by node: the edge above it that tests a feature last is found by walking up */
    uint16_t parent[NODES_MAX], before[NODES_MAX];
    double shares[NODES_MAX];
};

static uint32_t feature_of(const struct node *n)
{
    return n->feature & ~NODE_DEFAULT_LEFT;
}

/* The edge on the way to `at` that tested the feature last, 0 for none. */
static uint32_t last_test(const struct build *b, uint32_t at, uint32_t feature)
{
    while (at && feature_of(&b->nodes[b->parent[at]]) != feature)
        at = b->parent[at];
    return at;
}

static void build_edge(struct build *b, uint32_t at, uint32_t child, double ratio, uint32_t before)
{
    struct shap_edge *e = &b->s->edges[b->tree->first_edge + child];
    double share = MIN(MAX(ratio, SHARE_MIN), 1 - SHARE_MIN) * (before ? b->shares[before] : 1);
    share = MAX(share, SHARE_MIN * SHARE_MIN);
    b->parent[child] = (uint16_t)at;
    b->before[child] = (uint16_t)before;
    b->shares[child] = share;
    e->share = (float)share;
    e->value = b->nodes[child].left ? 0 : (float)(b->weight * (double)b->nodes[child].value);
    for (int k = 0; k < SHAP_POINTS; k++) {
        double t = (double)point[k];
        e->gain[k] = (float)((double)weights[k] * ((1 - share) / (t + (1 - t) * share) + 1 / (1 - t)));
    }
}

static void build_node(struct build *b, uint32_t at)
{
    const struct node *n = &b->nodes[at];
    uint32_t before = last_test(b, at, feature_of(n));
    double left = (double)b->nodes[n->left].cover, right = (double)b->nodes[n->left + 1].cover;
    struct shap_node out = { n->value,         2 * feature_of(n) + ((n->feature & NODE_DEFAULT_LEFT) != 0),
                             (uint16_t)at,     (uint16_t)n->left,
                             (uint16_t)before, (uint16_t)b->target[feature_of(n)] };
    b->s->nodes[b->tree->first_node + b->tree->n_nodes++] = out;
    build_edge(b, at, n->left, left / (left + right), before);
    build_edge(b, at, n->left + 1, right / (left + right), before);
}

/* The leaf's value times the shares of its path's features. */
static double expected(const struct build *b, uint32_t leaf)
{
    double product = b->weight * (double)b->nodes[leaf].value;
    for (uint32_t at = leaf; at; at = b->parent[at]) {
        product *= b->shares[at];
        product /= b->before[at] ? b->shares[b->before[at]] : 1;
    }
    return product;
}

static void build_tree(struct build *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (b->nodes[i].left)
            build_node(b, i);
    for (uint32_t i = 0; i < n; i++)
        if (!b->nodes[i].left)
            b->s->base += expected(b, i);
}

bool shap_build(const struct forest *f, const uint32_t *target, double weight, struct arena *a,
                struct shap *ret)
{
    struct shap s = { .n_trees = f->n_trees, .base = weight * (double)f->base };
    uint32_t all = f->starts[f->n_trees];
    s.trees = ARENA_ARRAY(a, f->n_trees + 1, struct shap_tree);
    s.nodes = ARENA_ARRAY(a, all + 1, struct shap_node);
    s.edges = ARENA_ARRAY(a, all + 1, struct shap_edge);
    if (!s.trees || !s.nodes || !s.edges)
        return false;
    struct build b = { .target = target, .s = &s, .weight = weight };
    for (uint32_t t = 0, inner = 0; t < f->n_trees; t++) {
        b.tree = &s.trees[t];
        b.nodes = f->nodes + f->starts[t];
        b.tree->first_node = inner;
        b.tree->first_edge = f->starts[t];
        b.tree->n_edges = f->starts[t + 1] - f->starts[t];
        build_tree(&b, b.tree->n_edges);
        inner += b.tree->n_nodes;
    }
    *ret = s;
    return true;
}

/* ---- Explaining a row ---- */

/* By node of the tree at hand. */
struct pass {
    shap_lanes product[NODES_MAX]; /* down: of the path's factors; up: sum of the leaves' below */
    shap_lanes factor[NODES_MAX];  /* of the edge: t * o + (1 - t) * r */
    float satisfied[NODES_MAX];    /* o of the edge, over all tests of its feature down to here */
};

static inline void step_down(struct pass *p, const struct shap_edge *edges, const struct shap_node *n,
                             bool left)
{
    const shap_lanes rest = 1 - point;
    shap_lanes above = p->product[n->self];
    float open = 1;
    if (n->before) {
        above /= p->factor[n->before];
        open = p->satisfied[n->before];
    }
    for (int side = 0; side < 2; side++) {
        uint32_t child = n->left + (uint32_t)side;
        float o = (side == 0) == left ? open : 0;
        shap_lanes factor = point * o + rest * edges[child].share;
        p->satisfied[child] = o;
        p->factor[child] = factor;
        p->product[child] = above * factor;
    }
}

/* What the leaves below an edge give its feature: -1 / (1 - t) unsatisfied, `gain` more where satisfied. */
static inline shap_lanes edge_part(const struct pass *p, const struct shap_edge *edges, uint32_t child)
{
    const shap_lanes unsatisfied = -weights / (1 - point);
    return unsatisfied + edges[child].gain * p->satisfied[child];
}

static inline void step_up(struct pass *p, const struct shap_edge *edges, const struct shap_node *n,
                           shap_lanes *phi)
{
    shap_lanes left = p->product[n->left], right = p->product[n->left + 1], sum = left + right;
    shap_lanes part = left * edge_part(p, edges, n->left) + right * edge_part(p, edges, n->left + 1u);
    if (n->before) /* the earlier test of the feature does not speak for the leaves below a later one */
        part -= sum * edge_part(p, edges, n->before);
    phi[n->target] += part;
    p->product[n->self] = sum;
}

void shap_add(const struct shap *s, const float *doubled, shap_lanes *phi)
{
    struct pass p;
    for (uint32_t t = 0; t < s->n_trees; t++) {
        const struct shap_tree *tree = &s->trees[t];
        const struct shap_node *nodes = s->nodes + tree->first_node;
        const struct shap_edge *edges = s->edges + tree->first_edge;
        p.product[0] = (shap_lanes){ 1, 1, 1, 1 };
        for (uint32_t i = 0; i < tree->n_nodes; i++)
            step_down(&p, edges, &nodes[i], doubled[nodes[i].at] < nodes[i].threshold);
        for (uint32_t i = 0; i < tree->n_edges;
             i++) /* an inner node's value is 0, and its product rewritten */
            p.product[i] *= edges[i].value;
        for (uint32_t i = tree->n_nodes; i-- > 0;)
            step_up(&p, edges, &nodes[i], phi);
    }
}
