/* train.h: learns a model from a frame. Takes seconds to minutes; runs in a tool or a worker, not in the
 * server. */
#ifndef ML_TRAIN_H
#define ML_TRAIN_H

#include "ml/learn.h"
#include "ml/parts.h"

C_BEGIN

#define TRAIN_FOLDS 5u

struct train_options {
    struct str label, name;
    uint64_t seed;
    /* The rows are in time order and the model is for rows that come after them: members, stack,
     * calibration and thresholds are then judged on the newest fifth, by members that know only older rows,
     * instead of on random folds. */
    bool time_ordered;
    /* Imply time_ordered: learn from the last recency_rows only; let a row's weight halve every
     * half_life_rows rows into the past. 0: off. */
    size_t recency_rows, half_life_rows;
    struct str data; /* JSON about the source, kept in the model */
    /* Called as work proceeds, from 0 to 1; may be NULL. */
    void (*progress)(void *arg, double done, const char *what);
    void *progress_arg;
};

/* Cuts the frame to the recency window. The parts live in the arena. Fails: as dataset_learn, and INTERNAL
 * (XGBoost). */
MUSTCHECK struct status train_model(struct frame *f, const struct schema *s, const struct train_options *o,
                                    struct arena *a, struct arena *errors, struct model_parts *ret);

/* ---- Between the files of the trainer ---- */

#define FOLD_NONE UINT8_MAX /* a row that every fold trains on and none judges */

/* Out-of-fold work. */
struct oof {
    struct dataset data;
    const struct train_options *options;
    struct arena *arena, *errors;
    uint8_t *fold; /* of each row: who holds it out */
    uint32_t n_folds;
    /* The rows that some fold holds out, in order; all below is by judged row. */
    size_t n_judged;
    size_t *judged;
    float *y, *w;
    uint8_t *part; /* which of TRAIN_FOLDS parts leaves it out when the stack itself is cross-fitted */
    double done;   /* progress, 0 to 1 */
};

void train_report_progress(struct oof *o, double more, const char *what);

/* One kind of member as judged out of fold, and how to make it from all rows. */
struct candidate {
    const char *name;
    uint32_t kind;       /* which of the kinds of ml/members.c */
    double *margin;      /* by judged row, out of fold, scaled: slope * the member's own margin + shift */
    double slope, shift; /* Platt scaling of the member alone: members of one scale are stacked more safely */
    double loss;         /* mean log loss of margin */
    uint32_t rounds;     /* boosting rounds, or the index of the ridge */
};

#define CANDIDATES_MAX 8u
/* Trains every kind of member on all folds. */
MUSTCHECK struct status members_out_of_fold(struct oof *o, struct candidate *c, uint32_t *ret_n);
/* Trains the final members of those candidates that have a weight. */
MUSTCHECK struct status members_final(struct oof *o, const struct candidate *c, uint32_t n,
                                      const struct stack *stack, struct model_parts *p);

/* report.json. margin: of the whole stack, cross-fitted, by judged row. */
struct report_input {
    const struct oof *oof;
    const struct candidate *candidates;
    uint32_t n_candidates;
    const struct stack *stack;
    const double *margin;
    const struct calibration *calibration;
};
MUSTCHECK struct status report_write(const struct report_input *in, struct arena *a, struct str *ret);

C_END
#endif
