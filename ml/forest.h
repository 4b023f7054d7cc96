/* forest.h: our own walker of boosted trees and forests, bit-equal to XGBoost's margins.
 *
 * Trees are kept as XGBoost made them (float32 thresholds, `<`, a default side for missing values) in
 * breadth-first order, and for scoring padded to perfect trees walked eight at a time without a branch. Sums
 * run in XGBoost's order. Numeric splits of any growth policy and tree method are served, to a depth of
 * FOREST_DEPTH_MAX; forest_import refuses the rest (categorical splits, dart, multi-class, deeper trees),
 * which is then XGBoost's own to serve (ml/booster.h). */
#ifndef ML_FOREST_H
#define ML_FOREST_H

#include "base/arena.h"
#include "base/status.h"
#include "ml/model.h"

C_BEGIN

#define FOREST_DEPTH_MAX 8u
#define FOREST_NODES_MAX (1u << 20)
#define FOREST_TREES_MAX 20000u

#define NODE_DEFAULT_LEFT 0x80000000u

/* 16 bytes; an array of these is also the form in the model file. A tree's nodes are breadth-first from its
 * root: the children of an inner node are `left` and `left` + 1. */
struct node {
    float value;      /* threshold, or the leaf's margin */
    uint32_t feature; /* bit 31: missing values go left */
    uint32_t left;    /* within the tree; 0 for a leaf */
    float cover;      /* sum of hessians of the training rows here */
};

/* Eight trees padded to one depth. */
struct step {
    float threshold;
    uint32_t at; /* index in the doubled row */
};
struct forest_group {
    uint32_t depth, n_trees;
    const struct step *steps; /* 8 x (2^depth - 1) */
    const float *leaves;      /* 8 x 2^depth */
};

struct forest {
    uint32_t n_trees, n_features;
    float base;       /* the margin before the first tree */
    uint32_t *starts; /* n_trees + 1: first node of each tree */
    struct node *nodes;
    struct forest_group *groups; /* by forest_finish */
    uint32_t n_groups;
};

/* Checks everything that walking and explaining rely on: order, reachability, depth, features, finite
 * numbers, covers. Fails: MODEL_INVALID. */
MUSTCHECK struct status forest_check(const struct forest *f, struct arena *errors);
/* Builds the padded groups of a checked forest. False when the arena is full. */
MUSTCHECK bool forest_finish(struct forest *f, struct arena *a);

/* A row as the walker reads it: 2 floats a feature, equal where the value is present; where it is missing,
 * +inf for nodes that send missing values right and -inf for the others. `doubled` holds 2 * n_features
 * floats. */
void row_double(const float *row, size_t n_features, float *doubled);
/* The margin, bit-equal to XGBoost's. */
float forest_margin(const struct forest *f, const float *doubled);

/* XGBoost's JSON -> a checked and finished forest in the arena. Fails: MODEL_INVALID
 * (damaged), MODEL_STATE (sound, but not for this walker). */
MUSTCHECK struct status forest_import(struct str json, struct arena *a, struct arena *errors,
                                      struct forest *ret);

C_END
#endif
