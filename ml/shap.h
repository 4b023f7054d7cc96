/* shap.h: exact path-dependent TreeSHAP of a whole forest, one pass down and one up each tree.
 *
 * A leaf of value v whose path tests features 1..d, feature j with the share r_j of the training rows that go
 * the leaf's way and o_j = 1 where the row goes it too, contributes to feature i (Lundberg 2018; the weights
 * as beta integrals) v * (o_i - r_i) * integral over t in [0, 1] of product over j != i of (t * o_j + (1 - t)
 * * r_j) The integrand is a polynomial of degree d - 1 <= 7, so Gauss-Legendre quadrature with 4 points is
 * exact. With the 4 points as the lanes of one vector, the products flow down the tree and the leaves' sums
 * flow up (the idea of Linear TreeSHAP, Yu et al. 2022): a few vector operations an edge, where the usual
 * algorithm needs d^2 a leaf. */
#ifndef ML_SHAP_H
#define ML_SHAP_H

#include "ml/forest.h"

C_BEGIN

#define SHAP_POINTS 4

/* One number a quadrature point. */
typedef float shap_lanes __attribute__((vector_size(SHAP_POINTS * sizeof(float))));

/* An inner node. Edges are numbered by the node they lead to. */
struct shap_node {
    float threshold;
    uint32_t at; /* index in the doubled row */
    uint16_t self, left;
    uint16_t before; /* the edge above that tests the same feature last, or 0 */
    uint16_t target; /* where the feature's contribution goes */
};

struct shap_edge {
    shap_lanes gain; /* weight * ((1 - r) / (t + (1 - t) * r) + 1 / (1 - t)): what being satisfied adds */
    float share;     /* r: of the feature, over all its tests down to here */
    float value;     /* of the leaf below, 0 for an inner node */
};

struct shap_tree {
    uint32_t first_node, n_nodes; /* inner nodes, breadth-first */
    uint32_t first_edge, n_edges; /* also of the root, unused but for a tree that is one leaf */
};

struct shap {
    struct shap_tree *trees;
    struct shap_node *nodes;
    struct shap_edge *edges;
    uint32_t n_trees;
    double base; /* weighted mean margin of the training rows, by cover */
};

/* Contributions of feature f are multiplied by `weight` and added to place target[f], below
 * MODEL_FEATURES_MAX. The forest is a checked one. False when the arena is full. */
MUSTCHECK bool shap_build(const struct forest *f, const uint32_t *target, double weight, struct arena *a,
                          struct shap *ret);

/* Adds the contributions of one row to phi, a vector a place: its lanes sum to the contribution.
 * base + all contributions = weight * margin. */
void shap_add(const struct shap *s, const float *doubled, shap_lanes *phi);
double shap_sum(shap_lanes v);

C_END
#endif
