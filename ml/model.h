/* model.h: a trained lead-scoring model: values in, numbers out.
 *
 * A model is one file: a feature view learnt from data, a stack of boosted trees, a forest and a logistic
 * member, a calibration, conformal thresholds and the report of its training. `marketingctl model train`
 * makes it (ml/train.h); this header serves it. A loaded model never changes and may be used from any number
 * of threads at once; nothing on the scoring path allocates, locks or does I/O.
 *
 * Life of a request:
 *     float row[MODEL_FEATURES_MAX];
 *     model_row(m, cells, n, row);             the lead's fields -> feature row
 *     model_score_row(m, row, &score);         feature row -> probability, margin, conformal sets
 *     model_explain_row(m, row, arena, &why);  exact contributions of the lead's own fields
 * The same row gives the same bits on every x86-64 and arm64 machine: keep the row, and a score can be
 * replayed. (Of `probability` the last bit rests on the C library's exp and log1p: glibc rounds them
 * otherwise on x86-64 without FMA, which processors have had since 2013.) */
#ifndef ML_MODEL_H
#define ML_MODEL_H

#include "base/arena.h"
#include "base/status.h"

C_BEGIN

#define MODEL_DIGEST_BYTES 32
#define MODEL_KEY_BYTES 32 /* an Ed25519 public key */
#define MODEL_COLUMNS_MAX 1024u
#define MODEL_FEATURES_MAX 2048u
#define MODEL_FILE_MAX (64u * 1024 * 1024)

struct model;         /* immutable, counted */
struct model_foreign; /* ml/booster.h: serves what the own walker cannot */

/* One field of a lead. Numbers and dates are text, as in a CSV. Names match the training file's header
 * exactly. */
struct cell {
    struct str name;
    struct str text;
};

/* ---- Loading ---- */

/* What may be loaded. Zero-initialised it trusts nothing, so every file is refused. */
struct model_trust {
    const unsigned char (*keys)[MODEL_KEY_BYTES]; /* trusted signers */
    size_t n_keys;
    bool accept_unsigned;                /* also take files with no, or a stranger's, signature */
    const struct model_foreign *foreign; /* NULL: refuse files that need XGBoost to be served */
};

/* Checks signature, digest, every size, index, depth and number of the file, and builds the model (heap; the
 * bytes are no longer needed). Untrusted bytes are safe here. The reference returned is the caller's. Fails:
 * MODEL_INVALID (damaged, foreign, over a limit), MODEL_UNSIGNED, REQUEST_TOO_LARGE (no memory). */
MUSTCHECK struct status model_load(struct str file, const struct model_trust *trust, struct arena *errors,
                                   struct model **ret);
struct model *model_ref(struct model *m);
void model_unref(struct model *m); /* NULL is fine; the last reference frees */

/* ---- What it is ---- */

enum column_kind { COLUMN_NUMERIC = 1, COLUMN_CATEGORICAL = 2, COLUMN_DATE = 3, COLUMN_TEXT = 4 };

struct model_column {
    struct str name;
    enum column_kind kind;
    uint32_t n_levels; /* known levels of a categorical column */
};

struct model_info {
    struct str name;            /* as given at training */
    struct str xgboost_version; /* "1.7.4" */
    int64_t created_us;         /* wall clock of the training */
    uint64_t train_rows, train_positives;
    const struct model_column *columns; /* in the training file's order */
    size_t n_columns, n_features, n_members, n_trees;
    double base_rate;                      /* of the training rows */
    struct str report;                     /* report.json of the training: out-of-fold metrics and curves */
    struct str data;                       /* JSON: training file's name, size, digest, options */
    bool is_signed;                        /* the signature is by one of the trusted keys */
    unsigned char signer[MODEL_KEY_BYTES]; /* zeros where the file carries no signature */
};

/* Everything pointed at lives as long as the model. */
const struct model_info *model_info(const struct model *m);
/* SHA-256 of the whole file: the model's identity in decisions. */
const unsigned char *model_digest(const struct model *m);

/* ---- Features ---- */

/* Fills row, n_features floats of model_info. Fields the model does not know are ignored, known ones that are
 * absent or empty (also NA, N/A, NaN, null, none, nil, -) count as missing, a level never seen counts as
 * unknown, a number that does not parse as missing. Of a name given twice the last wins. Cannot fail. */
void model_row(const struct model *m, const struct cell *cells, size_t n, float *row);

/* The same when many leads share one shape: names are looked up once. binding[i] is for names[i]. */
#define MODEL_UNBOUND UINT32_MAX
void model_bind(const struct model *m, const struct str *names, size_t n, uint32_t *ret_binding);
void model_row_bound(const struct model *m, const uint32_t *binding, const struct str *texts, size_t n,
                     float *row);

/* ---- Scores ---- */

struct model_score {
    double probability; /* calibrated, in (0, 1) */
    double margin;      /* log-odds of the stack; contributions sum to it */
    /* Conformal label sets: at 90% (95%) of the rows of either class the set holds the true class. Both false
     * or both true: the model cannot tell. */
    bool in0_90, in1_90, in0_95, in1_95;
};

void model_score_row(const struct model *m, const float *row, struct model_score *ret);

/* ---- Reasons ---- */

struct contribution {
    uint32_t column;
    double value; /* of the margin, in log-odds: above 0 speaks for the outcome */
};

struct model_explanation {
    double base; /* margin of the average training row; base + all values = margin */
    const struct contribution *contributions; /* every column, the strongest first */
    size_t n;
};

/* Exact Shapley values (TreeSHAP, path-dependent) of the stacked margin, summed over the features of each
 * column. The explanation lives in the arena. Fails: REQUEST_TOO_LARGE (arena full). */
MUSTCHECK struct status model_explain_row(const struct model *m, const float *row, struct arena *a,
                                          struct model_explanation *ret);

/* ---- The smallest change ---- */

struct model_goal {
    double probability;
    bool at_least;               /* true: reach probability >= this; false: fall below it */
    const bool *mutable_columns; /* by column; NULL: all may change */
};

struct change {
    uint32_t column;
    struct str to; /* the new text; empty: leave the field out */
};

struct model_change {
    bool found;
    size_t n; /* fields changed: 1, or 2 where no single one suffices */
    struct change changes[2];
    double probability; /* after the change */
    double cost;
};

/* Finds the single field, else the pair of fields, whose change moves the score across the goal at least
 * cost. A numeric or date field's cost is the share of training rows between the old and the new value, a
 * categorical one's is 1 minus the share of the new level (usual values are cheap); candidates are values
 * seen in training. Singles are searched exhaustively over these candidates, pairs over the strongest few of
 * each column. found is false where neither does it, or the goal is met already (then n is 0). Texts live in
 * the arena. Takes milliseconds: not for the hot path. */
MUSTCHECK struct status model_smallest_change(const struct model *m, const struct cell *cells, size_t n,
                                              const struct model_goal *goal, struct arena *a,
                                              struct model_change *ret);

C_END
#endif
