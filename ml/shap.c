#include "ml/shap.h"

#define LEVELS FOREST_DEPTH_MAX
#define NODES_MAX ((1u << LEVELS) - 1)
#define POINTS_MAX ((LEVELS + 1) / 2)

_Static_assert(2 * MODEL_FEATURES_MAX <= UINT16_MAX, "places in the doubled row");

/* ---- Building ---- */

/* One place of the eight trees. */
struct place {
    uint16_t above, below; /* places: the one above; the left one below, the right one follows it. 0: none */
    bool right;            /* of the place above */
    uint32_t at[SHAP_TREES]; /* node of each tree; a leaf stays where it is */
};

struct build {
    const struct forest *forest;
    const uint32_t *target;
    double weight;
    uint32_t first; /* tree of the group */
    uint32_t depth, n_places, n_upper;
    struct place places[NODES_MAX]; /* of nodes that are not leaves in all trees, breadth-first */
    uint16_t number[NODES_MAX];     /* of the place's node in the group */
};

static uint32_t feature_of(const struct node *n)
{
    return n->feature & ~NODE_DEFAULT_LEFT;
}

/* Stands in for the trees that the last group lacks. */
static const struct node no_tree = { 0, 0, 0, 1 };

static const struct node *node_at(const struct build *b, uint32_t lane, uint32_t at)
{
    const struct forest *f = b->forest;
    uint32_t tree = b->first + lane;
    return tree < f->n_trees ? &f->nodes[f->starts[tree] + at] : &no_tree;
}

/* The share of the node's training rows that go to one side. */
static double share(const struct build *b, uint32_t lane, const struct node *n, bool right)
{
    double side[2] = { (double)node_at(b, lane, n->left)->cover,
                       (double)node_at(b, lane, n->left + 1)->cover };
    return side[right] / (side[0] + side[1]);
}

static struct place go(const struct build *b, uint32_t from, bool right)
{
    struct place next = { .above = (uint16_t)from, .right = right };
    for (uint32_t lane = 0; lane < SHAP_TREES; lane++) {
        uint32_t at = b->places[from].at[lane], left = node_at(b, lane, at)->left;
        next.at[lane] = left ? left + right : at;
    }
    return next;
}

static bool has_leaves_only(const struct build *b, const struct place *p)
{
    for (uint32_t lane = 0; lane < SHAP_TREES; lane++)
        if (node_at(b, lane, p->at[lane])->left)
            return false;
    return true;
}

/* Finds the places of the group and numbers them: those with places below come first. */
static void lay_out(struct build *b)
{
    uint32_t level_end = 1, n_lowest = 0;
    memset(b->places, 0, sizeof b->places[0]);
    b->depth = b->n_places = 1;
    b->n_upper = 0;
    for (uint32_t i = 0; i < b->n_places; i++) {
        struct place left = go(b, i, false), right = go(b, i, true);
        if (i == level_end) {
            b->depth++;
            level_end = b->n_places;
        }
        bool lowest = has_leaves_only(b, &left) && has_leaves_only(b, &right);
        b->number[i] = (uint16_t)(lowest ? n_lowest++ : b->n_upper++);
        if (lowest)
            continue;
        b->places[i].below = (uint16_t)b->n_places;
        b->places[b->n_places++] = left;
        b->places[b->n_places++] = right;
    }
    for (uint32_t i = 0; i < b->n_places; i++)
        b->number[i] = (uint16_t)(b->number[i] + (b->places[i].below ? 0 : b->n_upper));
}

static void fill_lane(const struct build *b, uint32_t place, uint32_t lane, struct shap_node *to)
{
    const struct place *p = &b->places[place];
    const struct node *n = node_at(b, lane, p->at[lane]);
    int32_t bit = 1, earlier = 0;
    double before = 1;
    to->ratio[lane] = to->before[lane] = 1; /* of a leaf: both sides are equal, so that nothing is given */
    if (n->left == 0)
        return;
    for (; p != b->places; p = &b->places[p->above], bit <<= 1) {
        const struct node *above = node_at(b, lane, b->places[p->above].at[lane]);
        if (feature_of(above) != feature_of(n))
            continue;
        earlier |= bit;
        before *= share(b, lane, above, p->right);
    }
    to->threshold[lane] = n->value;
    to->ratio[lane] = (float)share(b, lane, n, false);
    to->before[lane] = (float)before;
    to->at[lane] = (uint16_t)(2 * feature_of(n) + ((n->feature & NODE_DEFAULT_LEFT) != 0));
    to->target[lane] = (uint16_t)b->target[feature_of(n)];
    to->earlier[lane] = earlier;
}

