/* shap.h: exact path-dependent TreeSHAP from a table made once a model (the idea of FastTreeSHAP v2, Yang
 * 2021).
 *
 * A leaf of value v whose path tests d different features, feature j with the share r_j of the training rows
 * that go the leaf's way: for a row that satisfies the subset m of these features, with B(m) = v * sum over S
 * within m of |S|! (d - |S| - 1)! / d! * product of r_j for j outside S a satisfied feature i contributes (1
 * - r_i) / r_i * B(m without i) and an unsatisfied one -B(m). So one table of 2^d floats a leaf is all there
 * is to keep, and a row costs one pass over the nodes (to find every leaf's m) and one over the leaves. */
#ifndef ML_SHAP_H
#define ML_SHAP_H

#include "ml/forest.h"

C_BEGIN

struct shap_node {
    float threshold;
    uint32_t at;         /* index in the doubled row */
    uint16_t self, left; /* places of the masks of this node and its left child */
    uint16_t keep;       /* all bits but the feature's own */
    uint16_t unused;
};

struct shap_leaf {
    uint16_t mask;  /* place of its mask */
    uint16_t depth; /* d */
    uint32_t table; /* first of its 2^d floats */
    uint32_t parts; /* first of its d parts */
};

struct shap_part {
    float odds;      /* (1 - r) / r */
    uint32_t target; /* where its contribution goes */
};

struct shap_tree {
    uint32_t first_node, n_nodes, first_leaf, n_leaves;
};

struct shap {
    struct shap_tree *trees;
    struct shap_node *nodes;
    struct shap_leaf *leaves;
    struct shap_part *parts;
    float *tables;
    uint32_t n_trees;
    double base; /* weighted mean margin of the training rows, by cover */
};

#define SHAP_TABLE_MAX (32u * 1024 * 1024) /* floats */

/* Builds the table of a checked forest. Contributions of feature f are multiplied by `weight` and added to
 * place target[f]. Fails: MODEL_INVALID (the table would pass SHAP_TABLE_MAX), REQUEST_TOO_LARGE (arena). */
MUSTCHECK struct status shap_build(const struct forest *f, const uint32_t *target, double weight,
                                   struct arena *a, struct arena *errors, struct shap *ret);

/* Adds the contributions of one row to phi. base + all contributions = weight * margin. */
void shap_add(const struct shap *s, const float *doubled, double *phi);

C_END
#endif
