/* shap.h: exact path-dependent TreeSHAP of a whole forest, one pass down and one up, eight trees at once.
 *
 * A leaf of value v whose path tests features 1..d, feature j with the share r_j of the training rows that go
 * the leaf's way and o_j = 1 where the row goes it too, contributes to feature i (Lundberg 2018; the weights
 * as beta integrals)
 *     v * (o_i - r_i) * integral over t in [0, 1] of product over j != i of (t * o_j + (1 - t) * r_j).
 * The integrand is a polynomial of degree d - 1, so Gauss-Legendre quadrature with d / 2 points is exact.
 *
 * At each point the sum over a tree's leaves falls apart into its inner nodes (as in Linear TreeSHAP, Yu et
 * al. 2022). Let a node test a feature, p be the share of its training rows that go left, a = 1 where the row
 * does; let the earlier tests of the same feature on the way to it have let through the share r of the rows
 * and, as o = 1 says, this one. With m = t + (1 - t) * r,
 *     f = p + o * (a - p) * t / m       is the part of the way's product that goes left, 1 - f goes right,
 *     G = f * G_left + (1 - f) * G_right  the subtree's value, G of a leaf being its own,
 *     o * (a - p) * r / m^2 * P * (G_left - G_right)   what the node gives its feature, P the product of the
 *                                                      parts from the root to it.
 * P flows down, G up; no step depends on the number of features on the way. */
#ifndef ML_SHAP_H
#define ML_SHAP_H

#include "ml/forest.h"

C_BEGIN

/* One number a tree. Kept in arrays of any alignment. */
#define SHAP_TREES 8
typedef float shap_lanes __attribute__((vector_size(SHAP_TREES * sizeof(float)), aligned(4)));
typedef int32_t shap_marks __attribute__((vector_size(SHAP_TREES * sizeof(int32_t)), aligned(4)));

/* The nodes at one place of eight trees. A tree that has a leaf there or above goes on with copies of it. */
struct shap_node {
    shap_lanes threshold;
    shap_lanes ratio;            /* p */
    shap_lanes before;           /* r; 1 where no node above tests the feature */
    uint16_t at[SHAP_TREES];     /* index in the doubled row */
    uint16_t target[SHAP_TREES]; /* where the contribution goes */
    shap_marks earlier;          /* bit i: the node i + 1 levels above tests the same feature */
    uint16_t left, right;        /* nodes; unused in the lowest nodes, which have leaves */
};

struct shap_leaves {
    shap_lanes left, right; /* weighted */
};

/* Eight trees laid over each other: first the nodes that have nodes below, then the lowest. */
struct shap_group {
    const struct shap_node *nodes;
    const struct shap_leaves *leaves; /* of the lowest nodes */
    uint32_t n_nodes, n_upper, points;
};

struct shap {
    struct shap_group *groups;
    uint32_t n_groups;
    double base; /* weighted mean margin of the training rows, by cover */
};

/* Contributions of feature f are multiplied by `weight` and added to place target[f], below
 * MODEL_FEATURES_MAX. The forest is a checked one. False when the arena is full. */
MUSTCHECK bool shap_build(const struct forest *f, const uint32_t *target, double weight, struct arena *a,
                          struct shap *ret);

/* Adds the contributions of one row to phi, a vector a place: its lanes sum to the contribution. base + all
 * contributions = weight * margin. The same bits on every x86-64 and arm64 machine. */
void shap_add(const struct shap *s, const float *doubled, shap_lanes *phi);
double shap_sum(const shap_lanes *v);

C_END
#endif