static void fill_leaves(const struct build *b, uint32_t place, struct shap_leaves *to)
{
    struct place left = go(b, place, false), right = go(b, place, true);
    for (uint32_t lane = 0; lane < SHAP_TREES; lane++) {
        to->left[lane] = (float)(b->weight * (double)node_at(b, lane, left.at[lane])->value);
        to->right[lane] = (float)(b->weight * (double)node_at(b, lane, right.at[lane])->value);
    }
}

static bool build_group(struct build *b, struct arena *a, struct shap_group *ret)
{
    lay_out(b);
    struct shap_node *nodes = ARENA_ARRAY(a, b->n_places, struct shap_node);
    struct shap_leaves *leaves = ARENA_ARRAY(a, b->n_places - b->n_upper, struct shap_leaves);
    if (!nodes || !leaves)
        return false;
    for (uint32_t i = 0; i < b->n_places; i++) {
        struct shap_node *to = &nodes[b->number[i]];
        for (uint32_t lane = 0; lane < SHAP_TREES; lane++)
            fill_lane(b, i, lane, to);
        if (b->places[i].below) {
            to->left = b->number[b->places[i].below];
            to->right = b->number[b->places[i].below + 1];
        } else {
            fill_leaves(b, i, &leaves[b->number[i] - b->n_upper]);
        }
    }
    struct shap_group g = { nodes, leaves, b->n_places, b->n_upper, (b->depth + 1) / 2 };
    *ret = g;
    return true;
}

static double expected(const struct build *b, const struct node *n)
{
    if (n->left == 0)
        return (double)n->value;
    double left = share(b, 0, n, false);
    return left * expected(b, node_at(b, 0, n->left)) + (1 - left) * expected(b, node_at(b, 0, n->left + 1));
}

bool shap_build(const struct forest *f, const uint32_t *target, double weight, struct arena *a,
                struct shap *ret)
{
    struct shap s = { .n_groups = (f->n_trees + SHAP_TREES - 1) / SHAP_TREES, .base = (double)f->base };
    struct build b = { .forest = f, .target = target, .weight = weight };
    s.groups = ARENA_ARRAY(a, s.n_groups + 1, struct shap_group);
    if (!s.groups)
        return false;
    for (uint32_t g = 0; g < s.n_groups; g++) {
        b.first = g * SHAP_TREES;
        if (!build_group(&b, a, &s.groups[g]))
            return false;
    }
    for (b.first = 0; b.first < f->n_trees; b.first++)
        s.base += expected(&b, node_at(&b, 0, 0));
    s.base *= weight;
    *ret = s;
    return true;
}

/* ---- Explaining a row ---- */

#define INLINE static inline __attribute__((always_inline))

typedef float lanes __attribute__((vector_size(SHAP_TREES * sizeof(float))));
typedef int32_t marks __attribute__((vector_size(SHAP_TREES * sizeof(int32_t)))); /* -1: yes */

/* Gauss-Legendre on [0, 1], by number of points. */
static const struct {
    float t[POINTS_MAX], weight[POINTS_MAX];
} quadrature[POINTS_MAX + 1] = {
    { { 0 }, { 0 } },
    { { 0.5f }, { 1 } },
    { { 0.21132487f, 0.78867513f }, { 0.5f, 0.5f } },
    { { 0.11270167f, 0.5f, 0.88729833f }, { 0.27777778f, 0.44444444f, 0.27777778f } },
    { { 0.069431844f, 0.33000948f, 0.66999052f, 0.93056816f },
      { 0.17392742f, 0.32607258f, 0.32607258f, 0.17392742f } },
};

/* By node of the group at hand. */
struct pass {
    lanes product[NODES_MAX][POINTS_MAX]; /* P; of a node passed on the way down, what it gives for each unit
                                             of G_left - G_right */
    lanes part[NODES_MAX][POINTS_MAX];    /* f; of a node passed on the way up, G */
    marks went[NODES_MAX];                /* bit i: the row goes this way at the node i + 1 levels above */
};

/* Turns P into the gain and leaves f. */
INLINE void meet(struct pass *p, const struct shap_node *n, uint32_t at, uint32_t points,
                 const float *doubled, marks *left)
{
    const lanes one = { 1, 1, 1, 1, 1, 1, 1, 1 };
    lanes x;
    for (int lane = 0; lane < SHAP_TREES; lane++)
        x[lane] = doubled[n->at[lane]];
    marks open = (p->went[at] & n->earlier) == n->earlier;
    *left = x < n->threshold;
    lanes change = (lanes)(open & (marks)((lanes)(*left & (marks)one) - n->ratio));
    lanes scaled = change * n->before;
    for (uint32_t k = 0; k < points; k++) {
        float t = quadrature[points].t[k];
        lanes inverse = 1 / (t + (1 - t) * n->before);
        p->part[at][k] = n->ratio + change * (t * inverse);
        p->product[at][k] *= scaled * (inverse * inverse);
    }
}

INLINE void go_down(struct pass *p, const struct shap_node *n, uint32_t at, uint32_t points,
                    const float *doubled)
{
    lanes above[POINTS_MAX];
    marks left;
    memcpy(above, p->product[at], points * sizeof *above);
    meet(p, n, at, points, doubled, &left);
    for (uint32_t k = 0; k < points; k++) {
        lanes to_left = above[k] * p->part[at][k];
        p->product[n->left][k] = to_left;
        p->product[n->right][k] = above[k] - to_left;
    }
    p->went[n->left] = 2 * p->went[at] - left;
    p->went[n->right] = 2 * p->went[at] + 1 + left;
}

INLINE void give(const struct shap_node *n, const lanes *gain, shap_lanes *phi)
{
    for (int lane = 0; lane < SHAP_TREES; lane++)
        phi[n->target[lane]][lane] += (*gain)[lane];
}

INLINE void turn(struct pass *p, const struct shap_node *n, const struct shap_leaves *leaves, uint32_t at,
                 uint32_t points, const float *doubled, shap_lanes *phi)
{
    marks left;
    lanes gain = { 0 };
    meet(p, n, at, points, doubled, &left);
    lanes difference = leaves->left - leaves->right;
    for (uint32_t k = 0; k < points; k++) {
        gain += p->product[at][k];
        p->part[at][k] = leaves->right + p->part[at][k] * difference;
    }
    gain *= difference;
    give(n, &gain, phi);
}

INLINE void go_up(struct pass *p, const struct shap_node *n, uint32_t at, uint32_t points, shap_lanes *phi)
{
    lanes gain = { 0 };
    for (uint32_t k = 0; k < points; k++) {
        lanes right = p->part[n->right][k], difference = p->part[n->left][k] - right;
        gain += p->product[at][k] * difference;
        p->part[at][k] = right + p->part[at][k] * difference;
    }
    give(n, &gain, phi);
}

INLINE void add_group(struct pass *p, const struct shap_group *g, uint32_t points, const float *doubled,
                      shap_lanes *phi)
{
    const lanes none = { 0 };
    for (uint32_t k = 0; k < points; k++)
        p->product[0][k] = none + quadrature[points].weight[k];
    p->went[0] = (marks)none;
    for (uint32_t i = 0; i < g->n_upper; i++)
        go_down(p, &g->nodes[i], i, points, doubled);
    for (uint32_t i = g->n_upper; i < g->n_nodes; i++)
        turn(p, &g->nodes[i], &g->leaves[i - g->n_upper], i, points, doubled, phi);
    for (uint32_t i = g->n_upper; i-- > 0;)
        go_up(p, &g->nodes[i], i, points, phi);
}

/* The number of points is a constant in each case: the loops over them are unrolled. */
INLINE void add_groups(const struct shap *s, const float *doubled, shap_lanes *phi)
{
    struct pass p;
    for (uint32_t i = 0; i < s->n_groups; i++) {
        const struct shap_group *g = &s->groups[i];
        switch (g->points) {
        case 1:
            add_group(&p, g, 1, doubled, phi);
            break;
        case 2:
            add_group(&p, g, 2, doubled, phi);
            break;
        case 3:
            add_group(&p, g, 3, doubled, phi);
            break;
        default:
            add_group(&p, g, 4, doubled, phi);
        }
    }
}

#ifdef __x86_64__
/* Without FMA, whose sums have other bits. */
__attribute__((target("avx2"))) static void add_groups_avx2(const struct shap *s, const float *doubled,
                                                            shap_lanes *phi)
{
    add_groups(s, doubled, phi);
}
#endif

double shap_sum(const shap_lanes *v)
{
    double sum = 0;
    for (int lane = 0; lane < SHAP_TREES; lane++)
        sum += (double)(*v)[lane];
    return sum;
}

void shap_add(const struct shap *s, const float *doubled, shap_lanes *phi)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2")) {
        add_groups_avx2(s, doubled, phi);
        return;
    }
#endif
    add_groups(s, doubled, phi);
}
